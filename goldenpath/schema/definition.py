"""How a contract is read from what its author wrote: a pydantic model and a target, in 01_contract.

A rule that could not be checked on a whole frame as well is a BadInput that names the notebook and the field.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, BeforeValidator, ConfigDict, Strict
from pydantic.fields import FieldInfo

from goldenpath.errors import BadInput
from goldenpath.schema.fields import EPOCH, EXACT_INTEGER, TEXT_LENGTH, FieldSpec, Kind, some
from goldenpath.schema.spec import ContractSpec
from goldenpath.schema.targets import AnyTarget, BinarySpec, ClassesSpec, QuantitySpec, TargetSpec
from goldenpath.text.spelling import nearest

_NOTEBOOK = "notebooks/01_contract.ipynb"
TYPES: dict[Any, Kind] = {str: "text", float: "number", int: "integer", bool: "boolean", date: "date"}
KNOWN = "Literal levels, str, float, int, bool, date, ranges (ge, gt, le, lt), max_length and '| None = None'"
BOUNDED = ("number", "integer", "date")
FITS = {Ge: BOUNDED, Gt: BOUNDED, Le: BOUNDED, Lt: BOUNDED, MinLen: ("text",), MaxLen: ("text",)}


def wrong(what: str) -> BadInput:
    "Return the error of an invalid contract: place and problem."
    return BadInput(f"{_NOTEBOOK}: {what}")


class Record(BaseModel):
    "What every record is: strict types, no unknown fields, immutable, silent about submitted values."

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        defer_build=True,  # until what is unwritten is added
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        "Add what holds without being written (see `unwritten`), so that records and frames agree."
        super().__pydantic_init_subclass__(**kwargs)
        for info in cls.model_fields.values():
            reading = READINGS.get(unwrap(info.annotation)[0])
            around = [reading] if reading and reading not in info.metadata else []
            info.metadata = [*unwritten(info), *info.metadata, *around]
        try:
            cls.model_rebuild(force=True)
        except Exception as fault:  # pydantic's errors are of many families
            raise _blamed(cls, fault) from None


def _blamed(record: type[Record], fault: Exception) -> BadInput:
    "Find the name of the field that pydantic cannot build; pydantic does not always report it."
    try:
        for name, info in record.model_fields.items():
            read_field(name, info)
    except BadInput as named:
        return named
    return wrong(f"record {record.__name__!r}: {' '.join(str(fault).split())}")


def unwritten(info: FieldInfo) -> list[Any]:
    "Return the default limits that a field is missing: text length, exact integer range."
    base, optional, around = unwrap(info.annotation)
    written = list(flat([*around, *info.metadata]))
    if base is str:
        short = [MinLen(1)] * (not optional)  # in a frame, an empty text is a missing one
        long = [MaxLen(TEXT_LENGTH)] * (not any(isinstance(item, MaxLen) for item in written))
        return [item for item in (*short, *long) if item not in written]
    limits = [Ge(-EXACT_INTEGER), Le(EXACT_INTEGER)] if base is int else []
    return [item for item in limits if item not in written]


def iso_date(value: Any) -> Any:
    "Parse a date from YYYY-MM-DD and nothing else: pydantic would also read a text of seconds since 1970."
    if isinstance(value, str) and len(value) == 10 and value[4] == value[7] == "-":
        return date.fromisoformat(value)
    if value is None or isinstance(value, date):
        return value
    raise ValueError("not YYYY-MM-DD")


def whole(value: Any) -> Any:
    "Return an integer for a whole float, as JSON Schema does: pandas writes 1990.0 beside a gap."
    return int(value) if isinstance(value, float) and value.is_integer() else value


READINGS: dict[Any, BeforeValidator] = {date: BeforeValidator(iso_date), int: BeforeValidator(whole)}
UNWRITTEN = (MinLen(1), Ge(-EXACT_INTEGER), Le(EXACT_INTEGER), *READINGS.values())


class Binary(BinarySpec):
    "The column with one of two outcomes to predict, as 01_contract names it."

    def __init__(
        self,
        column: str,  # its header in the rows
        positive: str = "",  # the outcome whose probability is predicted, as the rows have it
        negative: str = "",
        unknown: Sequence[str] = (),  # labels that are allowed but cannot be learned from
    ) -> None:
        "Check that all parts are text. Raises BadInput."
        require_text(column=column, positive=positive, negative=negative)
        require_texts(column, "unknown", unknown)
        super().__init__(column=column, positive=positive, negative=negative, unknown=tuple(unknown))


Target = Binary


class Classes(ClassesSpec):
    "The column with one of several classes to predict."

    def __init__(
        self,
        column: str,  # its header in the rows
        levels: Sequence[str] = (),  # 2 to 100 classes, as the rows have them
        unknown: Sequence[str] = (),  # labels that are allowed but cannot be learned from
    ) -> None:
        "Check that all parts are text. Raises BadInput."
        require_text(column=column)
        require_texts(column, "levels", levels)
        require_texts(column, "unknown", unknown)
        super().__init__(column=column, levels=tuple(levels), unknown=tuple(unknown))


class Quantity(QuantitySpec):
    "The column with an amount to predict."

    def __init__(
        self,
        column: str,  # its header in the rows
        unit: str = "",  # such as euros or mmHg
        lower: float | None = None,  # lowest outcome that a row may have
        upper: float | None = None,  # highest
    ) -> None:
        "Check that names are text and bounds are numbers. Raises BadInput."
        require_text(column=column, unit=unit)
        for name, bound in (("lower", lower), ("upper", upper)):
            if isinstance(bound, bool) or not isinstance(bound, int | float | None):
                raise wrong(f"target {column!r}: {name} = {bound!r} is not a number")
        super().__init__(column=column, unit=unit, lower=lower, upper=upper)


def require_text(**values: object) -> None:
    "Check that parts of a target are text. Raises BadInput."
    for name, value in values.items():
        if not isinstance(value, str):
            raise wrong(
                f"target {values['column']!r}: {name} = {value!r} is not text; write {name}={str(value)!r}"
            )


def require_texts(column: str, name: str, values: object) -> None:
    "Check that a part of a target is a tuple or list of texts. Raises BadInput."
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        raise wrong(f"target {column!r}: {name} = {values!r} is not a tuple of texts such as ('?',)")


def read_spec(
    record: type[Record], target: AnyTarget, key: str = "", event_time: str = "", weight: str = ""
) -> ContractSpec:
    """Make the contract of a pydantic model, a target and the roles of columns.

    Raises BadInput, with field and fix, for a rule that could not be checked on a whole frame as well.
    """
    refuse_others(record, target)
    refuse_validators(record)
    fields = tuple(read_field(name, info) for name, info in record.model_fields.items())
    names = [field.name for field in fields]
    if not names:
        raise wrong(f"record {record.__name__!r} has no fields; write one line such as `age: int` for each")
    if len(set(names)) < len(names):
        raise wrong(f"two fields of {record.__name__!r} have the same name or alias (found {some(names)})")
    refuse_target(target, names)
    refuse_roles(fields, target, key, event_time, weight)
    return ContractSpec(fields=fields, target=target, key=key, event_time=event_time, weight=weight)


def refuse_others(record: object, target: object) -> None:
    "Check that a contract is made of a class of records and a target."
    if not (isinstance(record, type) and issubclass(record, Record)):
        raise wrong(f"Contract needs a class such as `class Case(Record)`, not {record!r}")
    if not isinstance(target, BinarySpec | ClassesSpec | QuantitySpec):
        raise wrong(
            "Contract needs Target(column=..., positive=..., negative=...), Classes(column=..., levels=...) "
            f"or Quantity(column=..., unit=...), not {target!r}"
        )


def refuse_validators(record: type[Record]) -> None:
    "Refuse validators: they see one record, and a frame is checked by column, so they would be skipped."
    decorators = record.__pydantic_decorators__
    validators = [*decorators.field_validators, *decorators.model_validators, *decorators.validators]
    if validators:
        raise wrong(
            f"{record.__name__}.{validators[0]} is a validator, which a frame's check cannot run; "
            f"a contract knows {KNOWN}. Derive what you need in `enrich` of notebooks/04_model.ipynb"
        )


def refuse_target(target: TargetSpec, names: list[str]) -> None:
    "Check that a target keeps the rules of its kind and is not an input."
    if target.column in names:
        raise wrong(
            f"target column {target.column!r} is also a field of the record: the answer would leak in"
        )
    if problem := target.problem():
        raise wrong(f"target {target.column!r} {problem}")


ROLE_KINDS = {"key": ("text", "integer"), "event_time": ("date",)}
SUITS = {"key": "text or a whole number (`str`, `int`)", "event_time": "a date (`date`)"}


def refuse_roles(
    fields: Sequence[FieldSpec], target: TargetSpec, key: str, event_time: str, weight: str
) -> None:
    "Check that roles suit their columns, and that a field is left for the model."
    kinds = {field.name: field.kind for field in fields}
    for role, name in (("key", key), ("event_time", event_time)):
        if name and name not in kinds:
            raise wrong(f"{role} = {name!r} is not a field of the record{nearest(name, list(kinds))}")
        if name and kinds[name] not in ROLE_KINDS[role]:
            raise wrong(f"{role} = {name!r} is of kind {kinds[name]}; it must be {SUITS[role]}")
    if weight and weight in kinds:
        raise wrong(
            f"weight = {weight!r} is also a field of the record, so callers would be asked for it; "
            "take the field out, because only the rows have a weight"
        )
    if weight and weight == target.column:
        raise wrong(f"weight = {weight!r} is the target column; name the column that counts people")
    if key and key == event_time:
        raise wrong(f"key and event_time are both {key!r}; name two fields")
    if not kinds.keys() - {key, event_time}:
        raise wrong("the record has no field for the model beside key and event time; add one")


def read_field(name: str, info: FieldInfo) -> FieldSpec:
    "One field of a pydantic model as plain data. Raises BadInput for what a frame's check cannot know."
    base, optional, metadata = unwrap(info.annotation)
    kind = read_kind(name, base)
    facts: dict[str, Any] = {"name": info.alias or name, "optional": optional, "kind": kind}
    facts["description"] = str(info.description or "")
    refuse_default(name, info, optional)
    for item in flat([*metadata, *info.metadata]):
        if kind not in FITS.get(type(item), (kind,)):
            raise wrong(f"field {name!r}: {item!r} does not fit its type")
        facts.update(read_constraint(name, item))
    levels = read_levels(name, get_args(base)) if kind == "level" else ()
    return FieldSpec(levels=levels, **facts)


def read_kind(name: str, base: Any) -> Kind:
    "Return the kind of values that a type holds."
    if get_origin(base) is Literal:
        return "level"
    if base not in TYPES:
        raise wrong(f"field {name!r} is of type {base!r}; a contract knows {KNOWN}")
    return TYPES[base]


def unwrap(annotation: Any) -> tuple[Any, bool, list[Any]]:
    "Return the bare type of an annotation, whether it may be None, and the constraints around the type."
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
    "Refuse defaults but None, for a field that may be empty: any other would hide a missing value."
    if optional and (info.is_required() or info.get_default() is not None):
        raise wrong(f"field {name!r} may be empty, so its default must be None: write `... | None = None`")
    if not optional and not info.is_required():
        raise wrong(f"field {name!r} has a default; write `... | None = None` or leave the default out")


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
            return {"lower": number(name, bound), "lower_open": False}
        case Gt(bound):
            return {"lower": number(name, bound), "lower_open": True}
        case Le(bound):
            return {"upper": number(name, bound), "upper_open": False}
        case Lt(bound):
            return {"upper": number(name, bound), "upper_open": True}
        case MaxLen(length):
            return {"max_length": length}
    text = ", ".join(f"{key}={value!r}" for key, value in getattr(item, "__dict__", {}).items()) or repr(item)
    raise wrong(f"field {name!r}: {text} cannot be checked on whole frames; a contract knows {KNOWN}")


def number(name: str, bound: Any) -> float:
    "Convert a bound to a number: a date becomes days since 1970-01-01."
    if isinstance(bound, date):
        return float((bound - EPOCH).days)
    if not isinstance(bound, int | float):
        raise wrong(f"field {name!r}: the bound {bound!r} is not a number")
    return float(bound)


def read_levels(name: str, levels: tuple[Any, ...]) -> tuple[str, ...]:
    "Return the categories of a Literal, which must be non-empty text."
    unfit = [level for level in levels if not isinstance(level, str) or not level]
    if not levels:
        raise wrong(f"field {name!r} has no levels")
    if unfit:
        raise wrong(
            f"field {name!r}: level {unfit[0]!r} is not a non-empty text; "
            'write numbers as "1", and `| None = None` where the field may be empty'
        )
    return levels
