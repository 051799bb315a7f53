"""Metrics from sums: expected ones, or drawn ones along a first axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from goldenpath.evaluation.metrics import SMALLEST
from goldenpath.feedback.ranking import Decided, Ranked, Values

MetricValues = dict[str, Values]  # by metric: () or (draws,)


def binary_figures(ranked: Ranked, positive: Values) -> MetricValues:  # (m,) or (DRAWN_OUTCOMES, m)
    "Compute the metrics of two outcomes from the positives of each group."
    hits, positives = positive[..., ranked.called].sum(axis=-1), positive.sum(axis=-1)
    called, total = ranked.n[..., ranked.called].sum(axis=-1), ranked.n.sum(axis=-1)
    wrong = (positive * (1 - ranked.score) ** 2 + (ranked.n - positive) * ranked.score**2).sum(axis=-1)
    lost = -(positive * logarithm(ranked.score) + (ranked.n - positive) * logarithm(1 - ranked.score))
    return {
        **curve_figures(ranked, positive),
        "brier": wrong / total,
        **decision_figures(hits, called, positives),
        "specificity": true_negative_rate(Decided(total, called, hits, positives)),
        "accuracy": (total - called - positives + 2 * hits) / total,
        "log_loss": lost.sum(axis=-1) / total,
    }


def curve_figures(ranked: Ranked, positive: Values) -> MetricValues:
    "Compute the areas under both curves: by trapezoids, and by steps without interpolation."
    hits, called = np.cumsum(positive, axis=-1), np.cumsum(ranked.n, axis=-1)
    alarms = called - hits
    before = np.concatenate([np.zeros_like(hits[..., :1]), hits[..., :-1]], axis=-1)
    area = ((ranked.n - positive) * (hits + before) / 2).sum(axis=-1)
    return {
        "roc_auc": ratio(area, hits[..., -1] * alarms[..., -1]),
        "average_precision": ratio((positive * hits / np.maximum(called, 1)).sum(axis=-1), hits[..., -1]),
    }


def decision_figures(hits: Any, called: Any, positives: Any) -> MetricValues:
    "Compute what follows from the decisions for one outcome; 0 if it is never called."
    return {
        "recall": ratio(hits, positives),
        "precision": np.nan_to_num(ratio(hits, called)),
        "f1": ratio(2 * hits, positives + called),
    }


def true_negative_rate(decided: Decided) -> Values:
    "Compute the share of other outcomes that were not called."
    others = decided.total - decided.positives
    return ratio(others - (decided.called - decided.hits), others)


def ratio(part: Any, whole: Any) -> Values:
    "Divide; NaN by 0."
    part, whole = np.broadcast_arrays(np.asarray(part, dtype=float), np.asarray(whole, dtype=float))
    return np.asarray(np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole != 0))


def logarithm(probability: Values) -> Values:
    "Return the logarithm of a probability, which is never quite 0."
    return np.asarray(np.log(np.clip(probability, SMALLEST, 1)))


def class_figures(
    names: Sequence[str],  # k classes
    ranked: Sequence[Ranked],
    positive: Sequence[Values],  # by class: (m,) or (draws, m) answers of each group that turn out so
    decisions: Sequence[Decided],
) -> MetricValues:
    "Compute the metrics of classes, each against the rest, and their means."
    curves = [curve_figures(one, turned) for one, turned in zip(ranked, positive, strict=True)]
    each = [decision_figures(one.hits, one.called, one.positives) for one in decisions]
    silent = [true_negative_rate(one) for one in decisions]
    lost = [
        -(turned * logarithm(one.score)).sum(axis=-1) for one, turned in zip(ranked, positive, strict=True)
    ]
    named = {f"{key}_{name}": part[key] for name, part in zip(names, each, strict=True) for key in part}
    return {
        "roc_auc_ovr": mean([part["roc_auc"] for part in curves]),
        "balanced_accuracy": mean([part["recall"] for part in each]),
        "accuracy": np.asarray(sum(one.hits for one in decisions) / decisions[0].total),
        **{f"{key}_macro": mean([part[key] for part in each]) for key in ("f1", "precision", "recall")},
        "specificity_macro": mean(silent),
        "log_loss": np.asarray(sum(lost) / decisions[0].total),
        **named,
    }


def mean(parts: Sequence[Values]) -> Values:
    "Average over classes, without those that are undefined."
    stacked = np.stack(parts)
    defined = np.isfinite(stacked)
    return ratio(np.where(defined, stacked, 0).sum(axis=0), defined.sum(axis=0))
