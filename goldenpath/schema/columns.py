"""The check of one column by the rules of its field; a text is judged by its distinct values.

A million rows with nine levels cost nine look-ups and one take. In a frame, null and the empty text both mean
that nothing is there.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldenpath.schema.fields import EXACT_INTEGER, FieldSpec

if TYPE_CHECKING:
    import pandas as pd

BOOLEANS = {"true": 1, "1": 1, "false": 0, "0": 0}  # any case; a spreadsheet writes TRUE, a database 1


class Judged(NamedTuple):
    "One column after its check."

    values: Any  # (n,) array in the dtype of the clean frame
    missing: NDArray[np.bool_]  # (n,) nothing there
    valid: NDArray[np.bool_]  # (n,) keeps the rule; of no meaning where missing


class Distinct(NamedTuple):
    "A column as its distinct texts."

    texts: NDArray[np.object_]  # (k,) str, non-empty, without repetition
    codes: NDArray[np.intp]  # (n,) position in `texts`, -1 where nothing is there


def judge(field: FieldSpec, column: "pd.Series[Any]") -> Judged:
    "Check one column by its kind."
    return JUDGES[field.kind](field, column)


def judge_level(field: FieldSpec, column: "pd.Series[Any]") -> Judged:
    return judge_levels(field.levels, distinct(column))


def judge_levels(levels: tuple[str, ...], cells: Distinct) -> Judged:
    "Category codes in the order of the contract's levels."
    import pandas as pd

    categories = pd.Index(levels, dtype=object)
    codes = take(categories.get_indexer(pd.Index(cells.texts, dtype=object)), cells.codes, -1)
    return Judged(pd.Categorical.from_codes(codes, categories=categories), cells.codes < 0, codes >= 0)


def judge_text(field: FieldSpec, column: "pd.Series[Any]") -> Judged:
    import pandas as pd

    cells = distinct(column)
    short = np.fromiter(map(len, cells.texts), dtype=np.int64, count=len(cells.texts)) <= (
        field.max_length or 0
    )
    values = pd.Categorical.from_codes(cells.codes, categories=pd.Index(cells.texts, dtype=object))
    return Judged(values, cells.codes < 0, take(short, cells.codes, True))


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

    cells = distinct(column)
    flags = np.array([BOOLEANS.get(text.lower(), -1) for text in cells.texts], dtype=np.int8)
    codes = take(flags, cells.codes, -1)
    return Judged(pd.arrays.BooleanArray(codes == 1, codes < 0), cells.codes < 0, codes >= 0)


def judge_date(field: FieldSpec, column: "pd.Series[Any]") -> Judged:
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        moments = column.dt.tz_localize(None) if column.dt.tz is not None else column
        days, missing = moments.to_numpy().astype("datetime64[D]"), column.isna().to_numpy()
        whole = days == moments.to_numpy()  # a time of day is not a date
    else:
        cells = distinct(column)
        days, missing = take(dates(cells.texts), cells.codes, np.datetime64("NaT", "D")), cells.codes < 0
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


def distinct(column: "pd.Series[Any]") -> Distinct:
    "Return the distinct texts of a column; null and the empty text are -1."
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = distinct(column.cat.categories.to_series())
        return Distinct(categories.texts, take(categories.codes, column.cat.codes.to_numpy(), -1))
    codes, values = pd.factorize(cells_as_text(column))
    texts: NDArray[np.object_] = np.asarray(values, dtype=np.object_)
    empty = np.equal(texts, "").astype(bool)
    place = np.where(empty, -1, np.cumsum(~empty) - 1)
    return Distinct(texts[~empty], take(place, codes, -1))


def cells_as_text(column: "pd.Series[Any]") -> "pd.Series[Any]":
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
    cells = distinct(column)
    readable = pd.to_numeric(pd.Series(cells.texts, dtype=object), errors="coerce").notna().to_numpy()
    values = np.full(len(readable), np.nan)
    values[readable] = cells.texts[readable].astype(np.float64)  # exact to the last bit, as for a JSON number
    return take(values, cells.codes, np.nan), cells.codes < 0


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
