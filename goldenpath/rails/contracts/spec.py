"""What a contract says about each column, as plain data, and how it is read from a pydantic model."""

import hashlib
import json
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cached_property
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, BeforeValidator, ConfigDict, Strict
from pydantic.fields import FieldInfo

from goldenpath.rails.errors import BadInput
from goldenpath.rails.manifest import Frozen

Kind = Literal["level", "text", "number", "integer", "boolean", "date"]

EPOCH = date(1970, 1, 1)
TEXT_LENGTH = 256  # characters of a free text that names no limit: nobody may post a novel
EXACT_INTEGER = 2**53 - 1  # beyond this a float64, which the model sees, cannot tell two integers apart
LEVELS_SHOWN = 20  # in a message; the rest is counted

TYPES: dict[Any, Kind] = {str: "text", float: "number", int: "integer", bool: "boolean", date: "date"}
KNOWN = "Literal levels, str, float, int, bool, date, ranges (ge, gt, le, lt), max_length and '| None = None'"


class Record(BaseModel):
    "What every record is: strict types, no unknown fields, immutable, silent about submitted values."

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        "Add what holds without being written (see `unwritten`), so that records and frames agree."
        super().__pydantic_init_subclass__(**kwargs)
        for info in cls.model_fields.values():
            reading = READINGS.get(unwrap(info.annotation)[0])
            around = [reading] if reading and reading not in info.metadata else []
            info.metadata = [*unwritten(info), *info.metadata, *around]
        cls.model_rebuild(force=True)


def unwritten(info: FieldInfo) -> list[Any]:
    "What a field lacks of: a limit of a text's length, of integers to exact ones."
    base, optional, around = unwrap(info.annotation)
    written = list(flat([*around, *info.metadata]))
    if base is str:
        short = [MinLen(1)] * (not optional)  # in a frame, an empty text is a missing one
        long = [MaxLen(TEXT_LENGTH)] * (not any(isinstance(item, MaxLen) for item in written))
        return [item for item in (*short, *long) if item not in written]
    limits = [Ge(-EXACT_INTEGER), Le(EXACT_INTEGER)] if base is int else []
    return [item for item in limits if item not in written]


def iso_date(value: Any) -> Any:
    "A date from YYYY-MM-DD and nothing else: pydantic would also read a text of seconds since 1970."
    if isinstance(value, str) and len(value) == 10 and value[4] == value[7] == "-":
        return date.fromisoformat(value)
    if value is None or isinstance(value, date):
        return value
    raise ValueError("not YYYY-MM-DD")


def whole(value: Any) -> Any:
    "An integer from a float without a fraction, as JSON Schema has it: pandas writes 1990.0 beside a gap."
    return int(value) if isinstance(value, float) and value.is_integer() else value


READINGS: dict[Any, BeforeValidator] = {date: BeforeValidator(iso_date), int: BeforeValidator(whole)}
UNWRITTEN = (MinLen(1), Ge(-EXACT_INTEGER), Le(EXACT_INTEGER), *READINGS.values())


class Target(Frozen):
    "The column to predict. Targets are binary."

    column: str
    positive: str  # the outcome whose probability is predicted
    negative: str
    unknown: tuple[str, ...] = ()  # outcomes that are no error but cannot be learnt from


class FieldSpec(Frozen):
    "One column: what it may hold and what it means."

    name: str  # the column's header, and the key in JSON
    kind: Kind
    levels: tuple[str, ...] = ()  # kind "level" only, in the order of the definition
    optional: bool = False  # may be empty or left out
    lower: float | None = None  # number, integer; date: days since 1970-01-01
    upper: float | None = None
    lower_open: bool = False  # True: the bound itself is not allowed
    upper_open: bool = False
    max_length: int | None = None  # characters; kind "text" only
    description: str = ""  # one sentence for the form and the API's documentation

    @property
    def is_text(self) -> bool:
        "Does the model see this column as text? All others it sees as float64."
        return self.kind in ("level", "text")

    @property
    def rule(self) -> str:
        "What a value must be, in words: the same for a record and for a frame."
        if self.kind == "level":
            return "one of " + some(repr(level) if "," in level else level for level in self.levels)
        if self.kind == "text":
            return f"text of at most {self.max_length} characters"
        noun = {"number": "a number", "integer": "an integer", "boolean": "true or false"}
        return noun.get(self.kind, "a date (YYYY-MM-DD)") + self.range_in_words

    @property
    def range_in_words(self) -> str:
        "' from 0 to below 5', ' above 2', or nothing."
        below = f" to {'below ' * self.upper_open}{self.shown(self.upper)}"
        if self.lower is None:
            return (
                "" if self.upper is None else below.replace(" to", " up to").replace("up to below", "below")
            )
        above = f" {'above' if self.lower_open else 'from'} {self.shown(self.lower)}"
        return above if self.upper is None else above + below

    def shown(self, bound: float | None) -> str:
        "A bound as a person writes it."
        if bound is None:
            return ""
        return str(day(bound)) if self.kind == "date" else f"{bound:.15g}"


