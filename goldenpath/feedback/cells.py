"""In which cell of a profile a value falls: the one place for training rows, answers and files alike."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.feedback.profile import SCORE_CELLS, FieldProfile, Profile

CellNumbers = NDArray[np.intp]  # cell of each value; NO_CELL where nothing is there
NO_CELL = -1
KnotPairs = tuple[tuple[float, float], ...]  # score -> probability, ascending


class Cells:
    "Where the values and scores of a profile fall."

    def __init__(self, profile: Profile) -> None:
        self.fields = {field.name: field for field in profile.fields}
        self._places = {
            field.name: places_of_levels(field.levels) for field in profile.fields if field.levels is not None
        }
        self._edges = {field.name: np.array(field.edges) for field in profile.fields if not field.is_text}
        self._scores, self._task = profile.scores, profile.task

    def text(
        self,
        name: str,
        values: Sequence[str],  # (n,) "" is missing
    ) -> CellNumbers:  # (n,) the last cell holds what is not among the levels
        "Return the cells of a text field's values."
        places = self._places[name]
        other = len(places) - 1
        return np.fromiter((places.get(value, other) for value in values), np.intp, len(values))

    def of_sorted(
        self,
        name: str,
        ascending: NDArray[np.float64],  # (n,) NaN last, as `np.sort` leaves them
    ) -> tuple[NDArray[np.int64], int]:
        "Count a number field's values: missing ones and then each cell; and those beyond lowest and highest."
        there = int(np.searchsorted(ascending, np.inf, side="right"))
        up_to = np.searchsorted(ascending[:there], self._edges[name], side="right")
        counts = np.diff(up_to, prepend=0, append=there)
        lowest, highest = limits_of(self.fields[name])
        below = np.searchsorted(ascending[:there], lowest, side="left")
        above = there - np.searchsorted(ascending[:there], highest, side="right")
        return np.concatenate([[len(ascending) - there], counts]), int(below + above)

    def scores(
        self,
        scores: NDArray[np.float64],  # (n,) or (n, k)
    ) -> CellNumbers:  # of the same shape
        "Return the cells of scores, calibrated as the version answers them."
        values = np.asarray(scores, dtype=np.float64)
        if self._task == "quantity":
            return place_numbers(np.array(self._scores[0].edges), values)
        return place_probabilities(values)

    def probabilities(
        self,
        scores: NDArray[np.float64],  # (n,) or (n, k)
    ) -> NDArray[np.float64]:  # of the same shape
        "Return what scores are worth as probabilities, for estimates; predicted values as they are."
        return worth([score.knots for score in self._scores], np.asarray(scores, dtype=np.float64))

    def size(self, name: str) -> int:
        "Return how many cells a field has."
        return len(self.fields[name].counts)


def places_of_levels(levels: Sequence[str]) -> dict[Any, int]:
    "Return the cell of each level; the empty text is missing."
    return {level: place for place, level in enumerate(levels)} | {"": NO_CELL}


def place_numbers(
    edges: NDArray[np.float64],  # ascending: a cell ends with the edge itself
    values: NDArray[np.float64],
) -> CellNumbers:
    "Return the cells of numbers between edges; of NaN, NO_CELL."
    return np.where(np.isnan(values), NO_CELL, np.searchsorted(edges, values, side="left"))


def lie_outside(field: FieldProfile, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    "Find the numbers (n,) beyond the field's lowest and highest value."
    lowest, highest = limits_of(field)
    return np.asarray((values < lowest) | (values > highest))


def limits_of(field: FieldProfile) -> tuple[float, float]:
    "Return the lowest and highest value that a profile knows of a number field; infinite if it knows none."
    lowest = -np.inf if field.lowest is None else field.lowest
    return lowest, np.inf if field.highest is None else field.highest


def worth(
    knots: Sequence[KnotPairs],  # of each score
    scores: NDArray[np.float64],  # (n,) or (n, k)
) -> NDArray[np.float64]:
    "Return the calibrated probability of each score, between its knots; those of classes sum to 1."
    if scores.ndim == 1:
        return between_knots(knots[0], scores)
    each = np.stack([between_knots(line, scores[:, at]) for at, line in enumerate(knots)], axis=1)
    total = each.sum(axis=1, keepdims=True)
    even = np.full_like(each, 1 / each.shape[1])
    return np.asarray(np.divide(each, total, out=even, where=total > 0))


def between_knots(knots: KnotPairs, scores: NDArray[np.float64]) -> NDArray[np.float64]:  # (n,)
    "Interpolate between knots; without any, a score is its own probability."
    if not knots:
        return scores
    at, probability = np.array(knots).T
    return np.asarray(np.interp(scores, at, probability))


def place_probabilities(scores: NDArray[np.float64]) -> CellNumbers:
    """Return the fine cells of probabilities: equal steps of the arcsine of the root.

    Towards 0 and 1 they are narrower, so that the scores of a rare outcome fall into many of them.
    """
    angle = np.arcsin(np.sqrt(np.clip(scores, 0, 1))) * (2 / np.pi)
    return np.minimum((angle * SCORE_CELLS).astype(np.intp), SCORE_CELLS - 1)


def probability_borders() -> NDArray[np.float64]:  # (SCORE_CELLS + 1,) from 0 to 1
    "Return where the fine cells of a probability begin and end."
    return np.asarray(np.sin(np.linspace(0, np.pi / 2, SCORE_CELLS + 1)) ** 2)
