"""Classes and quantities in the evaluation: metrics of scikit-learn with weights, baseline, slices."""

from typing import Any

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier, DummyRegressor

from goldenpath.errors import BadInput
from goldenpath.evaluation.class_metrics import confusion
from goldenpath.evaluation.intervals import conformal_half_width
from goldenpath.evaluation.judged import judged_metrics
from goldenpath.evaluation.metrics import METRICS, Answers, Weighted, measure_metrics, unweighted
from goldenpath.evaluation.slices import slices_of
from goldenpath.evaluation.tasks import (
    EVERY_METRIC,
    TASKS,
    baseline_answers,
    label,
    less_is_better,
    metrics_of,
)
from goldenpath.report.plots import save_plots
from goldenpath.schema.contract import TWO_OUTCOMES, Classes, Quantity, TargetSpec
from goldenpath.settings import Settings
from goldenpath.settings.rules import HIGHEST, LOWEST
from goldenpath.steps.evaluate import answers_of, bootstrap, reaches_floor, slices_reach_floor

KIND = Classes("kind", levels=("red", "white", "rosé"))
PRICE = Quantity("price", unit="euros")


def drawn(target: TargetSpec, n: int = 300, seed: int = 0, **more: Any) -> Answers:
    "Draw answers of a model of some skill."
    rng = np.random.default_rng(seed)
    if target.task == "quantity":
        outcome = rng.normal(50, 10, n)
        return answers_of(outcome, outcome + rng.normal(1, 5, n), None, target, **more)
    outcome = rng.integers(0, target.width, n)
    scores = rng.dirichlet(np.ones(target.width), n) + 0.7 * np.eye(target.width)[outcome]
    return answers_of(outcome, scores / scores.sum(axis=1, keepdims=True), None, target, **more)


def measured(answers: Answers, weight: np.ndarray) -> dict[str, float]:
    "Return every metric by its name."
    assert answers.metrics is not None
    return dict(zip(answers.metrics, measure_metrics(Weighted(answers, weight)), strict=True))


def weights(n: int, seed: int) -> np.ndarray:
    "Return row weights as a survey has them."
    return np.random.default_rng(seed).uniform(0.2, 4, n)


@pytest.mark.parametrize("seed", range(3))
def test_metrics_of_classes_are_those_of_scikit_learn(seed: int) -> None:
    answers, weight = drawn(KIND, seed=seed), weights(300, seed)
    outcome, said, how = answers.outcome, answers.label, {"sample_weight": weight}
    each = reference.precision_recall_fscore_support(outcome, said, **how)
    names = [f"{name}_{level}" for name in ("precision", "recall", "f1") for level in KIND.levels]
    areas = [
        reference.roc_auc_score(outcome == code, answers.probability[:, code], **how) for code in range(3)
    ]
    assert measured(answers, weight) == pytest.approx(
        {
            "roc_auc_ovr": np.mean(areas),
            "balanced_accuracy": reference.balanced_accuracy_score(outcome, said, **how),
            "accuracy": reference.accuracy_score(outcome, said, **how),
            "f1_macro": reference.f1_score(outcome, said, average="macro", **how),
            "precision_macro": reference.precision_score(outcome, said, average="macro", **how),
            "recall_macro": reference.recall_score(outcome, said, average="macro", **how),
            "log_loss": reference.log_loss(outcome, answers.probability, **how),
            **dict(zip(names, np.concatenate(each[:3]), strict=True)),
        }
    )
    weighted = Answers(outcome, answers.probability, said, weight)
    np.testing.assert_allclose(confusion(weighted), reference.confusion_matrix(outcome, said, **how))


@pytest.mark.parametrize("seed", range(3))
def test_metrics_of_a_quantity_are_those_of_scikit_learn(seed: int) -> None:
    answers, weight = drawn(PRICE, seed=seed, half_width=6.0), weights(300, seed)
    rows, how = (answers.outcome, answers.probability), {"sample_weight": weight}
    assert measured(answers, weight) == pytest.approx(
        {
            "r2": reference.r2_score(*rows, **how),
            "mae": reference.mean_absolute_error(*rows, **how),
            "rmse": reference.root_mean_squared_error(*rows, **how),
            "median_error": reference.median_absolute_error(*rows, **how),
            "mean_error": np.average(rows[1] - rows[0], weights=weight),
            "coverage": np.average(np.abs(rows[0] - rows[1]) <= 6.0, weights=weight),
        }
    )


@pytest.mark.parametrize("target", [KIND, PRICE], ids=lambda target: target.task)
def test_a_weight_counts_as_that_many_rows(target: TargetSpec) -> None:
    answers = drawn(target, 200)
    counts = np.random.default_rng(1).integers(0, 4, size=200)
    again = np.repeat(np.arange(200), counts)
    label_again = answers.label[again] if len(answers.label) else answers.label
    repeated = Answers(
        answers.outcome[again], answers.probability[again], label_again, metrics=answers.metrics
    )
    once, twice = measured(answers, counts.astype(float)), measured(repeated, np.ones(len(again)))
    once.pop("median_error", None)  # of an even number of rows, any value between the middle two will do
    twice.pop("median_error", None)
    assert once == pytest.approx(twice, nan_ok=True)


