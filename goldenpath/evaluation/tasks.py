"""What the evaluation does in another way for each task: metrics, baseline, what is judged."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from goldenpath.evaluation.class_metrics import CLASS_METRICS, QUANTITY_METRICS, metrics_of_classes
from goldenpath.evaluation.metrics import METRICS, Answers, Floats, Metric
from goldenpath.schema.targets import TargetSpec, TaskName


@dataclass(frozen=True)
class TaskMetrics:
    "What is measured for a task."

    metrics: dict[str, Metric]
    judged: tuple[str, ...]  # held against baseline and champion
    baseline: Callable[
        [Any, Floats, TargetSpec], Any
    ]  # outcomes of training rows, weights -> one row's scores
    slice_metric: str  # shown for every slice


def _rate(outcome: Any, weight: Floats, target: TargetSpec) -> float:
    return float(np.average(outcome, weights=weight))


def _shares(outcome: Any, weight: Floats, target: TargetSpec) -> Floats:
    counts = np.bincount(outcome, weight, target.width)
    return np.asarray(counts / counts.sum())


TASKS: dict[TaskName, TaskMetrics] = {
    "binary": TaskMetrics(METRICS, ("roc_auc", "average_precision"), _rate, "recall"),
    "classes": TaskMetrics(CLASS_METRICS, ("roc_auc_ovr", "balanced_accuracy"), _shares, "accuracy"),
    "quantity": TaskMetrics(QUANTITY_METRICS, ("r2",), _rate, "mae"),
}


def metrics_of(target: TargetSpec) -> dict[str, Metric]:
    "Return the metrics of a target by name."
    return metrics_of_classes(target.outcomes) if target.task == "classes" else TASKS[target.task].metrics


def baseline_answers(
    target: TargetSpec,
    answers: Answers,  # of the candidate
    trained: Any,  # (m,) outcomes of the training rows
    weight: Floats,  # (m,)
) -> Answers:
    "Answer as a model that looks at no column: rate and commoner label, shares and commonest class, mean."
    score = TASKS[target.task].baseline(trained, weight, target)
    scores = np.repeat(np.asarray(score, dtype=float)[None], len(answers.outcome), axis=0)
    label = target.decide(scores, 0.5, lambda probability, at: probability > at)
    return replace(answers, probability=scores, label=label, half_width=None)


EVERY_METRIC = {**QUANTITY_METRICS, **CLASS_METRICS, **METRICS}


def less_is_better(metric: str) -> bool:
    "Check that a metric of any task is better if it is lower."
    return EVERY_METRIC[metric].higher_is_better is False if metric in EVERY_METRIC else False


def metric_words(
    metric: str,  # of any task; that of one class, such as recall_red, too
) -> str:
    "Name a metric in words."
    name, _, level = metric.partition("_")
    if metric in EVERY_METRIC:
        return EVERY_METRIC[metric].words
    return f"{EVERY_METRIC[name].words} of {level}" if name in EVERY_METRIC else metric  # of a newer release


def label(metric: str) -> str:
    "Name a metric in words, and say which way is better."
    named = EVERY_METRIC.get(metric, EVERY_METRIC.get(metric.partition("_")[0]))
    better = {True: " (higher is better)", False: " (lower is better)", None: ""}
    return f"{metric_words(metric)}{better[named.higher_is_better if named else None]}"