class ContractSpec(Frozen):
    "The whole contract as data: what `contract.json` of a version holds."

    fields: tuple[FieldSpec, ...]
    target: Target

    @cached_property
    def hash(self) -> str:
        "sha256 (hex) of what is accepted, in which order; descriptions may be reworded without a new hash."
        said = self.model_dump(mode="json", exclude={"fields": {"__all__": {"description"}}})
        canonical = json.dumps(said, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @cached_property
    def text_columns(self) -> tuple[str, ...]:
        "Columns that the model sees as text, in order of definition."
        return tuple(field.name for field in self.fields if field.is_text)

    @cached_property
    def number_columns(self) -> tuple[str, ...]:
        "Columns that the model sees as float64, in order of definition."
        return tuple(field.name for field in self.fields if not field.is_text)


def some(values: Iterable[str]) -> str:
    "The values, comma separated; of a long list the first ones and how many there are."
    found = list(values)
    shown = ", ".join(found[:LEVELS_SHOWN])
    return shown if len(found) <= LEVELS_SHOWN else f"{shown}, ... ({len(found)} in all)"


def day(days: float) -> date:
    "The date so many days after 1970-01-01."
    return EPOCH + timedelta(days=days)


def read_spec(record: type[Record], target: Target) -> ContractSpec:
    """The contract that a pydantic model and a target make.

    Raises BadInput, naming field and way out, for whatever could not be checked on a whole frame as well.
    """
    refuse_validators(record)
    fields = tuple(read_field(name, info) for name, info in record.model_fields.items())
    names = [field.name for field in fields]
    if not names:
        raise BadInput(f"record {record.__name__!r} has no fields; see notebooks/01_contract.ipynb")
    if len(set(names)) < len(names):
        raise BadInput(f"two fields of {record.__name__!r} have the same name or alias (found {some(names)})")
    refuse_target(target, names)
    return ContractSpec(fields=fields, target=target)


def refuse_validators(record: type[Record]) -> None:
    "A validator sees one record; a frame is checked column by column, so it would be silently skipped."
    decorators = record.__pydantic_decorators__
    found = [*decorators.field_validators, *decorators.model_validators, *decorators.validators]
    if found:
        raise BadInput(
            f"{record.__name__}.{found[0]} is a validator, which a frame's check cannot run; "
            f"a contract knows {KNOWN}. Derive what you need in `enrich` of notebooks/04_model.ipynb"
        )


def refuse_target(target: Target, names: list[str]) -> None:
    "A target has two different outcomes and is no input."
    if target.column in names:
        raise BadInput(
            f"target column {target.column!r} is also a field of the record: the answer would leak in"
        )
    outcomes = (target.positive, target.negative, *target.unknown)
    if "" in outcomes or len(set(outcomes)) < len(outcomes):
        raise BadInput(
            f"target {target.column!r} needs different, non-empty outcomes "
            f"(found {some(map(repr, outcomes))}); an empty outcome always counts as unknown"
        )


def read_field(name: str, info: FieldInfo) -> FieldSpec:
    "One field of a pydantic model as plain data. Raises BadInput for what a frame's check cannot know."
    base, optional, metadata = unwrap(info.annotation)
    found: dict[str, Any] = {"name": info.alias or name, "optional": optional}
    found["description"] = info.description or ""
    refuse_default(name, info, optional)
    for item in flat([*metadata, *info.metadata]):
        found.update(read_constraint(name, item))
    if get_origin(base) is Literal:
        return FieldSpec(kind="level", levels=read_levels(name, get_args(base)), **found)
    if base not in TYPES:
        raise BadInput(f"field {name!r} is of type {base!r}; a contract knows {KNOWN}")
    return FieldSpec(kind=TYPES[base], **found)


def unwrap(annotation: Any) -> tuple[Any, bool, list[Any]]:
    "The bare type of an annotation, whether it may be None, and the constraints found around the type."
    optional, metadata = False, []
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *around = get_args(annotation)
            metadata += around
        elif get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation):
            rest = [part for part in get_args(annotation) if part is not NoneType]
            annotation, optional = (rest[0] if len(rest) == 1 else Union[tuple(rest)]), True  # noqa: UP007
        else:
            return annotation, optional, metadata


def refuse_default(name: str, info: FieldInfo, optional: bool) -> None:
    "The one default is None, for a field that may be empty: any other would hide what was not said."
    if optional and (info.is_required() or info.get_default() is not None):
        raise BadInput(f"field {name!r} may be empty, so its default must be None: write `... | None = None`")
    if not optional and not info.is_required():
        raise BadInput(f"field {name!r} has a default; write `... | None = None` or leave the default out")


def flat(metadata: Iterable[Any]) -> Iterable[Any]:
    "Single constraints, out of pydantic's and annotated_types' groups."
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from flat(item.metadata)
        elif isinstance(item, GroupedMetadata):
            yield from flat(item)
        elif item is not None and not isinstance(item, Strict):  # every record is strict anyway
            yield item


def read_constraint(name: str, item: Any) -> dict[str, Any]:
    "One constraint as the keys of FieldSpec that it sets; what every record keeps anyway sets none."
    if item in UNWRITTEN:
        return {}
    match item:
        case Ge(bound):
            return {"lower": number(bound), "lower_open": False}
        case Gt(bound):
            return {"lower": number(bound), "lower_open": True}
        case Le(bound):
            return {"upper": number(bound), "upper_open": False}
        case Lt(bound):
            return {"upper": number(bound), "upper_open": True}
        case MaxLen(length):
            return {"max_length": length}
    said = ", ".join(f"{key}={value!r}" for key, value in getattr(item, "__dict__", {}).items()) or repr(item)
    raise BadInput(f"field {name!r}: {said} cannot be checked on whole frames; a contract knows {KNOWN}")


def number(bound: Any) -> float:
    "A bound as a number: a date becomes days since 1970-01-01."
    return float((bound - EPOCH).days) if isinstance(bound, date) else float(bound)


def read_levels(name: str, levels: tuple[Any, ...]) -> tuple[str, ...]:
    "The levels of a Literal, which must be non-empty text."
    wrong = [level for level in levels if not isinstance(level, str) or not level]
    if wrong:
        raise BadInput(
            f"field {name!r}: level {wrong[0]!r} is not a non-empty text; "
            'write numbers as "1", and `| None = None` where the field may be empty'
        )
    return levels
