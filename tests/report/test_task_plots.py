"""The plots of each task: each has a caption of its own, and groups are named by the task's metric."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

from goldenpath.evaluation.metrics import Answers
from goldenpath.evaluation.slices import Slice
from goldenpath.report.material import SHOWS, captions
from goldenpath.report.plots import plot_roc, plot_roc_of_classes, plot_slices, save_plots
from goldenpath.schema.contract import Binary, Classes, Quantity

CODES = np.arange(60) % 3
TASKS: dict[str, tuple[Any, Answers, str]] = {
    "binary": (Binary("y", "b", "a"), Answers(CODES > 1, CODES / 3, CODES > 0), "Recall"),
    "classes": (
        Classes("y", ("a", "b", "c")),
        Answers(CODES, np.eye(3)[CODES], CODES),
        "Accuracy",
    ),
    "quantity": (
        Quantity("y", "days"),
        Answers(CODES * 2.0, CODES * 1.9, np.array([]), half_width=1.0),
        "Mean absolute error",
    ),
}


def group(level: str, task: str) -> Slice:
    metric = {"binary": "recall", "classes": "accuracy", "quantity": "mae"}[task]
    binary = task == "binary"
    return Slice(
        column="ward",
        level=level,
        count=30,
        positives=12 * binary,
        rate=0.4,
        predicted=0.4,
        recall=0.5 if binary else None,
        false_positive_rate=0.1 if binary else None,
        metric=metric,
        value=None if binary else 0.8,
    )


@pytest.mark.parametrize("task", TASKS)
def test_every_plot_of_a_task_has_a_caption_and_groups_name_its_metric(tmp_path: Path, task: str) -> None:
    target, answers, words = TASKS[task]
    slices = group("north", task), group("south", task)
    save_plots(tmp_path / "evaluation", {"candidate": answers}, slices, target)
    drawn = {file.stem for file in (tmp_path / "evaluation").glob("*.png")}
    assert "groups" in drawn
    assert drawn <= set(SHOWS)
    assert captions(slices)["groups"].startswith(f"{words} of every group")


def test_errors_of_groups_are_drawn_from_zero_and_named_in_words() -> None:
    axes = plot_slices([group("north", "quantity"), group("south", "quantity")]).axes[0]
    assert axes.get_title(loc="left") == "Mean absolute error by group"
    assert axes.get_xlim()[0] == 0


def random_answers(weighted: bool) -> Answers:
    rng = np.random.default_rng(4)
    outcome, weight = rng.random(300) < 0.3, rng.uniform(0.2, 4, 300) if weighted else None
    scores = np.clip(outcome * 0.3 + rng.random(300) * 0.7, 0, 1)
    return Answers(outcome, scores, scores > 0.4, weight)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_roc_curve_is_scikit_learns_and_its_point_is_the_threshold_in_force(weighted: bool) -> None:
    answers = random_answers(weighted)
    rows, how = (answers.outcome, answers.probability), {"sample_weight": answers.weight}
    axes = plot_roc(answers).axes[0]
    _, curve, point = axes.get_lines()
    expected = roc_curve(*rows, drop_intermediate=False, **how)[:2]
    np.testing.assert_allclose([curve.get_xdata(), curve.get_ydata()], expected)
    assert curve.get_label() == f"candidate (AUC {roc_auc_score(*rows, **how):.3f})"
    (kept, alarms), (missed, hits) = confusion_matrix(answers.outcome, answers.label, **how)
    assert point.get_xdata()[0] == pytest.approx(alarms / (alarms + kept))
    assert point.get_ydata()[0] == pytest.approx(hits / (hits + missed))


def test_each_class_that_occurs_has_a_roc_curve_against_the_others() -> None:
    rng = np.random.default_rng(5)
    codes, scores = rng.integers(0, 2, 90), rng.dirichlet(np.ones(3), 90)
    answers = Answers(codes, scores, scores.argmax(axis=1), rng.uniform(0.2, 4, 90))
    labels = [line.get_label() for line in plot_roc_of_classes(answers, ("a", "b", "c")).axes[0].get_lines()]
    areas = [roc_auc_score(codes == code, scores[:, code], sample_weight=answers.weight) for code in (0, 1)]
    assert [label for label in labels if "AUC" in label] == [
        f"a (AUC {areas[0]:.3f})",
        f"b (AUC {areas[1]:.3f})",
    ]
