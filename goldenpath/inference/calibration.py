"""Calibration: raw scores made honest, so that of the answers "30%" three in ten are right.

A map is a line through knots, which rises everywhere: it changes probabilities, and never which of two
records has the higher one. Of classes each has a map of its own against the rest, and the results are divided
by their sum (B. Zadrozny, C. Elkan, KDD 2002; scikit-learn's CalibratedClassifierCV does the same). How the
knots are found is in `goldenpath.evaluation.calibration`.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from goldenpath.inference.engines import Engine, Score
from goldenpath.records import Columns, Frozen
from goldenpath.schema.targets import Scores, TargetSpec

CalibrationKind = Literal["isotonic", "sigmoid"]
MOST_KNOTS = 100  # of one map


class Knots(Frozen):
    "A map of probabilities: linear between knots from 0 to 1, both coordinates ascending."

    x: tuple[float, ...]  # raw
    y: tuple[float, ...]  # calibrated, between 0 and 1, both excluded

    @model_validator(mode="after")
    def _checked(self) -> "Knots":
        if problem := self._problem():
            raise ValueError(problem)
        return self

    def _problem(self) -> str:
        if not 2 <= len(self.x) <= MOST_KNOTS or len(self.x) != len(self.y):
            return f"needs 2 to {MOST_KNOTS} knots (found {len(self.x)} and {len(self.y)} numbers)"
        if not (ascending(self.x) and ascending(self.y)):
            return "has knots that do not ascend"
        if self.x[0] != 0 or self.x[-1] != 1:
            return f"has knots from {self.x[0]} to {self.x[-1]}, not from 0 to 1"
        if not (self.y[0] > 0 and self.y[-1] < 1):
            return f"leads to {self.y[0]} and {self.y[-1]}, not between 0 and 1"
        return "" if all(map(isfinite, self.slopes)) else "has knots too close to each other"

    @property
    def slopes(self) -> list[float]:
        "How steep the line is after each knot but the last."
        places = pairwise(zip(self.x, self.y, strict=True))
        return [(high - low) / (end - start) for (start, low), (end, high) in places]

    @cached_property
    def one(self) -> Callable[[float], float]:
        "Return what maps one probability: about 0.2 us."
        inner = list(self.x[1:-1])
        lines = list(zip(self.x, self.y, self.slopes, self.y[1:], strict=False))

        def mapped(score: float) -> float:
            start, low, slope, high = lines[bisect_right(inner, score)]
            value = low + slope * (score - start)
            if value > high:  # by rounding, or for a score above 1
                return high
            return low if value < low else value

        return mapped

    def many(self, scores: Scores) -> Scores:  # (n,)
        "Map n probabilities, to the bit as `one` does: np.interp may fuse two operations into one."
        x, y, slopes = np.array(self.x), np.array(self.y), np.array(self.slopes)
        place = np.searchsorted(x[1:-1], scores, side="right")
        values = y[place] + slopes[place] * (scores - x[place])
        return np.asarray(np.clip(values, y[place], y[place + 1]))


def ascending(numbers: Sequence[float]) -> bool:
    "Check that each number is greater than the one before it; NaN never is."
    return all(first < second for first, second in pairwise(numbers))


class Calibration(Frozen):
    "The maps of a version: the content of its `calibration.json`."

    kind: CalibrationKind  # how they were fitted
    maps: tuple[Knots, ...]  # one for two outcomes, else one for each class

    def problem(self, target: TargetSpec) -> str:
        "Explain why these maps are not for this target; empty if they are."
        if not target.outcomes:
            return f"calibrates a target of task {target.task}, which has no probabilities"
        if len(self.maps) != target.width:
            return f"has {len(self.maps)} maps for {target.width} scores"
        return ""

    @cached_property
    def one(self) -> Callable[[Any], Any]:
        "Return what calibrates the raw scores of one record: a probability, or (k,) of classes."
        maps = [knots.one for knots in self.maps]
        return maps[0] if len(maps) == 1 else lambda scores: _shared(maps, scores.tolist())

    def many(self, scores: Scores) -> Scores:  # (n,) or (n, k), as the scores are
        "Calibrate the raw scores of n records."
        if len(self.maps) == 1:
            return self.maps[0].many(scores)
        columns = [knots.many(scores[:, place]) for place, knots in enumerate(self.maps)]
        total = sum(columns, start=np.zeros(len(scores)))  # in the order of `_shared`
        return np.column_stack([column / total for column in columns])


def _shared(maps: Sequence[Callable[[float], float]], scores: Sequence[float]) -> NDArray[np.float64]:
    values = [calibrate(score) for calibrate, score in zip(maps, scores, strict=True)]
    total = 0.0
    for value in values:  # sum() would compensate for rounding, which NumPy does not
        total += value
    return np.array([value / total for value in values])


class CalibratedEngine:
    "An engine whose answers are calibrated."

    def __init__(self, engine: Engine, calibration: Calibration) -> None:
        self.name, self.layout, self.target = engine.name, engine.layout, engine.target
        self._engine, self._calibration = engine, calibration
        self._raw, self._calibrate = engine.one, calibration.one

    def one(self, text: Sequence[str], number: Sequence[float]) -> Score:
        "Answer one record."
        calibrated: Score = self._calibrate(self._raw(text, number))
        return calibrated

    def many(self, columns: Columns) -> np.ndarray:  # (n,) or (n, k) float64
        "Answer n records at once."
        return self._calibration.many(self._engine.many(columns))


def calibrated(engine: Engine, calibration: Calibration | None) -> Engine:
    "Calibrate the answers of an engine; without a calibration it stays as it is."
    return engine if calibration is None else CalibratedEngine(engine, calibration)


def calibrate(scores: Scores, calibration: Calibration | None) -> Scores:  # (n,) or (n, k), as they are
    "Calibrate the raw scores of n records; without a calibration they stay as they are."
    return scores if calibration is None else calibration.many(scores)
