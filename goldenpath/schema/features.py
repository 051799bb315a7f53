"""Columns that a model can make more of than of the raw ones: parts of dates, and marks of missing numbers.

`enrich` in 04_model adds them, so that training, batch and server have the same ones. They are ordinary
columns of text and numbers: a compiled model takes them like any other.
"""

from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.records import Columns
from goldenpath.schema.fields import EPOCH
from goldenpath.schema.spec import ContractSpec


def _names(words: str) -> NDArray[np.object_]:
    "Return names by their places, and an empty one at place -1, for a missing date."
    return np.array([*words.split(), ""], dtype=object)


MONTHS = _names("January February March April May June July August September October November December")
WEEKDAYS = _names("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
THURSDAY = 3  # 1970-01-01
Places = NDArray[np.intp]


def date_parts(
    spec: ContractSpec,
    columns: Columns,  # the contract's, as `Contract.columns` returns them; a date is days since 1970-01-01
) -> Columns:  # by date: "X month" and "X weekday" (text, "" if missing), and "X age" (days, NaN if missing)
    """Add month and weekday of each date, and its age in days at the event time.

    A contract without an event time has no ages: today's would change an answer from day to day.
    """
    parts: Columns = {}
    for field in spec.readable:
        if field.kind != "date" or field.name not in columns:
            continue
        days = columns[field.name]
        months, weekdays = calendar_places(days)
        parts[f"{field.name} month"] = MONTHS[months]
        parts[f"{field.name} weekday"] = WEEKDAYS[weekdays]
        if spec.event_time in columns and field.name != spec.event_time:
            parts[f"{field.name} age"] = columns[spec.event_time] - days
    return parts


def missing_marks(
    spec: ContractSpec,
    columns: Columns,
) -> Columns:  # by optional number, integer, boolean or date: "X missing", 1.0 or 0.0
    "Mark the missing numbers, which the model sees as the median otherwise."
    return {
        f"{field.name} missing": np.isnan(columns[field.name]).astype(np.float64)
        for field in spec.inputs
        if field.optional and not field.is_text and field.name in columns
    }


def calendar_places(days: NDArray[Any]) -> tuple[Places, Places]:
    "Return month (0 is January) and weekday (0 is Monday) of each day since 1970-01-01; -1 for NaN."
    if len(days) == 1 and days[0] == days[0]:  # a request: NumPy's calendar takes ten times as long for one
        day = date.fromordinal(EPOCH.toordinal() + int(days[0]))
        return np.array([day.month - 1]), np.array([day.weekday()])
    present = ~np.isnan(days)
    whole = np.where(present, days, 0).astype(np.intp)
    months = whole.astype("datetime64[D]").astype("datetime64[M]").astype(np.intp) % 12
    return np.where(present, months, -1), np.where(present, (whole + THURSDAY) % 7, -1)
