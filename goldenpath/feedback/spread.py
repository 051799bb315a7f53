"""How much each figure of a version varies between windows of one size that differ by chance alone."""

import numpy as np

from goldenpath.evaluation.tasks import less_is_better
from goldenpath.feedback.cells import probability_borders
from goldenpath.feedback.drift import first_of_groups, level_of, spread_of
from goldenpath.feedback.figures import MetricValues, binary_figures, class_figures
from goldenpath.feedback.profile import SCORE_CELLS, WINDOWS, Loss, LossName, Profile, ScoreProfile, Spread
from goldenpath.feedback.ranking import DRAWN_OUTCOMES, Decided, Ranked, Values, binomial, cut

WINDOW_SEED = 19
DEVIATIONS = 3  # from the mean to the limit of a metric
LOSS_METRICS: dict[str, LossName] = {"mae": "absolute", "rmse": "squared", "msle": "logarithmic"}


def spread_by_size(profile: Profile) -> dict[int, dict[str, Spread]]:
    "Return the spread of every figure for each size in `WINDOWS`."
    return {answers: spread_at(profile, answers) for answers in WINDOWS}


def spread_at(profile: Profile, answers: int) -> dict[str, Spread]:
    """Return the spread of every figure in windows of so many answers.

    The limit of a distance is that of `drift_of`; a metric has its limit on the worse side.
    """
    level, spread = level_of(profile), {}
    for field in profile.fields:
        cells, hiding = (*field.counts, field.missing), 2 if field.is_text else 1
        spread[f"drift:{field.name}"] = spread_of(cells, hiding, answers, level)
    for score in profile.scores:
        counts = np.array(score.counts)
        groups = np.add.reduceat(counts, first_of_groups(counts))
        spread[f"score:{score.name}"] = spread_of(tuple(groups.tolist()), 0, answers, level)
    return spread | metric_spread(profile, answers)


def metric_spread(profile: Profile, answers: int) -> dict[str, Spread]:
    "Return the spread of the metrics that outcomes of such windows would give."
    if profile.task == "quantity":
        return loss_spread(profile.scores[0], answers)
    values = drawn_classes(profile, answers) if profile.task == "classes" else drawn_two(profile, answers)
    return {
        name: spread_of_metric(samples[np.isfinite(samples)], less_is_better(name))
        for name, samples in values.items()
        if np.isfinite(samples).any()
    }


def spread_of_metric(samples: Values, less: bool) -> Spread:
    "Summarize a metric of drawn windows."
    mean, deviation = float(samples.mean()), float(samples.std())
    limit = mean + (1 if less else -1) * DEVIATIONS * deviation
    return Spread(mean=mean, deviation=deviation, limit=max(limit, 0.0))


def drawn_two(profile: Profile, answers: int) -> MetricValues:
    "Draw windows of answers with two outcomes."
    name = profile.scores[0].name
    ranked = cut(
        validated_groups(profile.scores[0]), profile.labels.get(name, 0), profile.label_p.get(name, 0.0)
    )
    window = drawn_window(ranked, answers)
    return binary_figures(window, drawn_positives(ranked, window))


def drawn_classes(profile: Profile, answers: int) -> MetricValues:
    "Draw windows of answers with several classes, each class for itself."
    ranked = [validated_groups(score) for score in profile.scores]
    windows = [drawn_window(each, answers) for each in ranked]
    positive = [drawn_positives(each, window) for each, window in zip(ranked, windows, strict=True)]
    rows, names = max(sum(profile.labels.values()), 1), [score.name for score in profile.scores]
    decisions = [
        Decided(
            answers,
            profile.labels.get(name, 0) * answers / rows,
            profile.label_p.get(name, 0.0) * answers / rows,
            float(each.p.sum()) * answers / rows,
        ).drawn()
        for name, each in zip(names, ranked, strict=True)
    ]
    return class_figures(names, windows, positive, decisions)


def validated_groups(score: ScoreProfile) -> Ranked:
    "Rank the groups of the validation rows."
    borders = probability_borders()
    ends = np.array([*score.starts[1:], SCORE_CELLS])
    middle = (borders[np.array(score.starts)] + borders[ends]) / 2
    n, means = np.array(score.counts, dtype=float), np.array(score.means)
    order = slice(None, None, -1)
    at = middle if score.knots else means
    return Ranked(at[order], n[order], (n * means)[order], np.zeros(len(n), dtype=bool))


def drawn_window(ranked: Ranked, answers: int) -> Ranked:
    "Draw the scores of windows: n is (DRAWN_OUTCOMES, m)."
    random = np.random.default_rng([WINDOW_SEED, answers])
    n = random.multinomial(answers, ranked.n / ranked.n.sum(), DRAWN_OUTCOMES).astype(float)
    return Ranked(ranked.score, n, ranked.p, ranked.called)


def drawn_positives(ranked: Ranked, window: Ranked) -> Values:  # (DRAWN_OUTCOMES, m)
    "Draw the outcomes of drawn windows."
    share = np.divide(ranked.p, ranked.n, out=np.zeros_like(ranked.p), where=ranked.n > 0)
    return binomial(window.n, window.n * share, None)


def loss_spread(score: ScoreProfile, answers: int) -> dict[str, Spread]:
    "Return the spread of mean losses, whose variance falls with the number of answers."
    spreads = {
        name: mean_loss_spread(score, score.losses[kind], answers)
        for name, kind in LOSS_METRICS.items()
        if kind in score.losses
    }
    if squared := spreads.get("rmse"):
        root = float(np.sqrt(squared.mean))
        limit = float(np.sqrt(squared.limit))
        spreads["rmse"] = Spread(mean=root, deviation=(limit - root) / DEVIATIONS, limit=limit)
    return spreads


def mean_loss_spread(score: ScoreProfile, loss: Loss, answers: int) -> Spread:
    "Return the spread of the mean of one loss."
    mean = float(np.average(loss.mean, weights=score.counts))
    within = np.square(loss.deviation) + np.square(np.array(loss.mean) - mean)
    deviation = float(np.sqrt(np.average(within, weights=score.counts) / answers))
    return Spread(mean=mean, deviation=deviation, limit=mean + DEVIATIONS * deviation)