def test_the_baseline_is_scikit_learns_dummy() -> None:
    rng = np.random.default_rng(5)
    trained, weight = rng.choice(3, 500, p=[0.2, 0.5, 0.3]), weights(500, 5)
    dummy = DummyClassifier(strategy="prior").fit(np.zeros((500, 1)), trained, sample_weight=weight)
    answers = baseline_answers(KIND, drawn(KIND), trained, weight)
    np.testing.assert_allclose(answers.probability[:1], dummy.predict_proba([[0]]))
    assert set(answers.label) == set(dummy.predict([[0]]))
    amounts = rng.normal(7, 1, 500)
    mean = DummyRegressor().fit(np.zeros((500, 1)), amounts, sample_weight=weight).predict([[0]])
    np.testing.assert_allclose(baseline_answers(PRICE, drawn(PRICE), amounts, weight).probability[:1], mean)
    binary = baseline_answers(
        TWO_OUTCOMES, Answers(np.ones(3) > 0, np.ones(3), np.ones(3) > 0), trained == 1, weight
    )
    assert binary.probability[0] == pytest.approx(np.average(trained == 1, weights=weight))


@pytest.mark.parametrize("target", [KIND, PRICE], ids=lambda target: target.task)
def test_every_model_gets_intervals_around_its_values(target: TargetSpec) -> None:
    models = {"candidate": drawn(target), "other": drawn(target, seed=1)}
    intervals = bootstrap(models, 30, seed=1, jobs=1)["candidate"].intervals()
    assert list(intervals) == list(metrics_of(target))
    for name, interval in intervals.items():
        if name != "coverage":  # no interval was given
            assert interval.low <= interval.value <= interval.high, name


def test_a_draw_without_a_class_measures_the_others() -> None:
    answers = drawn(KIND)
    without = measured(answers, (answers.outcome != 2).astype(float))
    assert np.isnan([without["recall_rosé"], without["f1_rosé"]]).all()
    assert np.isfinite([without["roc_auc_ovr"], without["balanced_accuracy"], without["log_loss"]]).all()


def test_many_classes_have_no_metrics_of_their_own() -> None:
    many = Classes("kind", levels=[f"class {at}" for at in range(40)])
    assert metrics_of(many).keys() == TASKS["classes"].metrics.keys()


def test_settings_know_every_metric_and_which_way_is_better() -> None:
    slices = {f"slice_{task.slice_metric}" for task in TASKS.values()}
    undirected = {"mean_error"}
    assert {*LOWEST, *HIGHEST} == {*EVERY_METRIC, *slices} - undirected
    assert {name for name in EVERY_METRIC if less_is_better(name)} == {*HIGHEST} - slices
    assert all(set(task.judged) <= {*task.metrics} for task in TASKS.values())


def test_a_metric_of_another_task_is_refused_with_the_nearest() -> None:
    assert judged_metrics(PRICE, Settings()) == ("r2",)
    assert judged_metrics(KIND, Settings(gate_metrics="accuracy")) == ("accuracy",)
    with pytest.raises(
        BadInput, match=r"'roc_auc', which is not a metric of task classes; did you mean 'roc_auc_ovr'"
    ):
        judged_metrics(KIND, Settings(gate_floors="roc_auc>=0.8"))
    with pytest.raises(
        BadInput, match=r"gate_metrics .* 'f1', which is not a metric of task quantity; they are r2, mae"
    ):
        judged_metrics(PRICE, Settings(gate_metrics="f1"))
    with pytest.raises(BadInput, match="'mae', of which more is not better; limit it in gate_floors"):
        judged_metrics(PRICE, Settings(gate_metrics="mae"))


def test_a_limit_from_above_fails_beyond_it() -> None:
    from goldenpath.evaluation.intervals import Interval

    value = Interval(value=12.0, low=10.0, high=14.0)
    rules = [reaches_floor("mae", value, limit, most=True) for limit in (12.0, 11.9)]
    assert [(rule.name, rule.result, rule.threshold) for rule in rules] == [
        ("mae at most", "pass", 12.0),
        ("mae at most", "fail", 11.9),
    ]


@pytest.mark.parametrize(
    ("target", "metric"), [(KIND, "accuracy"), (PRICE, "mae")], ids=["classes", "quantity"]
)
def test_every_slice_is_measured_and_the_worst_is_held_against_its_limit(
    target: TargetSpec, metric: str
) -> None:
    answers = drawn(target)
    ward = np.where(np.arange(300) < 100, "north", "south").astype(object)
    slices = slices_of(["ward"], {"ward": ward}, answers, target)
    assert [(one.level, one.count, one.metric) for one in slices] == [
        ("north", 100, metric),
        ("south", 200, metric),
    ]
    part = Answers(answers.outcome[:100], answers.probability[:100], answers.label[:100])
    assert slices[0].value == pytest.approx(TASKS[target.task].metrics[metric].of(unweighted(part)))
    values = [one.value for one in slices]
    worst = max(values) if metric == "mae" else min(values)
    rules = [slices_reach_floor(slices, limit) for limit in (worst, worst * 1.01, worst * 0.99)]
    assert [rule.value for rule in rules] == [worst] * 3
    assert sorted(rule.result for rule in rules) == ["fail", "pass", "pass"]
    assert slices_reach_floor(slices, 0.0).result == "info"


