"""Rows of few levels repeat: each distinct row once, and how often it is there.

25 million cases of seven columns are a few thousand distinct rows. What is fitted or measured on those with
their counts as weights is what it is on all rows.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.schema.spec import ContractSpec

if TYPE_CHECKING:
    import pandas as pd

WORTHWHILE = 50_000  # rows from which on counting takes less time than it saves
MOST_DISTINCT = 0.5  # of the rows: beyond it they are left as they are
LARGEST_CODE = 2**62
SHOWING = 20_000  # rows that show whether others repeat


@dataclass(frozen=True)
class RowCounts:
    "The distinct rows of a frame of n rows."

    places: NDArray[np.intp]  # (k,) where each comes first, in order
    codes: NDArray[np.intp]  # (n,) which of them each row is

    def sums(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        "Add up the weights (n,) of equal rows: (k,)."
        return np.asarray(np.bincount(self.codes, weight, len(self.places)), dtype=np.float64)

    @property
    def counts(self) -> NDArray[np.intp]:
        "How often each is there: (k,)."
        return np.bincount(self.codes, minlength=len(self.places))


@dataclass(frozen=True)
class CountedRows:
    "Clean rows, equal ones put together."

    frame: "pd.DataFrame"  # (k, columns)
    count: NDArray[np.intp]  # (k,) how often each is there

    @property
    def number(self) -> int:
        "How many rows these stand for."
        return int(self.count.sum())


def few_levels(spec: ContractSpec) -> bool:
    "Check that records consist of levels alone, so that many are equal."
    return not (spec.number_columns or spec.free_text or spec.key or spec.event_time)


def put_together(frame: "pd.DataFrame", spec: ContractSpec) -> CountedRows:
    "Put equal clean rows together if there are many; else each row is there once, as it was."
    distinct = count_rows(frame) if few_levels(spec) else None
    if distinct is None:
        return CountedRows(frame, np.ones(len(frame), dtype=np.intp))
    return CountedRows(frame.iloc[distinct.places], distinct.counts)


def count_rows(
    frame: "pd.DataFrame",
    fewest: int | None = None,  # rows; None: WORTHWHILE
) -> RowCounts | None:
    "Find the distinct rows; None if there are few rows, or if too many of them are distinct."
    import pandas as pd

    if len(frame) < (WORTHWHILE if fewest is None else fewest):
        return None
    codes, size = np.zeros(len(frame), dtype=np.int64), 1
    for name in frame:
        column, levels = _codes_of(frame[name])
        if size * levels > LARGEST_CODE:
            codes, kinds = pd.factorize(codes)
            size = len(kinds)
        if size * levels > LARGEST_CODE:
            return None
        codes, size = codes * levels + column, size * levels
    codes, kinds = pd.factorize(codes)
    if len(kinds) > MOST_DISTINCT * len(frame):
        return None
    places = np.empty(len(kinds), dtype=np.intp)
    places[codes[::-1]] = np.arange(len(frame))[::-1]  # the first one is written last
    return RowCounts(places, codes)


def repeated_rows(
    frame: "pd.DataFrame",
    fewest: int = SHOWING // 4,  # rows from which on it is worth looking
) -> RowCounts | None:
    "Find the distinct rows; None also if the first rows seldom repeat, which is soon known."
    if len(frame) < fewest or count_rows(frame[:SHOWING], 0) is None:
        return None
    return count_rows(frame, fewest)


def _codes_of(column: "pd.Series[Any]") -> tuple[NDArray[np.int64], int]:
    "Return the values of a column as numbers from 0, a missing one too: (n,), and how many there are."
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy().astype(np.int64) + 1, len(column.cat.categories) + 1
    codes, values = pd.factorize(column, use_na_sentinel=False)
    return codes.astype(np.int64), max(len(values), 1)
