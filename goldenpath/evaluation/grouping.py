"""How the rows of a file are grouped: by the month or week of a date, or by the values of a column."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from goldenpath.errors import BadInput
from goldenpath.evaluation.metrics import Bools
from goldenpath.evaluation.slices import MISSING, groups
from goldenpath.schema.contract import Contract
from goldenpath.settings import Settings
from goldenpath.tables.split import DateSplit
from goldenpath.text.spelling import nearest_word

Period = Literal["month", "week"]
PERIODS: tuple[Period, ...] = ("month", "week")
MOST_GROUPS = 40  # of a text column; those with the fewest rows are put together
OTHER_LEVELS = "(others)"
MONDAY = np.datetime64("1970-01-05")


@dataclass(frozen=True)
class Grouping:
    "By what the rows of a file are grouped."

    column: str = ""  # of the file; "": all rows are one group
    kind: Literal["none", "month", "week", "text", "number"] = "none"

    @property
    def words(self) -> str:
        "Name the grouping: 'month of event_date', 'state'."
        return f"{self.kind} of {self.column}" if self.kind in PERIODS else self.column

    def of(self, batch: Any, rows: NDArray[np.intp]) -> NDArray[Any]:
        "Return what rows of a record batch are grouped by: (m,) first day of a period, number or text."
        from goldenpath.tables.rowhash import as_text, canonical
        from goldenpath.tables.triage import days_of

        if self.kind == "none":
            return np.zeros(len(rows))
        if self.kind in PERIODS:
            return first_days(days_of(batch, self.column)[rows], self.kind)
        texts = canonical(as_text(batch.column(self.column))).to_pandas().fillna("").to_numpy(dtype=object)
        return texts[rows] if self.kind == "text" else as_numbers(texts[rows])


def first_days(
    days: NDArray[np.datetime64],  # (n,) [D]
    period: str,  # month or week
) -> NDArray[np.datetime64]:  # (n,) [D]
    "Return the first day of the month, or the Monday of the week, that each day is in."
    if period == "month":
        return days.astype("datetime64[M]").astype("datetime64[D]")
    return days - (days - MONDAY) % np.timedelta64(7, "D")


def as_numbers(texts: NDArray[Any]) -> NDArray[np.float64]:
    "Read texts as numbers: NaN if one is empty or none."
    import pandas as pd

    return np.asarray(pd.to_numeric(pd.Series(texts), errors="coerce"), dtype=np.float64)


def grouping_of(
    by: str,  # "", month, week, or a column
    header: tuple[str, ...],  # columns of the file
    contract: Contract,
    settings: Settings,
) -> Grouping:
    """Decide how `by` groups the rows: a column of this name in the file is meant first.

    Raises BadInput for a column that is not there, and for a period without a date.
    """
    if not by:
        return Grouping()
    field = next((one for one in contract.fields if one.name == by), None)
    if by in header:
        if field and field.kind == "date":
            return Grouping(by, "month")
        return Grouping(by, "number" if field and field.kind in ("number", "integer") else "text")
    for period in PERIODS:
        if by == period:
            return Grouping(date_column(by, header, contract, settings), period)
    near = nearest_word(by, (*header, *PERIODS))
    hint = f"did you mean '{near}'?" if near else f"it has {', '.join(header[:12])}"
    raise BadInput(f"--by {by}: the file has no column of this name ({hint})")


def date_column(by: str, header: tuple[str, ...], contract: Contract, settings: Settings) -> str:
    "Return the column whose dates make periods: the contract's event time, else that of the split."
    split = settings.split
    column = contract.spec.event_time or (split.column if isinstance(split, DateSplit) else "")
    if not column:
        raise BadInput(
            f"--by {by}: no column holds the date of a row; name it with Contract(..., event_time=COLUMN) in "
            "notebooks/01_contract.ipynb, or group by a column of the file"
        )
    if column not in header:
        raise BadInput(f"--by {by}: the file has no column '{column}', which holds the date of a row")
    return column


def groups_in(values: NDArray[Any], grouping: Grouping) -> Iterator[tuple[str, Bools]]:
    "Name each group, with a mask (n,): periods by time, texts by name, numbers by quartile."
    if grouping.kind in PERIODS:
        yield from _periods(values, grouping.kind)
    elif grouping.kind == "number":
        yield from groups(values)
    elif grouping.kind == "text":
        yield from _texts(values)


def _periods(days: NDArray[np.datetime64], period: str) -> Iterator[tuple[str, Bools]]:
    dated = ~np.isnat(days)
    for day in np.unique(days[dated]):
        yield str(day)[:7] if period == "month" else str(day), days == day
    if not dated.all():
        yield MISSING, ~dated


def _texts(values: NDArray[Any]) -> Iterator[tuple[str, Bools]]:
    "Return the commonest values by name and all others together; very many numbers by quartile."
    levels, counts = np.unique(values.astype(str), return_counts=True)
    if len(levels) > MOST_GROUPS and np.isfinite(as_numbers(levels[levels != ""])).all():
        yield from groups(as_numbers(values))
        return
    common = set(levels[np.argsort(-counts, kind="stable")[:MOST_GROUPS]])
    shown = np.array([value if value in common else OTHER_LEVELS for value in levels], dtype=object)
    placed = shown[np.searchsorted(levels, values.astype(str))]
    for level in (*sorted(common), *([OTHER_LEVELS] if len(levels) > len(common) else [])):
        yield level or MISSING, placed == level
