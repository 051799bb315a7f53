"""Clean rows that are too many to be held: each column is read from its file when it is asked for."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenpath.schema.spec import ContractSpec
from goldenpath.tables.counted import CountedRows, few_levels, put_together

if TYPE_CHECKING:
    import pandas as pd

MANY_VALUES = 20_000_000  # values of all columns together from which on they are read one by one


class ColumnsOfFile:
    "What of a frame needs one column at a time: `frame[name]` and `len(frame)`."

    def __init__(
        self,
        read: "Callable[[list[str] | None], pd.DataFrame]",  # takes names of columns; None: all
        rows: int,
    ) -> None:
        self._read, self._rows = read, rows

    def __getitem__(self, name: str) -> "pd.Series[Any]":
        return self._read([name])[name]

    def __len__(self) -> int:
        return self._rows


def read_clean(
    read: "Callable[[list[str] | None], pd.DataFrame]",
    rows: int,  # 0: they are not too many
    spec: ContractSpec,
) -> CountedRows:
    "Read rows: equal ones are put together; where they are many and differ, one column at a time."
    if few_levels(spec) or rows * len(spec.fields) < MANY_VALUES:
        return put_together(read(None), spec)
    frame: Any = ColumnsOfFile(read, rows)
    return CountedRows(frame, np.ones(rows, dtype=np.intp))
