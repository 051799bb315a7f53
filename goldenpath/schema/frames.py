"""The vectorised check of a whole frame against a contract: the rules of one record, a column at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.errors import BadInput
from goldenpath.schema.columns import Judged, cells_as_text, judge, judge_number
from goldenpath.schema.fields import FieldSpec, some
from goldenpath.schema.spec import ContractSpec

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Checked:
    "What came out of a check."

    clean: "pd.DataFrame"  # (m, contract's columns [+ weight] [+ target]), dtypes of the contract
    rejected: "pd.DataFrame"  # one line per broken value: row (index label), column, value (text), reason


def check_frame(spec: ContractSpec, frame: "pd.DataFrame", target: bool = True) -> Checked:
    """Divide a frame into clean rows and a table of what broke the contract.

    `target` False ignores the columns of target and weight, as batch scoring does. Columns that the contract
    does not know are left out; an optional column that is absent is empty. Raises BadInput for a missing or
    doubled column.
    """
    import pandas as pd

    refuse_columns(spec, frame)
    judged = {field.name: judge(field, column_of(field, frame)) for field in spec.fields}
    reasons = {field.name: (field.optional, f"must be {field.rule}") for field in spec.fields}
    if target and spec.weight and spec.weight in frame:
        judged[spec.weight] = judge_number(spec.weight_field, frame[spec.weight])
        reasons[spec.weight] = (False, f"must be {spec.weight_field.rule}")
    if target and spec.target.column in frame:
        judged[spec.target.column] = spec.target.judge(frame[spec.target.column])
        reasons[spec.target.column] = (True, f"must be {spec.target.rule}")
    broken = {name: bad_rows(column, reasons[name][0]) for name, column in judged.items()}
    clean = pd.DataFrame({name: column.values for name, column in judged.items()}, index=frame.index)
    rejected = [rejects(frame, name, bad, reasons[name][1]) for name, bad in broken.items() if bad.any()]
    if not rejected:
        return Checked(clean, pd.DataFrame(columns=["row", "column", "value", "reason"], dtype=object))
    bad_row = np.logical_or.reduce(list(broken.values()))
    return Checked(clean[~bad_row], pd.concat(rejected, ignore_index=True))


def refuse_columns(spec: ContractSpec, frame: "pd.DataFrame") -> None:
    "Every required column is there, and every column of the contract only once."
    missing = [f.name for f in spec.fields if not f.optional and f.name not in frame.columns]
    if missing:
        raise BadInput(
            f"missing column {some(map(repr, missing))} (found {some(map(str, frame.columns))}); "
            "the columns are defined in notebooks/01_contract.ipynb"
        )
    wanted = {field.name for field in spec.fields} | {spec.target.column, spec.weight}
    doubled = [name for name in frame.columns[frame.columns.duplicated()] if name in wanted]
    if doubled:
        raise BadInput(f"column {doubled[0]!r} is twice in the header; rename or remove one of them")


def column_of(field: FieldSpec, frame: "pd.DataFrame") -> "pd.Series[Any]":
    "Return the column of a field; all empty if an optional one is absent."
    import pandas as pd

    if field.name in frame.columns:
        return frame[field.name]
    return pd.Series(None, index=frame.index, dtype=object)


def bad_rows(column: Judged, optional: bool) -> NDArray[np.bool_]:
    "Which rows break the contract in this column."
    return np.where(column.missing, not optional, ~column.valid)


def rejects(frame: "pd.DataFrame", name: str, bad: NDArray[np.bool_], reason: str) -> "pd.DataFrame":
    "Return the part of the rejected table that one column causes."
    import pandas as pd

    broken = cells_as_text(frame[name][bad]).astype(object)
    values = np.where(broken.isna(), "", broken)
    reasons = np.where(values == "", f"is required: {reason}", reason)
    return pd.DataFrame({"row": frame.index[bad], "column": name, "value": values, "reason": reasons})


def json_rows(
    fields: Sequence[FieldSpec],
    frame: "pd.DataFrame",  # clean rows
) -> list[dict[str, Any]]:  # empty values are left out
    "Return the fields of each row as a caller would write them."
    columns = [_json_values(field, frame[field.name]) for field in fields]
    names = [field.name for field in fields]
    rows = zip(*columns, strict=True)
    return [{n: v for n, v in zip(names, row, strict=True) if v is not None} for row in rows]


def _json_values(field: FieldSpec, column: "pd.Series[Any]") -> list[Any]:
    "Return one clean column as JSON holds it; None for an empty value."
    values = column.dt.strftime("%Y-%m-%d") if field.kind == "date" else column
    return values.astype(object).where(column.notna(), None).tolist()
