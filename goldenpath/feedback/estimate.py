"""How good answers are, estimated without outcomes: from the probability that each score is worth.

Of answers with a calibrated probability p, a share of p turns out positive. So hits, alarms and curves are
expected to be sums of p and 1 - p (confidence-based performance estimation, as NannyML has it). Of
quantities, the losses of the validation rows with similar predictions are expected again. Neither sees a
changed meaning of the outcome. An interval holds 95% of the figures that outcomes drawn with these
probabilities give.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from goldenpath.evaluation.intervals import LEVEL, Interval, Z
from goldenpath.feedback.counts import Counts, ScoreCounts
from goldenpath.feedback.figures import MetricValues, binary_figures, class_figures
from goldenpath.feedback.profile import Loss, Profile, ScoreProfile
from goldenpath.feedback.ranking import Decided, Ranked, Values, cut, drawn_outcomes, rank_cells


def estimate_of(profile: Profile, counts: Counts) -> dict[str, Interval]:
    "Estimate the metrics of a window from its counts; empty if scores or decisions were not counted."
    scores = [counts.scores.get(score.name, ScoreCounts()) for score in profile.scores]
    if not all(each.n for each in scores):
        return {}
    if profile.task == "quantity":
        return losses_of(profile.scores[0], scores[0].n)
    if not counts.label_p:
        return {}
    ranked = [rank_cells(each) for each in scores]
    if profile.task == "classes":
        return of_classes(profile, ranked, counted_decisions(profile, counts, ranked))
    name = profile.scores[0].name
    whole = cut(ranked[0], counts.labels.get(name, 0), counts.label_p.get(name, 0.0))
    return of_two(whole)


def counted_decisions(profile: Profile, counts: Counts, ranked: Sequence[Ranked]) -> list[Decided]:
    "Return the counted decisions for each class."
    names = [score.name for score in profile.scores]
    return [
        Decided(each.n.sum(), counts.labels.get(name, 0), counts.label_p.get(name, 0.0), each.p.sum())
        for name, each in zip(names, ranked, strict=True)
    ]


def of_two(ranked: Ranked) -> dict[str, Interval]:
    "Estimate the metrics of two outcomes."
    return with_intervals(binary_figures(ranked, ranked.p), binary_figures(ranked, drawn_outcomes(ranked)))


def of_classes(
    profile: Profile, ranked: Sequence[Ranked], decisions: Sequence[Decided]
) -> dict[str, Interval]:
    "Estimate the metrics of several classes."
    names = [score.name for score in profile.scores]
    values = class_figures(names, ranked, [one.p for one in ranked], decisions)
    outcomes = [drawn_outcomes(one) for one in ranked]
    return with_intervals(values, class_figures(names, ranked, outcomes, [one.drawn() for one in decisions]))


def with_intervals(values: MetricValues, samples: MetricValues) -> dict[str, Interval]:
    "Give each figure the interval of the same figure on drawn outcomes; leave out what is undefined."
    return {
        name: interval_around(float(value), samples[name])
        for name, value in values.items()
        if np.isfinite(value)
    }


def interval_around(value: float, samples: Values) -> Interval:
    "Return the middle 95% of the samples as the interval of a value."
    defined = samples[np.isfinite(samples)]
    ends = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if len(defined) else [value]
    return Interval(value=value, low=min(float(ends[0]), value), high=max(float(ends[-1]), value))


# Quantities: direct loss estimation


def losses_of(score: ScoreProfile, counts: Mapping[int, int]) -> dict[str, Interval]:
    "Estimate the errors of predicted values (answers by cell) from those of the validation rows."
    n = np.zeros(len(score.counts))
    for cell, answers in counts.items():
        n[min(cell, len(n) - 1)] += answers
    expected = {name: mean_loss(loss, n) for name, loss in score.losses.items()}
    metrics = {
        "mae": expected.get("absolute"),
        "rmse": rooted(expected["squared"]) if "squared" in expected else None,
        "msle": expected.get("logarithmic"),
    }
    return {name: interval for name, interval in metrics.items() if interval}


def mean_loss(loss: Loss, n: Values) -> Interval:
    "Average the expected loss over the answers; the interval is that of a mean of so many."
    value = float(np.average(loss.mean, weights=n))
    variance = np.average(np.square(loss.deviation), weights=n)
    half = Z * float(np.sqrt(variance / n.sum()))
    return Interval(value=value, low=max(value - half, 0.0), high=value + half)


def rooted(squared: Interval) -> Interval:
    "Return the root of an interval."
    value, low, high = (float(np.sqrt(end or 0.0)) for end in (squared.value, squared.low, squared.high))
    return Interval(value=value, low=low, high=high)
