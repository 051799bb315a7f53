"""How good answers about several classes are, and about amounts: scikit-learn's metrics, with row weights."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from goldenpath.evaluation.metrics import Answers, Floats, Metric, Weighted, roc_auc

PER_CLASS = 20  # classes that get metrics of their own; the means hold all


class PerClass(NamedTuple):
    "One value of each class: (k,)."

    precision: Floats
    recall: Floats
    f1: Floats
    support: Floats  # weight of its rows


def per_class(rows: Weighted) -> PerClass:
    "Measure every class against the rest; 0 for a class that is never predicted."
    from sklearn.metrics import precision_recall_fscore_support

    measured: PerClass | None = rows.kept.get("per_class")
    if measured is None:
        answers = rows.answers
        labels = np.arange(answers.probability.shape[1])
        values = precision_recall_fscore_support(
            answers.outcome, answers.label, labels=labels, sample_weight=rows.weight, zero_division=0
        )
        measured = rows.kept["per_class"] = PerClass(*values)
    return measured


def accuracy(rows: Weighted) -> float:
    "Return the share of rows with the right label."
    return float(np.average(rows.answers.outcome == rows.answers.label, weights=rows.weight))


def balanced_accuracy(rows: Weighted) -> float:
    "Average the recall of the classes that occur."
    measured = per_class(rows)
    occurs = measured.support > 0
    return float(measured.recall[occurs].mean()) if occurs.any() else float("nan")


def macro(rows: Weighted, name: str) -> float:
    "Average a metric over all classes that occur or are predicted, each counting the same."
    measured = per_class(rows)
    answers = rows.answers
    drawn = rows.weight > 0
    present = np.union1d(answers.outcome[drawn], answers.label[drawn])
    return float(getattr(measured, name)[present].mean()) if len(present) else float("nan")


def of_class(rows: Weighted, name: str, code: int) -> float:
    "Return a metric of one class; NaN if no row has it."
    measured = per_class(rows)
    return float(getattr(measured, name)[code]) if measured.support[code] > 0 else float("nan")


def class_log_loss(rows: Weighted) -> float:
    "Average the negative logarithm of the probability of the class that happened."
    from sklearn.metrics import log_loss

    answers = rows.answers
    labels = np.arange(answers.probability.shape[1])
    shares = answers.probability / answers.probability.sum(axis=1, keepdims=True)  # a compiled model rounds
    return float(log_loss(answers.outcome, shares, labels=labels, sample_weight=rows.weight))


def one_vs_rest_auc(rows: Weighted) -> float:
    "Average the area under the ROC curve of each class against the rest, over the classes that occur."
    areas = [roc_auc(Weighted(rest, rows.weight)) for rest in one_vs_rest(rows.answers)]
    defined = [area for area in areas if np.isfinite(area)]
    return float(np.mean(defined)) if defined else float("nan")


def one_vs_rest(answers: Answers) -> list[Answers]:
    "Return the answers about each class as answers about two outcomes, sorted once for all draws."
    split: list[Answers] | None = answers.kept.get("one_vs_rest")
    if split is None:
        codes = range(answers.probability.shape[1])
        split = answers.kept["one_vs_rest"] = [
            Answers(answers.outcome == code, answers.probability[:, code], answers.label == code)
            for code in codes
        ]
    return split


def confusion(answers: Answers) -> tuple[tuple[float, ...], ...]:  # (k, k) weight: outcome by label
    "Count outcomes by the label that they were given."
    from sklearn.metrics import confusion_matrix

    labels = np.arange(answers.probability.shape[1])
    counts = confusion_matrix(answers.outcome, answers.label, labels=labels, sample_weight=answers.weights)
    return tuple(tuple(float(count) for count in row) for row in counts)


CLASS_METRICS = {
    "roc_auc_ovr": Metric("ROC AUC, one against the rest", one_vs_rest_auc),
    "balanced_accuracy": Metric("balanced accuracy", balanced_accuracy),
    "accuracy": Metric("accuracy", accuracy),
    "f1_macro": Metric("F1, mean of classes", partial(macro, name="f1")),
    "precision_macro": Metric("precision, mean of classes", partial(macro, name="precision")),
    "recall_macro": Metric("recall, mean of classes", partial(macro, name="recall")),
    "log_loss": Metric("log loss", class_log_loss, higher_is_better=False),
}


def metrics_of_classes(levels: tuple[str, ...]) -> dict[str, Metric]:
    "Return the metrics of all classes together, and of each one if they are not many."
    each = {
        f"{name}_{level}": Metric(
            f"{'F1' if name == 'f1' else name} of {level}", partial(of_class, name=name, code=at)
        )
        for at, level in enumerate(levels)
        for name in ("precision", "recall", "f1")
    }
    return CLASS_METRICS | (each if len(levels) <= PER_CLASS else {})


def _measured_by(name: str) -> Callable[[Weighted], float]:
    "Return a function that asks scikit-learn."

    def measured(rows: Weighted) -> float:
        import sklearn.metrics

        function: Any = getattr(sklearn.metrics, name)
        drawn = rows.weight > 0
        answers, weight = rows.answers, rows.weight[drawn]
        return float(function(answers.outcome[drawn], answers.probability[drawn], sample_weight=weight))

    return measured


def r2(rows: Weighted) -> float:
    "Return the share of the variance that is explained; NaN if all outcomes are the same."
    outcome, value = rows.answers.outcome, rows.answers.probability
    mean = np.average(outcome, weights=rows.weight)
    variance = float(np.average((outcome - mean) ** 2, weights=rows.weight))
    error = float(np.average((outcome - value) ** 2, weights=rows.weight))
    return 1 - error / variance if variance else float("nan")


def mean_error(rows: Weighted) -> float:
    "Average the predicted minus the true amount: above 0, the model says too much."
    answers = rows.answers
    return float(np.average(answers.probability - answers.outcome, weights=rows.weight))


def coverage(rows: Weighted) -> float:
    "Return the share of outcomes within the interval around the prediction; NaN without one."
    answers = rows.answers
    if answers.half_width is None:
        return float("nan")
    inside = np.abs(answers.outcome - answers.probability) <= answers.half_width
    return float(np.average(inside, weights=rows.weight))


QUANTITY_METRICS = {
    "r2": Metric("R2", r2),
    "mae": Metric("mean absolute error", _measured_by("mean_absolute_error"), higher_is_better=False),
    "rmse": Metric(
        "root of the mean squared error", _measured_by("root_mean_squared_error"), higher_is_better=False
    ),
    "median_error": Metric(
        "median absolute error", _measured_by("median_absolute_error"), higher_is_better=False
    ),
    "mean_error": Metric("mean error", mean_error, higher_is_better=None),
    "coverage": Metric("share of outcomes within the interval", coverage, higher_is_better=None),
}
