"""A map of probabilities is kept if it helps rows that it was not fitted on, and only then."""

from typing import Any

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss

from goldenpath.evaluation.calibration import (
    FEWEST,
    MANY,
    RELIABILITY_BINS,
    check_calibration,
    expected_calibration_error,
    fit_calibration,
    fit_knots,
    kinds_for,
    reliability_of,
    row_losses,
)
from goldenpath.inference.calibration import MOST_KNOTS, calibrate
from goldenpath.schema.targets import TWO_OUTCOMES, ClassesSpec
from goldenpath.settings import Settings
from goldenpath.steps.evaluate import choose_calibration

COLOURS = ClassesSpec(column="colour", levels=("red", "green", "blue"))
SIDES = ClassesSpec(column="side", levels=("left", "right"))
SETTINGS = Settings(bootstrap=50)


def drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    "Draw outcomes, and the probabilities that they have."
    random = np.random.default_rng(seed)
    honest = 1 / (1 + np.exp(-random.normal(-1, 1.5, n)))
    return random.random(n) < honest, honest


def drawn_classes(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    honest = random.dirichlet([0.6, 0.9, 1.2], n)
    return (random.random(n)[:, None] > honest.cumsum(axis=1)).sum(axis=1).clip(max=2), honest


def shares(scores: np.ndarray) -> np.ndarray:
    return scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("distort", [np.sqrt, np.square, lambda p: 0.3 + 0.4 * p])
@pytest.mark.parametrize("n", [600, 4_000])
def test_distorted_probabilities_get_a_map_and_fresh_rows_are_more_honest(distort: Any, n: int) -> None:
    outcome, honest = drawn(n)
    calibration, reason = choose_calibration(outcome, distort(honest), np.ones(n), TWO_OUTCOMES, SETTINGS)
    assert calibration is not None
    assert reason.startswith(
        f"calibrated: a {calibration.kind} map changes the log loss of other rows by -0."
    )
    fresh, raw = drawn(4_000, seed=1)
    before, after = distort(raw), calibrate(distort(raw), calibration)
    errors = [expected_calibration_error(fresh, scores, np.ones(4_000)) for scores in (before, after)]
    assert errors[1] < 0.4 * errors[0]
    assert log_loss(fresh, after) < log_loss(fresh, before)
    assert np.argsort(before, kind="stable").tolist() == np.argsort(after, kind="stable").tolist()


@pytest.mark.parametrize("seed", range(8))
def test_honest_probabilities_stay_as_they_are(seed: int) -> None:
    outcome, honest = drawn(1_200, seed)
    calibration, reason = choose_calibration(outcome, honest, np.ones(1_200), TWO_OUTCOMES, SETTINGS)
    assert calibration is None
    assert reason.startswith("not calibrated: a ")


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_distorted_classes_get_a_map_each(power: float) -> None:
    outcome, honest = drawn_classes(3_000)
    raw = shares(honest**power)
    calibration, _ = choose_calibration(outcome, raw, np.ones(3_000), COLOURS, SETTINGS)
    assert calibration is not None
    assert calibration.problem(COLOURS) == ""
    fresh, honest = drawn_classes(3_000, seed=1)
    raw = shares(honest**power)
    errors = [
        expected_calibration_error(fresh, scores, np.ones(3_000))
        for scores in (raw, calibrate(raw, calibration))
    ]
    assert errors[1] < 0.5 * errors[0]


def test_honest_classes_stay_as_they_are() -> None:
    outcome, honest = drawn_classes(3_000)
    assert choose_calibration(outcome, honest, np.ones(3_000), COLOURS, SETTINGS)[0] is None


def test_both_of_two_classes_are_mapped_alike() -> None:
    outcome, honest = drawn(2_000)
    scores = np.column_stack([1 - np.sqrt(honest), np.sqrt(honest)])
    for kind in ("isotonic", "sigmoid"):
        two = fit_calibration(kind, outcome.astype(np.int64), scores, np.ones(2_000), SIDES)
        one = fit_calibration(kind, outcome, scores[:, 1], np.ones(2_000), TWO_OUTCOMES)
        assert two is not None
        assert one is not None
        assert two.many(scores)[:, 1] == pytest.approx(one.many(scores[:, 1]), abs=1e-12)


def test_too_few_rows_of_an_outcome_are_not_judged_by() -> None:
    outcome = np.arange(3_000) < FEWEST - 1
    calibration, reason = choose_calibration(
        outcome, np.full(3_000, 0.9), np.ones(3_000), TWO_OUTCOMES, SETTINGS
    )
    assert calibration is None
    assert reason == "not calibrated: 19 validation rows of yes are too few to judge by, 20 would do"


def test_probabilities_that_fall_with_the_outcome_get_no_map() -> None:
    outcome, honest = drawn(800)
    calibration, reason = choose_calibration(outcome, 1 - honest, np.ones(800), TWO_OUTCOMES, SETTINGS)
    assert calibration is None
    assert reason == "not calibrated: the probabilities do not rise with the outcome"


def test_few_rows_are_not_trusted_with_a_staircase() -> None:
    assert kinds_for(MANY - 1) == ("sigmoid",)
    assert kinds_for(MANY) == ("sigmoid", "isotonic")


@pytest.mark.parametrize("kind", ["isotonic", "sigmoid"])
def test_a_weight_counts_as_so_many_rows(kind: Any) -> None:
    outcome, honest = drawn(1_500)
    raw, weight = np.sqrt(honest), np.random.default_rng(0).integers(1, 4, 1_500)
    weighted = fit_knots(kind, outcome, raw, weight.astype(float))
    repeated = fit_knots(kind, np.repeat(outcome, weight), np.repeat(raw, weight), np.ones(weight.sum()))
    assert weighted is not None
    assert repeated is not None
    at = np.linspace(0.05, 0.95, 50)
    assert weighted.many(at) == pytest.approx(repeated.many(at), abs=0.01)
    errors = [
        expected_calibration_error(outcome, raw, weight.astype(float)),
        expected_calibration_error(np.repeat(outcome, weight), np.repeat(raw, weight), np.ones(weight.sum())),
    ]
    assert errors[0] == pytest.approx(errors[1], abs=1e-12)


def test_the_staircase_is_that_of_scikit_learn_and_a_line_joins_the_middles_of_its_steps() -> None:
    outcome, honest = drawn(5_000)
    knots = fit_knots("isotonic", outcome, honest, np.ones(5_000))
    assert knots is not None
    assert len(knots.x) <= MOST_KNOTS
    stairs = IsotonicRegression().fit(honest, outcome).predict(honest)
    assert np.abs(knots.many(honest) - stairs).mean() < 0.02
    assert len(np.unique(stairs)) < 100
    assert len(np.unique(knots.many(honest))) == 5_000


def test_a_staircase_of_many_steps_keeps_to_the_most_knots() -> None:
    random = np.random.default_rng(0)
    probability = np.sort(random.random(400_000))
    knots = fit_knots("isotonic", random.random(400_000) < probability, probability, np.ones(400_000))
    assert knots is not None
    assert MOST_KNOTS // 2 < len(knots.x) <= MOST_KNOTS
    assert knots.many(probability) == pytest.approx(probability, abs=0.03)


def test_probabilities_of_0_and_1_are_not_certain_any_more() -> None:
    random = np.random.default_rng(0)
    raw = random.integers(0, 5, 3_000) / 4  # as a small forest answers
    outcome = random.random(3_000) < 0.1 + 0.8 * raw
    for kind in ("isotonic", "sigmoid"):
        knots = fit_knots(kind, outcome, raw, np.ones(3_000))
        assert knots is not None
        assert 0.01 < knots.one(0.0) < 0.2
        assert 0.8 < knots.one(1.0) < 0.99


def test_the_error_is_the_mean_distance_of_scikit_learns_curve() -> None:
    outcome, honest = drawn(2_000)
    observed, predicted = calibration_curve(
        outcome, np.sqrt(honest), n_bins=RELIABILITY_BINS, strategy="quantile"
    )
    expected = np.abs(observed - predicted).mean()  # bins of equal size
    assert expected_calibration_error(outcome, np.sqrt(honest), np.ones(2_000)) == pytest.approx(
        expected, abs=1e-9
    )
    losses = row_losses(outcome, honest)
    assert losses.mean() == pytest.approx(log_loss(outcome, honest))


def test_test_rows_are_measured_before_and_after() -> None:
    outcome, honest = drawn(2_000)
    raw, weight = np.sqrt(honest), np.ones(2_000)
    calibration = fit_calibration("sigmoid", outcome, raw, weight, TWO_OUTCOMES)
    check = check_calibration(calibration, "calibrated: because", outcome, raw, weight, 50, 0)
    assert (check.kind, check.reason) == ("sigmoid", "calibrated: because")
    assert check.after is not None
    for reliability in (check.before, check.after):
        error = reliability.error
        assert error.low <= error.value <= error.high
        assert sum(one.weight for one in reliability.bins) == 2_000
    assert check.after.error.high < check.before.error.low
    plain = check_calibration(None, "not calibrated: because", outcome, raw, weight, 50, 0)
    assert (plain.kind, plain.after, plain.before) == (None, None, check.before)


def test_equal_probabilities_are_in_one_bin() -> None:
    outcome = np.arange(300) % 3 == 0
    [reliability] = reliability_of([np.full(300, 0.5)], outcome, np.ones(300), 20, 0)
    [only] = reliability.bins
    assert (only.predicted, only.observed, only.weight) == (0.5, pytest.approx(1 / 3), 300)
