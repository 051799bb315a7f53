"""The one definition of a record and its target, and everything that is derived from it.

A project writes one pydantic model (a `Record`) and a `Target`; `Contract` checks single JSON records and
whole frames by the same rules. Nothing that it says about a refused record repeats what was submitted.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import FailFast, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from goldenpath.errors import BadInput
from goldenpath.records import Columns, Frozen
from goldenpath.schema.batches import BatchReader, as_number, column_from
from goldenpath.schema.definition import Binary, Classes, Quantity, Record, Target, read_spec, wrong
from goldenpath.schema.diff import Difference, diff
from goldenpath.schema.fields import FieldSpec, some
from goldenpath.schema.frames import Checked, check_frame
from goldenpath.schema.spec import ContractSpec
from goldenpath.schema.targets import TWO_OUTCOMES, AnyTarget, TargetSpec, TaskName

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "TWO_OUTCOMES",
    "Binary",
    "Broken",
    "Checked",
    "Classes",
    "Columns",
    "Contract",
    "ContractSpec",
    "Difference",
    "FieldSpec",
    "Key",
    "Malformed",
    "Problem",
    "Quantity",
    "Record",
    "Target",
    "TargetSpec",
    "TaskName",
    "columns_of_json",
    "columns_of_values",
    "diff",
]


Key: TypeAlias = str | int | None
PROBLEMS_SHOWN = 5  # in the one line of an error; `.problems` has them all
_LONG = 65_536  # bytes of a body from which on it is looked at before it is checked
JSON_BOOLEAN = '; send true, not 1 or "true"'  # a file may hold 1, a JSON record may not
CROWDED = 100  # fields beyond those of the contract that a record in a long body may have


class Problem(Frozen):
    "What is wrong with one field. Holds nothing of what was submitted."

    field: str  # "" where the trouble is a field that the contract does not know
    problem: str
    index: int | None = None  # which record of a list


class Malformed(BadInput):
    "The body is not JSON, or not a record."


class Broken(BadInput):
    "A record that breaks the contract; `problems` says how, field by field."

    def __init__(self, problems: tuple[Problem, ...]):
        shown = "; ".join(map(problem_in_words, problems[:PROBLEMS_SHOWN]))
        more = f"; and {len(problems) - PROBLEMS_SHOWN} more" if len(problems) > PROBLEMS_SHOWN else ""
        super().__init__(f"the record breaks the contract: {shown}{more}")
        self.problems = problems


class Contract:
    """What a record is and what is predicted; made once, in notebooks/01_contract.ipynb.

    Raises BadInput where the model says something that cannot be checked on frames and records alike.
    """

    def __init__(
        self,
        record: type[Record],
        target: AnyTarget,  # Binary, Classes or Quantity
        *,
        key: str = "",  # field that names whom a record is about; the model never sees it
        event_time: str = "",  # field with the day on which it was true; the model never sees it as it is
        weight: str = "",  # column of the rows, no field: how many a row stands for
        log_key: bool = False,  # may the server's log name the key of each record?
    ):
        self.spec = read_spec(record, target, key, event_time, weight)
        if log_key and not key:
            raise wrong("log_key is on, but the record has no key; name its field, or take log_key out")
        self.log_key = log_key
        self.record = record
        self.target = self.spec.target
        self.task: TaskName = self.target.task
        self.fields = self.spec.fields
        self.hash = self.spec.hash
        self.text_columns = self.spec.text_columns
        self.number_columns = self.spec.number_columns
        records: Any = Annotated[list[record], FailFast()]  # type: ignore[valid-type]
        self._many: TypeAdapter[list[Record]] = TypeAdapter(records)
        self._batches = BatchReader(record, self.spec)
        attributes = dict(zip(record.model_fields, self.fields, strict=True))
        self._values = getter([name for name, field in attributes.items() if field in self.spec.readable])
        inputs = {name: field for name, field in attributes.items() if field in self.spec.inputs}
        self._texts = getter([name for name, field in inputs.items() if field.is_text])
        self._numbers = getter([name for name, field in inputs.items() if not field.is_text])
        self._key = getter([name for name, field in attributes.items() if field.name == key])

    def parse(self, body: bytes | str) -> Record:
        """One record from strict JSON.

        Raises Malformed if it is not a JSON object, Broken where it breaks the contract.
        """
        if len(body) > _LONG:
            body = self._without_crowds(body)
        try:
            return self.record.model_validate_json(body)
        except ValidationError as error:
            raise self._refusal(error, "one JSON object, a record") from None

    def parse_many(self, body: bytes | str) -> list[Record]:
        "Parse records from a JSON list. Raises Malformed, and Broken for the first invalid record."
        if len(body) > _LONG:
            body = self._without_crowds(body)
        try:
            return self._many.validate_json(body)
        except ValidationError as error:
            raise self._refusal(error, "a JSON list of records") from None

    def columns_of_body(self, body: bytes) -> Columns:
        "Parse a JSON list of records in the form of `columns`. Raises as `parse_many` does."
        try:
            columns = self._batches.of_rows(from_json(body))
        except ValueError:
            columns = None
        return self.columns_of(self.parse_many(body)) if columns is None else columns

    def columns_of_lists(self, columns: Mapping[str, list[Any]]) -> Columns:
        "Check equally long columns of JSON values, of each field one. Raises as `parse_many` does."
        valid = self._batches.of_columns(columns)
        return self.columns_of(self.parse_many(rows_as_json(columns))) if valid is None else valid

    def check(self, frame: "pd.DataFrame", target: bool = True) -> Checked:
        """Return a frame's clean rows and the problems of the others: vectorized, by the rules of `parse`.

        Takes texts, categoricals or typed columns; `target` False ignores the target column. Raises BadInput
        for a missing column.
        """
        return check_frame(self.spec, frame, target)

    def outcome_known(self, frame: "pd.DataFrame") -> NDArray[np.bool_]:
        "(n,) True where the outcome is there and none of the target's unknown ones; takes any frame."
        return self.target.known(frame[self.target.column])

    def columns(self, clean: "pd.DataFrame") -> Columns:
        "Return the readable fields of a clean frame as a model sees them: inputs and event time."
        return {field.name: column_as_seen(field, clean[field.name]) for field in self.spec.readable}

    def outcomes(self, clean: "pd.DataFrame") -> NDArray[Any]:
        "Encode the outcomes of a clean frame: (n,) bool (True is positive), int64 codes or float64."
        return self.target.encode(clean[self.target.column])

    def weights(self, clean: "pd.DataFrame") -> NDArray[np.float64]:
        "Return how many each row of a clean frame stands for: (n,), 1 without a weight column."
        if not self.spec.weight:
            return np.ones(len(clean))
        return clean[self.spec.weight].to_numpy(dtype=np.float64)

    def key_of(self, record: Record) -> Key:
        "Return the key of a parsed record; None without one."
        return self._key(record)[0] if self.spec.key else None

    def keys_of_body(self, body: bytes) -> list[Key] | None:
        "Return the keys of a JSON list of records that keep the contract; None if the contract has no key."
        if not self.spec.key:
            return None
        keys = [row.get(self.spec.key) for row in from_json(body)]
        return [int(key) if isinstance(key, float) else key for key in keys]

    def columns_of(self, records: Sequence[Record]) -> Columns:
        "Return parsed records in the form of `columns`."
        return columns_of_values(self.spec, [self._values(record) for record in records])

    def values(self, record: Record) -> tuple[list[str], list[float]]:
        "One parsed record as the model sees it: its text and its number columns, in order of definition."
        texts = [value or "" for value in self._texts(record)]
        return texts, [as_number(value) for value in self._numbers(record)]

    def json_schema(self) -> dict[str, Any]:
        "JSON Schema (draft 2020-12) of one record."
        return self.record.model_json_schema(by_alias=True)

    def _refusal(self, error: ValidationError, wanted: str) -> BadInput:
        "Return an error in place of pydantic's, which would repeat field names that a caller made up."
        errors = error.errors(include_url=False, include_context=True, include_input=False)
        if errors[0]["type"] == "json_invalid":
            return Malformed(f"the body is not JSON ({errors[0]['ctx']['error']}); send {wanted}")
        for detail in errors:
            if detail["type"] in ("model_type", "list_type"):
                which = "".join(f", and entry {step} is not a record" for step in detail["loc"])
                return Malformed(f"the body must be {wanted}{which}")
        return Broken(tuple(dict.fromkeys(self._problem(detail) for detail in errors)))

    def _without_crowds(self, body: bytes | str) -> bytes | str:
        """Return the body to check, without repeated fields. Raises Broken for very many unknown ones.

        The check makes an error of each: a million of them took a minute and 3 GB. It also keeps
        repeated fields: a million repetitions of one took 1 GB.
        """
        try:
            read = from_json(body)
        except ValueError:
            return body  # the check says why
        fields = 0
        for index, row in enumerate(read if isinstance(read, list) else [read]):
            count = len(row) if isinstance(row, dict) else 0
            if count > len(self.fields) + CROWDED:
                raise Broken((self._unknown("fields", index if isinstance(read, list) else None),))
            fields += count
        colons = body.count(":") if isinstance(body, str) else body.count(b":")
        return body if colons <= fields + CROWDED else to_json(read, inf_nan_mode="constants")

    def _unknown(self, what: str, index: int | None = None) -> Problem:
        "Describe a problem with fields whose names a caller made up, without repeating them."
        names = some(field.name for field in self.fields)
        return Problem(
            field="", problem=f"{what} that the contract does not know (known: {names})", index=index
        )

    def _problem(self, error: ErrorDetails) -> Problem:
        "One of pydantic's errors in the contract's words."
        index = next((step for step in error["loc"] if isinstance(step, int)), None)
        if error["type"] == "extra_forbidden":
            return self._unknown("a field", index)
        field = next(field for field in self.fields if field.name in error["loc"])
        need = "is required: " if error["type"] in ("missing", "string_too_short") else ""
        hint = JSON_BOOLEAN if error["type"] == "bool_type" else ""
        return Problem(field=field.name, problem=f"{need}must be {field.rule}{hint}", index=index)


def rows_as_json(columns: Mapping[str, list[Any]]) -> bytes:
    "Write equally long columns of JSON values as a JSON list of records."
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return to_json(rows, inf_nan_mode="constants")


def getter(names: list[str]) -> Callable[[Record], tuple[Any, ...]]:
    "Return a getter of these attributes as a tuple; attrgetter makes one for two or more only."
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple(getattr(record, name) for name in names)


def problem_in_words(problem: Problem) -> str:
    "'record 3: name must be ...'"
    where = "" if problem.index is None else f"record {problem.index}: "
    return f"{where}{problem.field} {problem.problem}".replace("  ", " ")


def column_as_seen(field: FieldSpec, column: "pd.Series[Any]") -> NDArray[Any]:
    "(n,) one clean column as object (str) or float64."
    if field.is_text:
        categories = np.append(np.asarray(column.cat.categories, dtype=object), "")
        return categories[column.cat.codes.to_numpy()]
    if field.kind == "date":
        days = column.to_numpy().astype("datetime64[D]")
        return np.where(np.isnat(days), np.nan, days.astype(np.float64))
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def columns_of_json(spec: ContractSpec, records: Sequence[Mapping[str, Any]]) -> Columns:
    "JSON records that are known to keep the contract (golden ones) as the model sees them."
    rows = [[record.get(field.name) for field in spec.readable] for record in records]
    return columns_of_values(spec, rows)


def columns_of_values(spec: ContractSpec, rows: Sequence[Sequence[Any]]) -> Columns:
    "Rows of values in the order of the contract's readable fields, as columns; None is missing."
    return {
        field.name: column_from(field, [row[at] for row in rows]) for at, field in enumerate(spec.readable)
    }