def test_weights_count_in_slices_of_two_outcomes() -> None:
    outcome = np.array([True, True, False, False])
    answers = Answers(
        outcome, np.array([0.9, 0.1, 0.8, 0.1]), np.array([1, 0, 1, 0]) > 0, np.array([3.0, 1, 1, 1])
    )
    [group] = slices_of(["a"], {"a": np.array(["x"] * 4, dtype=object)}, answers)
    assert (group.count, group.positives) == (4, 2)
    assert (group.rate, group.recall, group.false_positive_rate) == pytest.approx((4 / 6, 0.75, 0.5))


@given(st.integers(20, 400), st.sampled_from([0.5, 0.8, 0.9]), st.integers(0, 50))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_conformal_interval_holds_its_share_of_validation_rows(
    rows: int, coverage: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    outcome, value = rng.normal(size=rows), rng.normal(size=rows)
    half_width = conformal_half_width(outcome, value, coverage)
    assert half_width is not None
    inside = np.mean(np.abs(outcome - value) <= half_width)
    assert coverage <= inside <= coverage + 2 / rows + 1e-9


def test_too_few_rows_make_no_interval_and_many_reach_the_coverage_on_new_rows() -> None:
    assert conformal_half_width(np.zeros(8), np.ones(8), 0.9) is None
    rng = np.random.default_rng(1)
    half_width = conformal_half_width(rng.normal(size=2_000), np.zeros(2_000), 0.9)
    assert np.mean(np.abs(rng.normal(size=20_000)) <= half_width) == pytest.approx(0.9, abs=0.02)


@given(st.integers(20, 300), st.sampled_from([0.5, 0.8, 0.9]), st.floats(1e-3, 1e3))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_equal_weights_change_no_conformal_interval(rows: int, coverage: float, weight: float) -> None:
    outcome = np.random.default_rng(rows).normal(size=rows)
    plain = conformal_half_width(outcome, np.zeros(rows), coverage)
    assert conformal_half_width(outcome, np.zeros(rows), coverage, np.full(rows, weight)) == plain


def test_a_conformal_interval_counts_each_row_by_its_weight() -> None:
    rng = np.random.default_rng(2)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:  # residuals, and weights: wide ones count 9 times
        wide = rng.random(n) < 0.5
        return rng.normal(scale=np.where(wide, 5.0, 1.0), size=n), np.where(wide, 9.0, 1.0)

    residual, weight = draw(4_000)
    new, counts = draw(40_000)
    widths = [conformal_half_width(residual, np.zeros(4_000), 0.9, how) for how in (weight, None)]
    weighted, plain = (np.average(np.abs(new) <= width, weights=counts) for width in widths)
    assert weighted == pytest.approx(0.9, abs=0.01)
    assert plain < 0.86


def test_slices_of_a_quantity_hold_the_coverage_of_their_weighted_rows() -> None:
    outcome, weight = np.array([0.0, 0.0, 9.0, 0.0]), np.array([3.0, 1.0, 1.0, 2.0])
    answers = answers_of(outcome, np.zeros(4), None, PRICE, weight=weight, half_width=1.0)
    ward = np.array(["north", "south", "south", "south"], dtype=object)
    slices = slices_of(["ward"], {"ward": ward}, answers, PRICE)
    assert [one.coverage for one in slices] == [1.0, 0.75]
    without = slices_of(["ward"], {"ward": ward}, answers_of(outcome, np.zeros(4), None, PRICE), PRICE)
    assert [one.coverage for one in without] == [None, None]


def test_metrics_are_named_in_words_with_the_better_side() -> None:
    assert label("roc_auc") == "ROC AUC (higher is better)"
    assert label("mae") == "mean absolute error (lower is better)"
    assert label("recall_red") == "recall of red (higher is better)"
    assert label("mean_error") == "mean error"
    assert set(METRICS) <= set(EVERY_METRIC)


@pytest.mark.parametrize(
    ("target", "files"),
    [(KIND, ["confusion", "groups", "reliability", "roc"]), (PRICE, ["groups", "predicted", "residuals"])],
    ids=["classes", "quantity"],
)
def test_each_task_has_its_plots(target: TargetSpec, files: list[str], tmp_path: Any) -> None:
    answers = drawn(target, half_width=None if target.outcomes else 5.0)
    ward = np.where(np.arange(300) < 100, "north", "south").astype(object)
    slices = slices_of(["ward"], {"ward": ward}, answers, target)
    save_plots(tmp_path / "evaluation", {"candidate": answers, "champion": answers}, slices, target)
    assert sorted(file.stem for file in (tmp_path / "evaluation").iterdir()) == files
