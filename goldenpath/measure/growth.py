"""How the time to train, then predict, grows with the rows: what is measured, within how many seconds."""

import time
from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor, log10

import numpy as np
from pydantic import Field

from goldenpath.errors import GoldenpathError
from goldenpath.measure.stopwatch import Seconds, time_calls
from goldenpath.records import Frozen

FIRST, FIRST_OF_FEW = 1_000, 100  # rows; the second one for tables that have no more than the first
CALLS = 7  # for each number of rows, if they are quick
LABEL_ROOM = 0.12  # of a drawing's width between two labels, at least
CALLS_WITHIN = 0.5  # seconds for them; the one that is running may end later


class GrowthPoint(Frozen):
    "Rows, and the seconds to train on them, then to predict one record."

    rows: int = Field(ge=1, le=10**12)
    seconds: float = Field(gt=0, allow_inf_nan=False)  # median
    calls: int


class LeftOut(Frozen):
    "Rows that were not measured, and why; empty: the seconds did not suffice."

    rows: int
    why: str = ""


class Growth(Frozen):
    "The time to train, then predict, on more and more rows."

    candidate: str  # of 04_model
    points: tuple[GrowthPoint, ...]  # fewest rows first
    left_out: tuple[LeftOut, ...]
    within_s: float  # the setting growth_seconds

    def seconds_of(self, rows: int) -> float | None:
        "Return the seconds with so many rows, if they were measured."
        return next((point.seconds for point in self.points if point.rows == rows), None)


def growth_of(
    candidate: str, points: Iterable[GrowthPoint], left_out: Iterable[LeftOut], within: float
) -> Growth:
    "Put what was measured, and what was not, in the order of the rows."
    return Growth(
        candidate=candidate,
        points=tuple(sorted(points, key=lambda point: point.rows)),
        left_out=tuple(sorted(left_out, key=lambda number: number.rows)),
        within_s=within,
    )


def labelled(points: Iterable[GrowthPoint], own: int) -> list[GrowthPoint]:
    "Choose the points that have room for a label: the last, the first and the run's own before the others."
    there = list(points)
    room = LABEL_ROOM * log10(there[-1].rows / there[0].rows)
    first = [there[-1], there[0], *(point for point in there if point.rows == own)]
    chosen: list[GrowthPoint] = []
    for point in [*first, *there]:
        if all(abs(log10(point.rows / other.rows)) >= room for other in chosen):
            chosen.append(point)
    return chosen


def ticks_of(points: Sequence[GrowthPoint]) -> list[int]:
    "Return the rows to write below a drawing: powers of ten, or what was timed if that is near."
    first, last = log10(points[0].rows), log10(points[-1].rows)
    powers = range(ceil(first - 1e-9), floor(last + 1e-9) + 1)
    return [10**power for power in powers] if len(powers) > 1 else [point.rows for point in points]


def row_numbers(most: int) -> list[int]:
    "Return 1,000, 10,000 and so on, up to half of the most; from 100 on in a small table."
    number, numbers = FIRST if most > FIRST else FIRST_OF_FEW, []
    while 2 * number <= most:
        numbers.append(number)
        number *= 10
    return numbers


def time_growth(
    numbers: Sequence[int],  # of rows, ascending
    prepared: Callable[[int], Callable[[], None]],  # provides so many rows, and returns what is timed
    within: float,  # seconds for all of it, providing the rows included
    a_row: float = 0.0,  # seconds that one row takes at most, as far as known
) -> tuple[list[GrowthPoint], list[LeftOut]]:
    "Time each number of rows, until the next one would take longer than what is left of the seconds."
    end, points, left_out = time.perf_counter() + within, [], []
    for rows in numbers:
        started = time.perf_counter()
        if started + rows * a_row > end:
            left_out.append(LeftOut(rows=rows))
            continue
        try:
            call = prepared(rows)
            ready = time.perf_counter()
            seconds = _timed(call)
        except GoldenpathError as fault:  # as where so few rows have one outcome only
            left_out.append(LeftOut(rows=rows, why=str(fault)))
            continue
        points.append(GrowthPoint(rows=rows, seconds=float(np.median(seconds)), calls=len(seconds)))
        a_row = (ready - started + float(seconds.max())) / rows
    return points, left_out


def _timed(call: Callable[[], None]) -> Seconds:
    return time_calls(lambda _: call(), range(CALLS), within=CALLS_WITHIN)
