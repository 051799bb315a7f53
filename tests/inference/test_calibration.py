"""Maps of probabilities: rising, between 0 and 1, the same to the bit for one record and for many."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from goldenpath.inference.calibration import Calibration, Knots, calibrate, calibrated
from goldenpath.records import Columns, Layout
from goldenpath.schema.targets import TWO_OUTCOMES, ClassesSpec, QuantitySpec
from tests.helpers.calibrations import BINARY, CLASSES, bent

COLOURS = ClassesSpec(column="colour", levels=("red", "green", "blue"))
PROBABILITIES = st.floats(0, 1)


@st.composite
def knots(draw: Any) -> Knots:
    "Draw a map with steps of any size."
    steps = st.floats(1e-6, 1)
    count = draw(st.integers(2, 9))
    x, y = (np.cumsum(draw(st.lists(steps, min_size=n, max_size=n))) for n in (count - 1, count + 1))
    x = np.append(0, x / x[-1])
    return Knots(x=tuple(x.tolist()), y=tuple((y[:-1] / y[-1]).tolist()))


@given(knots(), st.lists(PROBABILITIES, min_size=1, max_size=30))
def test_one_and_many_are_the_same_to_the_bit(line: Knots, scores: list[float]) -> None:
    assert line.many(np.array(scores)).tolist() == [line.one(score) for score in scores]


@given(knots(), st.lists(PROBABILITIES, min_size=2, max_size=30))
def test_a_map_never_falls_and_stays_between_0_and_1(line: Knots, scores: list[float]) -> None:
    mapped = [line.one(score) for score in sorted(scores)]
    assert all(low <= high for low, high in pairwise(mapped))
    assert mapped[0] > 0
    assert mapped[-1] < 1


@given(st.lists(knots(), min_size=3, max_size=3), st.lists(PROBABILITIES, min_size=3, max_size=3))
def test_calibrated_classes_sum_to_1_and_are_the_same_for_one_and_many(
    maps: list[Knots], scores: list[float]
) -> None:
    calibration = Calibration(kind="isotonic", maps=tuple(maps))
    together = calibration.many(np.array([scores, scores]))
    assert together[1].tolist() == calibration.one(np.array(scores)).tolist()
    assert together.sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert ((together > 0) & (together < 1)).all()


def test_17_classes_are_the_same_for_one_and_many() -> None:
    calibration = Calibration(kind="sigmoid", maps=tuple(bent(1 + k / 9) for k in range(17)))
    scores = np.random.default_rng(0).dirichlet(np.ones(17), 50)
    assert calibration.many(scores).tolist() == [calibration.one(row).tolist() for row in scores]


def test_no_tie_arises_among_scores_that_float32_tells_apart() -> None:
    scores = np.unique(np.random.default_rng(0).random(5_000).astype(np.float32)).astype(np.float64)
    assert len(np.unique(BINARY.many(scores))) == len(scores)


def test_a_map_agrees_with_numpys_interpolation() -> None:
    line, scores = bent(3.0), np.linspace(0, 1, 1_001)
    np.testing.assert_allclose(line.many(scores), np.interp(scores, line.x, line.y), rtol=0, atol=1e-15)


def test_a_score_outside_gets_the_end_and_a_missing_one_stays_missing() -> None:
    line, scores = bent(), np.array([-0.1, 1.1, np.nan])
    for mapped in (line.many(scores), [line.one(score) for score in scores.tolist()]):
        assert list(mapped[:2]) == [line.y[0], line.y[-1]]
        assert np.isnan(mapped[2])


@pytest.mark.parametrize(
    ("x", "y", "problem"),
    [
        ((0, 1), (float("nan"), 0.9), "do not ascend"),
        ((0, float("inf"), 1), (0.1, 0.2, 0.3), "do not ascend"),
        ((0, 0.5, 1), (0.1, 0.4, 0.4), "do not ascend"),
        ((0, 0.5, 0.5, 1), (0.1, 0.2, 0.3, 0.4), "do not ascend"),
        ((0, 1), (0, 0.9), "not between 0 and 1"),
        ((0, 1), (0.1, 1.5), "not between 0 and 1"),
        ((0, 0.9), (0.1, 0.9), "not from 0 to 1"),
        ((-0.5, 1), (0.1, 0.9), "not from 0 to 1"),
        ((0, 1), (0.1, 0.5, 0.9), "needs 2 to 100 knots"),
        ((), (), "needs 2 to 100 knots"),
        (tuple(np.linspace(0, 1, 101)), tuple(np.linspace(0.1, 0.9, 101)), "needs 2 to 100 knots"),
        ((0, 5e-324, 1), (0.1, 0.2, 0.9), "too close to each other"),
    ],
)
def test_knots_that_are_no_map_are_refused(x: Any, y: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Knots(x=x, y=y)


def test_maps_must_fit_the_target() -> None:
    assert (BINARY.problem(TWO_OUTCOMES), CLASSES.problem(COLOURS)) == ("", "")
    assert CLASSES.problem(TWO_OUTCOMES) == "has 3 maps for 1 scores"
    amount = QuantitySpec(column="y", unit="units")
    assert BINARY.problem(amount) == "calibrates a target of task quantity, which has no probabilities"


class Echo:
    "An engine that answers with its one number."

    name, layout, target = "onnx", Layout(text=(), number=("score",)), TWO_OUTCOMES

    def one(self, text: Any, number: Any) -> float:
        return float(number[0])

    def many(self, columns: Columns) -> np.ndarray:
        return columns["score"]


def test_an_engine_is_calibrated_after_it_has_answered() -> None:
    engine, scores = calibrated(Echo(), BINARY), np.linspace(0, 1, 50)
    assert (engine.name, engine.layout, engine.target) == ("onnx", Echo.layout, TWO_OUTCOMES)
    assert engine.many({"score": scores}).tolist() == BINARY.many(scores).tolist()
    assert [engine.one([], [score]) for score in scores] == BINARY.many(scores).tolist()


def test_without_a_calibration_nothing_is_between_engine_and_caller() -> None:
    engine, scores = Echo(), np.linspace(0, 1, 5)
    assert calibrated(engine, None) is engine
    assert calibrate(scores, None) is scores
