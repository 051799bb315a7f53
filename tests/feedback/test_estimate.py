"""Metrics without outcomes: what probabilities promise, from rows and from counts."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from goldenpath.feedback.estimate import estimate_of
from goldenpath.feedback.figures import binary_figures
from goldenpath.feedback.profile import Loss, Profile, ScoreProfile
from tests.helpers.profiles import counted_scores, small_profile
from tests.helpers.row_estimates import estimate_rows, rank_rows

RANDOM = np.random.default_rng(5)


def certain(scores: NDArray[Any], outcome: NDArray[Any], threshold: float) -> dict[str, float | None]:
    "Estimate where the probabilities are 0 and 1: what is expected is what happened."
    ranked = rank_rows(scores, outcome.astype(float), scores >= threshold)
    return {name: float(value) for name, value in binary_figures(ranked, ranked.p).items()}


@pytest.mark.parametrize("digits", [1, 12], ids=["many ties", "no ties"])
def test_estimates_of_certain_outcomes_are_the_metrics_of_scikit_learn(digits: int):
    scores = np.round(RANDOM.beta(1, 3, 800), digits).clip(0.01, 0.99)
    outcome, called = RANDOM.random(800) < scores, scores >= 0.4
    estimated = certain(scores, outcome, 0.4)
    assert estimated == pytest.approx(
        {
            "roc_auc": metrics.roc_auc_score(outcome, scores),
            "average_precision": metrics.average_precision_score(outcome, scores),
            "brier": metrics.brier_score_loss(outcome, scores),
            "recall": metrics.recall_score(outcome, called),
            "precision": metrics.precision_score(outcome, called),
            "f1": metrics.f1_score(outcome, called),
            "specificity": metrics.recall_score(~outcome, ~called),
            "accuracy": metrics.accuracy_score(outcome, called),
            "log_loss": metrics.log_loss(outcome, scores),
        }
    )


@pytest.mark.parametrize("shape", [(1, 3), (0.2, 8), (5, 5)], ids=["wide", "rare", "narrow"])
@pytest.mark.parametrize("n", [300, 5_000])
def test_estimates_from_counts_are_those_from_rows(shape: tuple[float, float], n: int):
    scores = RANDOM.beta(*shape, n)
    called = scores >= np.quantile(scores, 0.9)
    rows = estimate_rows(small_profile(), scores, called)
    counts = estimate_of(small_profile(), counted_scores(small_profile(), scores, called))
    exact = {"recall", "precision", "f1", "specificity", "accuracy"}
    assert {name: counts[name].value for name in exact} == pytest.approx(
        {name: rows[name].value for name in exact}
    )
    assert {name: one.value for name, one in counts.items()} == pytest.approx(
        {name: one.value for name, one in rows.items()}, abs=1e-3
    )


def test_the_interval_holds_what_outcomes_of_these_probabilities_give():
    scores = RANDOM.beta(1, 3, 1_000)
    counts = counted_scores(small_profile(), scores, scores >= 0.4)
    interval = estimate_of(small_profile(), counts)["roc_auc"]
    ends = interval.model_dump()
    drawn = [metrics.roc_auc_score(RANDOM.random(1_000) < scores, scores) for _ in range(200)]
    inside = np.mean([ends["low"] <= area <= ends["high"] for area in drawn])
    assert 0.88 <= inside <= 0.99


def test_knots_correct_scores_that_promise_too_much():
    score = small_profile().scores[0].model_copy(update={"knots": ((0.0, 0.0), (1.0, 0.5))})
    profile = small_profile().model_copy(update={"scores": (score,)})
    scores = np.linspace(0, 1, 1_000)
    estimated = estimate_rows(profile, scores, scores >= 0.5)
    assert estimated["precision"].value == pytest.approx(0.375, abs=1e-3)


def three_classes() -> Profile:
    scores = tuple(ScoreProfile(name=name, starts=(0,), counts=(9,), means=(0.3,)) for name in "abc")
    return small_profile().model_copy(update={"task": "classes", "scores": scores})


def test_estimates_of_classes_are_the_same_from_counts_and_from_rows():
    scores = RANDOM.dirichlet([1, 2, 0.5], 5_000)
    codes = scores.argmax(axis=1)
    rows = estimate_rows(three_classes(), scores, codes)
    counts = estimate_of(three_classes(), counted_scores(three_classes(), scores, codes))
    assert {name: one.value for name, one in counts.items()} == pytest.approx(
        {name: one.value for name, one in rows.items()}, abs=1e-3
    )
    assert rows["accuracy"].value == pytest.approx(scores.max(axis=1).mean())
    assert rows["recall_b"].value == pytest.approx(scores[codes == 1, 1].sum() / scores[:, 1].sum())


def test_the_area_of_a_class_does_not_depend_on_the_decisions():
    scores = np.array([[0.4, 0.6], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    profile = three_classes().model_copy(update={"scores": three_classes().scores[:2]})
    areas = {
        estimate_rows(profile, scores, np.array(c))["roc_auc_ovr"].value for c in ([0, 1, 1, 0], [1, 0, 1, 0])
    }
    assert len(areas) == 1


def test_losses_of_a_quantity_are_those_of_the_validation_rows_by_prediction():
    loss = {"absolute": Loss(mean=(1, 3), deviation=(1, 1)), "squared": Loss(mean=(2, 12), deviation=(2, 9))}
    score = ScoreProfile(
        name="value", edges=(10,), starts=(0, 1), counts=(50, 50), means=(5, 20), losses=loss
    )
    profile = small_profile().model_copy(update={"task": "quantity", "scores": (score,)})
    estimated = estimate_rows(profile, np.array([5.0, 11, 12, 13]), np.zeros(4))
    assert estimated["mae"].value == pytest.approx(2.5)
    assert estimated["rmse"].value == pytest.approx(np.sqrt(9.5))
    assert estimated["mae"].high == pytest.approx(2.5 + 1.96 / 2)


def test_a_window_without_answers_has_no_estimates():
    assert estimate_rows(small_profile(), np.array([]), np.array([], dtype=bool)) == {}
    assert (
        estimate_of(small_profile(), counted_scores(small_profile(), np.array([]), np.array([], dtype=bool)))
        == {}
    )
