"""Divide the values of a field into cells of enough rows, and count them."""

from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.evaluation.resampling import Ints
from goldenpath.feedback.cells import lie_outside, place_numbers
from goldenpath.feedback.profile import FEWEST_IN_CELL, LEVELS_KEPT, NUMBER_CELLS, FieldProfile
from goldenpath.feedback.ranking import Values


@dataclass(frozen=True)
class FieldRows:
    "What training rows count."

    weight: Values  # (n,)
    person: Ints | None = None  # (n,) whom a row is about; None: each row is about another one
    equal: Ints | None = None  # (n,) how many equal rows each is; None: one each

    def count(self, place: Ints, places: int) -> Ints:  # (places,); -1 has none
        "Count the different persons at each place."
        inside = place >= 0
        if self.person is None:
            rows = None if self.equal is None else self.equal[inside]
            return np.bincount(place[inside], rows, minlength=places).astype(np.intp)
        persons = int(self.person.max(initial=0)) + 1
        pairs = np.unique(place[inside].astype(np.int64) * persons + self.person[inside])
        return np.bincount(pairs // persons, minlength=places)

    def weigh(self, place: Ints, places: int) -> Values:  # (places,)
        "Add up the weights at each place."
        inside = place >= 0
        return np.asarray(np.bincount(place[inside], self.weights[inside], minlength=places))

    @property
    def weights(self) -> Values:  # (n,)
        "How many each row stands for, with those that are equal to it."
        return self.weight * (1 if self.equal is None else self.equal)

    def shown(self, chosen: NDArray[np.bool_]) -> int:  # (n,)
        "Return the weight of the chosen rows; 0 if they are about fewer than FEWEST_IN_CELL persons."
        enough = self.count(np.where(chosen, 0, -1), 1)[0] >= FEWEST_IN_CELL
        return round(self.weights[chosen].sum()) if enough else 0


def counting_weights(weight: Values, equal: Ints | None = None) -> Values:  # (n,)
    "Return weights that sum to the number of rows or more, so that they can be rounded to counts."
    total, rows = (weight.sum(), len(weight)) if equal is None else ((weight * equal).sum(), equal.sum())
    return weight * (rows / total) if 0 < total < rows else weight


def profile_text(
    name: str,
    levels: list[str],
    codes: Ints,  # (n,) place in `levels`; -1 is missing
    rows: FieldRows,
) -> FieldProfile:
    "Keep the most frequent levels; rows of all others are counted together."
    count, weight = rows.count(codes, len(levels)), rows.weigh(codes, len(levels))
    frequent = sorted(np.flatnonzero(count >= FEWEST_IN_CELL).tolist(), key=lambda level: -weight[level])
    kept = frequent[:LEVELS_KEPT]
    while kept and 0 < count.sum() - count[kept].sum() < FEWEST_IN_CELL:
        kept.pop()  # too few rows of other levels: the rarest level joins them
    kept.sort()
    other = weight.sum() - weight[kept].sum() if len(kept) < np.count_nonzero(count) else 0.0
    return FieldProfile(
        name=name,
        levels=tuple(levels[level] for level in kept),
        counts=tuple(round(number) for number in [*weight[kept], other]),
        missing=rows.shown(codes < 0),
    )


def profile_number(name: str, values: Values, rows: FieldRows) -> FieldProfile:  # (n,) NaN is missing
    "Divide numbers into cells of about equal weight, or one for each if there are few."
    distinct, place = np.unique(values, return_inverse=True, equal_nan=True)
    present = distinct[~np.isnan(distinct)]
    place = np.where(place < len(present), place, -1)
    count, weight = rows.count(place, len(present)), rows.weigh(place, len(present))
    edges = np.array(edges_of(present, count, weight))
    cell = place_numbers(edges, present)
    sums = np.asarray(np.bincount(cell, weight, len(edges) + 1), dtype=np.float64)
    field = FieldProfile(
        name=name,
        edges=tuple(edges.tolist()),
        counts=tuple(round(number) for number in sums),
        missing=rows.shown(place < 0),
        **range_of(present, count),
        **moments(present, weight, cell, sums),
    )
    return field.model_copy(update={"outside": rows.shown(lie_outside(field, values))})


def edges_of(
    distinct: Values,  # (d,) ascending
    count: Ints,  # (d,) rows
    weight: Values,  # (d,)
    cells: int = NUMBER_CELLS,
    fewest: int = FEWEST_IN_CELL,  # rows in a cell
) -> list[float]:
    "Return the borders between cells; each is a short number between two neighbouring values."
    if len(distinct) <= cells:
        last = np.arange(len(distinct) - 1)
    else:
        parts = np.arange(1, cells) * (weight.sum() / cells)
        last = np.unique(np.searchsorted(np.cumsum(weight), parts))
    total, before, kept = np.cumsum(count), 0, []
    for at in last[last < len(distinct) - 1].tolist():
        if total[at] - before >= fewest and total[-1] - total[at] >= fewest:
            kept.append(at)
            before = total[at]
    return [between(float(distinct[at]), float(distinct[at + 1])) for at in kept]


def between(low: float, high: float) -> float:
    "Return a short number above `low` and below `high`: not the value of a row, and readable."
    middle, gap = low / 2 + high / 2, high - low
    if isfinite(gap) and gap > 0:
        digits = -floor(log10(gap))
        for candidate in (round(middle, digits), round(middle, digits + 1)):
            if low < candidate < high:
                return candidate
    return max(low, middle)


def range_of(distinct: Values, count: Ints) -> dict[str, Any]:
    "Return the lowest and highest value that are not outside; none if there are too few rows."
    lowest, highest = end_of(distinct, count), end_of(-distinct[::-1], count[::-1])
    if lowest is None or highest is None or lowest > -highest:
        return {}
    return {"lowest": lowest, "highest": -highest}


def end_of(distinct: Values, count: Ints) -> float | None:
    "Return a value at or below which enough rows lie: one that so many share, or one between two."
    at = int(np.searchsorted(np.cumsum(count), FEWEST_IN_CELL))
    if at < len(distinct) and count[at] >= FEWEST_IN_CELL:
        return float(distinct[at])
    return between(float(distinct[at]), float(distinct[at + 1])) if at + 1 < len(distinct) else None


def moments(distinct: Values, weight: Values, cell: Ints, sums: Values) -> dict[str, Any]:
    "Return the mean of each cell and the standard deviation of all; nothing for numbers too large to add."
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        means = np.bincount(cell, weight * distinct, len(sums)) / sums
        centre = np.average(distinct, weights=weight) if weight.sum() else np.nan
        deviation = np.sqrt(np.average((distinct - centre) ** 2, weights=weight)) if weight.sum() else np.nan
    if not (np.isfinite(means).all() and np.isfinite(deviation)):
        return {}
    return {"means": tuple(means.tolist()), "deviation": float(deviation)}
