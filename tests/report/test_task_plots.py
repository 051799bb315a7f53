"""The plots of each task: each has a caption of its own, and groups are named by the task's metric."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from goldenpath.evaluation.metrics import Answers
from goldenpath.evaluation.slices import Slice
from goldenpath.report.material import SHOWS, captions
from goldenpath.report.plots import plot_slices, save_plots
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
