"""The vectorised check of a whole frame against a contract: the rules of one record, a column at a time.

Texts are checked by their distinct values: a million rows with nine levels cost nine look-ups and one take.
In a frame, null and the empty text both mean "nothing here".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldenpath.errors import BadInput
from goldenpath.schema.fields import EXACT_INTEGER, ContractSpec, FieldSpec, TargetSpec, some

if TYPE_CHECKING:
    import pandas as pd

BOOLEANS = {"true": 1, "1": 1, "false": 0, "0": 0}  # any case; a spreadsheet writes TRUE, a database 1


@dataclass(frozen=True)
class Checked:
    "What came out of a check."

    clean: "pd.DataFrame"  # (m, contract's columns [+ target]): index of the input, dtypes of the contract
    rejected: "pd.DataFrame"  # one line per broken value: row (index label), column, value (text), reason


class Judged(NamedTuple):
    "One column after its check."

    values: Any  # (n,) array in the dtype of the clean frame
    missing: NDArray[np.bool_]  # (n,) nothing there
    valid: NDArray[np.bool_]  # (n,) keeps the rule; of no meaning where missing


class Distinct(NamedTuple):
    "A column as its distinct texts."

    texts: NDArray[np.object_]  # (k,) str, non-empty, without repetition
    codes: NDArray[np.intp]  # (n,) position in `texts`, -1 where nothing is there


def check_frame(spec: ContractSpec, frame: "pd.DataFrame", target: bool = True) -> Checked:
    """Divide a frame into clean rows and a table of what broke the contract.

    `target` False ignores the target column, as batch scoring does. Columns that the contract does not know
    are left out; an optional column that is absent is empty. Raises BadInput for a missing or doubled column.
    """
    import pandas as pd

    refuse_columns(spec, frame)
    judged = {field.name: judge(field, column_of(field, frame)) for field in spec.fields}
    reasons = {field.name: (field.optional, f"must be {field.rule}") for field in spec.fields}
    if target and spec.target.column in frame:
        judged[spec.target.column] = judge_target(spec.target, frame[spec.target.column])
        reasons[spec.target.column] = (True, "must be " + target_rule(spec.target))
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
    wanted = {field.name for field in spec.fields} | {spec.target.column}
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

    broken = as_text(frame[name][bad]).astype(object)
    values = np.where(broken.isna(), "", broken)
    said = np.where(values == "", f"is required: {reason}", reason)
    return pd.DataFrame({"row": frame.index[bad], "column": name, "value": values, "reason": said})


def judge(field: FieldSpec, column: "pd.Series[Any]") -> Judged:
    "Check one column by its kind."
    return JUDGES[field.kind](field, column)


def judge_level(field: FieldSpec, column: "pd.Series[Any]") -> Judged:
    return judge_levels(field.levels, distinct(column))


def judge_levels(levels: tuple[str, ...], found: Distinct) -> Judged:
    "Category codes in the order of the contract's levels."
    import pandas as pd

    categories = pd.Index(levels, dtype=object)
    codes = take(categories.get_indexer(pd.Index(found.texts, dtype=object)), found.codes, -1)
    return Judged(pd.Categorical.from_codes(codes, categories=categories), found.codes < 0, codes >= 0)


def judge_text(field: FieldSpec, column: "pd.Series[Any]") -> Judged:
    import pandas as pd

    found = distinct(column)
    short = np.fromiter(map(len, found.texts), dtype=np.int64, count=len(found.texts)) <= (
        field.max_length or 0
    )
    values = pd.Categorical.from_codes(found.codes, categories=pd.Index(found.texts, dtype=object))
    return Judged(values, found.codes < 0, take(short, found.codes, True))


def judge_number(field: FieldSpec, column: "pd.Series[Any]") -> Judged:
    values, missing = numbers(column)
    return Judged(values, missing, np.isfinite(values) & in_range(field, values))


def judge_integer(field: FieldSpec, column: "pd.Series[Any]") -> Judged:
    import pandas as pd

    values, missing = numbers(column)
    whole = np.isfinite(values) & (np.abs(values) <= EXACT_INTEGER) & (values == np.floor(values))
    integers = np.where(whole, values, 0).astype(np.int64)
    return Judged(pd.arrays.IntegerArray(integers, ~whole), missing, whole & in_range(field, values))


def judge_boolean(field: FieldSpec, column: "pd.Series[Any]") -> Judged:
    import pandas as pd

    found = distinct(column)
    said = np.array([BOOLEANS.get(text.lower(), -1) for text in found.texts], dtype=np.int8)
    codes = take(said, found.codes, -1)
    return Judged(pd.arrays.BooleanArray(codes == 1, codes < 0), found.codes < 0, codes >= 0)


def judge_date(field: FieldSpec, column: "pd.Series[Any]") -> Judged:
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        moments = column.dt.tz_localize(None) if column.dt.tz is not None else column
        days, missing = moments.to_numpy().astype("datetime64[D]"), column.isna().to_numpy()
        whole = days == moments.to_numpy()  # a time of day is not a date
    else:
        found = distinct(column)
        days, missing = take(dates(found.texts), found.codes, np.datetime64("NaT", "D")), found.codes < 0
        whole = ~np.isnat(days)
    since = np.where(np.isnat(days), np.nan, days.astype(np.float64))
    return Judged(days.astype("datetime64[s]"), missing, whole & in_range(field, since))


JUDGES: dict[str, Callable[[FieldSpec, "pd.Series[Any]"], Judged]] = {
    "level": judge_level,
    "text": judge_text,
    "number": judge_number,
    "integer": judge_integer,
    "boolean": judge_boolean,
    "date": judge_date,
}


def judge_target(target: TargetSpec, column: "pd.Series[Any]") -> Judged:
    "Negative and positive become a category; unknown outcomes stay in the frame, as missing."
    found = distinct(column)
    judged = judge_levels((target.negative, target.positive), found)
    unknown = take(np.isin(found.texts, target.unknown), found.codes, True)
    return Judged(judged.values, judged.missing | unknown, judged.valid)


def target_rule(target: TargetSpec) -> str:
    "Describe the allowed labels in words."
    unknown = f" (or unknown: {some(target.unknown)})" if target.unknown else ""
    return f"{target.positive} or {target.negative}{unknown}"


def outcome_known(target: TargetSpec, frame: "pd.DataFrame") -> NDArray[np.bool_]:
    "(n,) where there is an outcome to learn from: neither empty nor one of the target's unknown ones."
    found = distinct(frame[target.column])
    return ~take(np.isin(found.texts, target.unknown), found.codes, True)


def distinct(column: "pd.Series[Any]") -> Distinct:
    "Return the distinct texts of a column; null and the empty text are -1."
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        found = distinct(column.cat.categories.to_series())
        return Distinct(found.texts, take(found.codes, column.cat.codes.to_numpy(), -1))
    codes, values = pd.factorize(as_text(column))
    texts: NDArray[np.object_] = np.asarray(values, dtype=np.object_)
    empty = np.equal(texts, "").astype(bool)
    place = np.where(empty, -1, np.cumsum(~empty) - 1)
    return Distinct(texts[~empty], take(place, codes, -1))


def as_text(column: "pd.Series[Any]") -> "pd.Series[Any]":
    "Convert a column to the text of a CSV file; whole floats as integers, which pandas converted."
    import pandas as pd

    if pd.api.types.infer_dtype(column, skipna=True) in ("string", "empty"):
        return column
    if pd.api.types.is_float_dtype(column.dtype) and all_whole(column.dropna().to_numpy(dtype=np.float64)):
        column = column.astype("Int64")
    return column.astype(object).map(str, na_action="ignore")


def all_whole(values: NDArray[np.float64]) -> bool:
    "Are all of these exact integers?"
    return bool(np.all(np.abs(values) <= EXACT_INTEGER) and np.all(values == np.floor(values)))


def take(values: NDArray[Any], codes: NDArray[Any], nothing: Any) -> NDArray[Any]:
    "values[codes], and `nothing` where the code is -1."
    padded = np.append(values, np.array([nothing], dtype=values.dtype))
    return np.asarray(padded[codes])


def numbers(column: "pd.Series[Any]") -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    "(n,) float64 and where nothing is there; NaN also for anything but numbers."
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), column.isna().to_numpy()
    found = distinct(column)
    readable = pd.to_numeric(pd.Series(found.texts, dtype=object), errors="coerce").notna().to_numpy()
    values = np.full(len(readable), np.nan)
    values[readable] = found.texts[readable].astype(np.float64)  # exact to the last bit, as for a JSON number
    return take(values, found.codes, np.nan), found.codes < 0


def dates(texts: NDArray[np.object_]) -> NDArray[np.datetime64]:
    "(k,) days from YYYY-MM-DD or YYYY/MM/DD, NaT for anything else; any year from 1 to 9999."
    import pandas as pd

    parts = pd.Series(texts, dtype=object).str.extract(
        r"^([0-9]{4})([-/])([0-9]{2})\2([0-9]{2})\Z", expand=True
    )
    shaped = parts[0].notna().to_numpy()
    year, month, day = (parts[part].fillna("1").astype(np.int64).to_numpy() for part in (0, 2, 3))
    first = (year * 12 + month - 1 - 1970 * 12).astype("datetime64[M]")
    days = first.astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
    right = shaped & (year >= 1) & (month >= 1) & (month <= 12) & (days.astype("datetime64[M]") == first)
    return np.where(right, days, np.datetime64("NaT", "D"))


def in_range(field: FieldSpec, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    "(n,) within the field's bounds; False for NaN where there is one."
    inside = np.ones(len(values), dtype=bool)
    if field.lower is not None:
        inside &= values > field.lower if field.lower_open else values >= field.lower
    if field.upper is not None:
        inside &= values < field.upper if field.upper_open else values <= field.upper
    return inside
