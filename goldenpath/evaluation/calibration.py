"""How honest probabilities are, and maps that make them so, fitted on validation rows.

The expected calibration error is the mean distance between predicted and observed shares over bins of equal
weight (M. P. Naeini and others, AAAI 2015; C. Guo and others, ICML 2017): of two outcomes for the positive
one, of classes for the label that is answered.

A sigmoid map is that of J. Platt (1999), on the logit of a probability, with his targets. An isotonic one
(B. Zadrozny, C. Elkan, KDD 2002; A. Niculescu-Mizil, R. Caruana, ICML 2005) is a staircase; here a line joins
the centres of its steps (A. P. Oron, N. Flournoy, Statistics in Biopharmaceutical Research 9, 2017), so that
no two records become equal. scikit-learn fits both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldenpath.evaluation.intervals import LEVEL, Interval
from goldenpath.evaluation.metrics import SMALLEST, Bools, Floats
from goldenpath.evaluation.resampling import Ints, drawn_counts
from goldenpath.inference.calibration import MOST_KNOTS, Calibration, CalibrationKind, Knots, calibrate
from goldenpath.records import Frozen
from goldenpath.schema.targets import TargetSpec

RELIABILITY_BINS = 10  # of the calibration error
PARTS_OF_ROWS = 5  # that judge a map on rows that it was not fitted on
FEWEST = 20  # validation rows of each outcome
MANY = 1_000  # validation rows from which an isotonic map is tried: with fewer it follows chance
APART = 1e-9  # knots that are closer to each other are one


class ReliabilityBin(Frozen):
    "Rows with about the same probability."

    predicted: float  # their mean probability
    observed: float  # share of the outcome
    weight: float  # how many rows they are


class Reliability(Frozen):
    "How honest the probabilities of some rows are."

    error: Interval  # expected calibration error
    bins: tuple[ReliabilityBin, ...]


class CalibrationCheck(Frozen):
    "What a map would change, or did: on test rows, which had no part in the choice."

    kind: CalibrationKind | None  # None: probabilities stay as the model gives them
    reason: str  # why
    before: Reliability
    after: Reliability | None = None

    @property
    def tables(self) -> list[tuple[str, Reliability]]:
        "Return what to show of the test rows, with a heading each."
        if self.after is None:
            return [("Test rows", self.before)]
        return [("Test rows before calibration", self.before), ("After it", self.after)]


class Claims(NamedTuple):
    "What probabilities claim, and whether it happened."

    happened: Bools  # (n,)
    probability: Floats  # (n,)


def claims_of(outcome: NDArray[Any], scores: Floats) -> Claims:
    "Return the claim of each row: that its outcome is positive, or that its likeliest class is right."
    if scores.ndim == 1:
        return Claims(np.asarray(outcome, dtype=bool), scores)
    return Claims(scores.argmax(axis=1) == outcome, scores.max(axis=1))


def bins_of(probability: Floats, weight: Floats) -> NDArray[np.intp]:  # (n,)
    "Deal rows to bins of about equal weight, equal probabilities to the same one."
    levels, places = np.unique(probability, return_inverse=True)
    weights = np.bincount(places, weight, len(levels))
    middle = (np.cumsum(weights) - weights / 2) / weights.sum()
    return np.asarray((middle * RELIABILITY_BINS).astype(np.intp)[places])


def reliability_bins(claims: Claims, weight: Floats) -> tuple[ReliabilityBin, ...]:
    "Compare predicted with observed shares, bin by bin."
    bins = bins_of(claims.probability, weight)
    together = np.bincount(bins, weight)
    predicted, observed = (np.bincount(bins, weight * values) for values in reversed(claims))
    filled = np.flatnonzero(together)
    return tuple(
        ReliabilityBin(
            predicted=float(predicted[b] / together[b]),
            observed=float(observed[b] / together[b]),
            weight=float(together[b]),
        )
        for b in filled
    )


def calibration_errors(
    models: Sequence[Floats],  # each (n,) or (n, k) scores
    outcome: NDArray[Any],  # (n,)
    weight: Floats,  # (n,)
    rounds: int,  # bootstrap resamples
    seed: int,
    count: Ints | None = None,  # (n,) how many equal rows each is; None: one each
) -> tuple[Floats, Floats]:  # (models,) on the rows as they are, and (rounds, models) on draws of them
    "Measure the expected calibration error of several scores of the same rows."
    count, random = every_row(count, outcome), np.random.default_rng(seed)
    claims = [claims_of(outcome, scores) for scores in models]
    bins = [bins_of(probability, weight * count) for _, probability in claims]
    excess = [weight * (probability - happened) for happened, probability in claims]

    def errors(drawn: Ints) -> list[float]:
        pairs = zip(bins, excess, strict=True)
        sums = [np.bincount(places, values * drawn, RELIABILITY_BINS) for places, values in pairs]
        return [float(np.abs(each).sum() / (weight * drawn).sum()) for each in sums]

    draws = [errors(drawn_counts(count, random)) for _ in range(rounds)]
    return np.array(errors(count)), np.array(draws)


def every_row(count: Ints | None, outcome: NDArray[Any]) -> Ints:  # (n,)
    "Return how many equal rows each is: one each if nothing was put together."
    return np.ones(len(outcome), dtype=np.intp) if count is None else count


def reliability_of(
    models: Sequence[Floats],
    outcome: NDArray[Any],
    weight: Floats,
    rounds: int,
    seed: int,
    count: Ints | None = None,
) -> list[Reliability]:
    "Measure how honest several scores of the same rows are."
    values, samples = calibration_errors(models, outcome, weight, rounds, seed, count)
    low, high = np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    low, high = np.minimum(low, values), np.maximum(high, values)  # a draw's error is larger by its own noise
    ends = zip(values.tolist(), low.tolist(), high.tolist(), strict=True)
    intervals = [Interval(value=value, low=below, high=above) for value, below, above in ends]
    together = weight * every_row(count, outcome)
    bins = [reliability_bins(claims_of(outcome, scores), together) for scores in models]
    return [Reliability(error=error, bins=each) for error, each in zip(intervals, bins, strict=True)]


def check_calibration(
    calibration: Calibration | None,
    reason: str,
    outcome: NDArray[Any],  # (n,) of test rows
    raw: Floats,  # (n,) or (n, k) their scores
    weight: Floats,  # (n,)
    rounds: int,
    seed: int,
    count: Ints | None = None,  # (n,) how many equal rows each is; None: one each
) -> CalibrationCheck:
    "Measure test rows before the map and after it."
    models = [raw] if calibration is None else [raw, calibrate(raw, calibration)]
    before, *after = reliability_of(models, outcome, weight, rounds, seed, count)
    kind = None if calibration is None else calibration.kind
    return CalibrationCheck(kind=kind, reason=reason, before=before, after=after[0] if after else None)


def expected_calibration_error(outcome: NDArray[Any], scores: Floats, weight: Floats) -> float:
    "Measure the expected calibration error: outcomes (n,), scores (n,) or (n, k), weights (n,)."
    return float(calibration_errors([scores], outcome, weight, 0, 0)[0][0])


def row_losses(outcome: NDArray[Any], scores: Floats) -> Floats:  # (n,)
    "Return the log loss of each row."
    if scores.ndim == 1:
        right = np.where(outcome, scores, 1 - scores)
    else:
        right = scores[np.arange(len(scores)), outcome]
    return np.asarray(-np.log(np.clip(right, SMALLEST, 1)))


def drawn_means(
    values: Floats, weight: Floats, rounds: int, seed: int, count: Ints | None = None
) -> Floats:  # (rounds,)
    "Average values on bootstrap draws of their rows."
    count, random = every_row(count, values), np.random.default_rng(seed)
    draws = (drawn_counts(count, random) for _ in range(rounds))
    return np.array([np.average(values, weights=weight * drawn) for drawn in draws])


def too_few(outcome: NDArray[Any], target: TargetSpec, count: Ints | None = None) -> str:
    "Explain why no map can be fitted on these rows; empty if one can."
    codes, rows_each = np.asarray(outcome, dtype=np.intp), every_row(count, outcome)
    counts = np.bincount(codes, rows_each, len(target.outcomes)).astype(int)
    least = int(counts.argmin())
    if counts[least] >= FEWEST:
        return ""
    rows = f"{counts[least]} validation rows of {target.outcomes[least]}"
    return f"not calibrated: {rows} are too few to judge by, {FEWEST} would do"


def kinds_for(rows: int) -> tuple[CalibrationKind, ...]:
    "Return the kinds of maps that so many validation rows can tell from chance."
    return ("sigmoid", "isotonic") if rows >= MANY else ("sigmoid",)


@dataclass(frozen=True)
class Dealt:
    "Rows dealt to parts; those of a part that are equal are one."

    place: Ints  # (m,) which row each is
    part: Ints  # (m,) 0 to PARTS_OF_ROWS - 1
    count: Ints  # (m,) how many rows


def deal_rows(outcome: NDArray[Any], count: Ints, seed: int) -> Dealt:  # arguments are (n,)
    "Deal rows to parts by chance, about as many of each outcome to each part."
    from sklearn.model_selection import StratifiedKFold

    if int(count.sum()) > len(count):
        times = np.random.default_rng(seed).multinomial(count, np.full(PARTS_OF_ROWS, 1 / PARTS_OF_ROWS))
        place, part = np.nonzero(times)
        return Dealt(place, part, times[place, part])
    dealer, parts = StratifiedKFold(PARTS_OF_ROWS, shuffle=True, random_state=seed), np.empty_like(count)
    for number, (_, held_out) in enumerate(dealer.split(outcome, np.asarray(outcome, dtype=np.intp))):
        parts[held_out] = number
    return Dealt(np.arange(len(count)), parts, count)


def cross_fitted(
    kind: CalibrationKind,
    outcome: NDArray[Any],  # (m,)
    scores: Floats,  # (m,) or (m, k)
    weight: Floats,  # (m,)
    target: TargetSpec,
    dealt: Dealt,  # to which part each of the m belongs
) -> Floats | None:  # None: a part of the rows has no such map
    "Calibrate every row by a map that was fitted on the rows of other parts."
    calibrated = np.empty_like(scores)
    for part in range(PARTS_OF_ROWS):
        held_out, fitted = dealt.part == part, dealt.part != part
        others = outcome[fitted], scores[fitted], weight[fitted]
        calibration = fit_calibration(kind, *others, target, dealt.count[fitted])
        if calibration is None:
            return None
        calibrated[held_out] = calibration.many(scores[held_out])
    return calibrated


def fit_calibration(
    kind: CalibrationKind,
    outcome: NDArray[Any],  # (n,)
    scores: Floats,  # (n,) or (n, k)
    weight: Floats,  # (n,)
    target: TargetSpec,
    count: Ints | None = None,  # (n,) how many equal rows each is; None: one each
) -> Calibration | None:  # None: the scores do not rise with the outcome
    "Fit a map, or one for each class against the rest."
    counts = every_row(count, outcome)
    weight, rows = weight * counts, int(counts.sum())
    if scores.ndim == 1:
        maps = [fit_knots(kind, np.asarray(outcome, dtype=bool), scores, weight, rows)]
    elif target.width == 2:
        second = fit_knots(kind, outcome == 1, scores[:, 1], weight, rows)
        maps = [second and mirrored(second), second]
    else:
        every = range(target.width)
        maps = [fit_knots(kind, outcome == k, scores[:, k], weight, rows) for k in every]
    rising = tuple(knots for knots in maps if knots is not None)
    return Calibration(kind=kind, maps=rising) if len(rising) == len(maps) else None


def mirrored(knots: Knots) -> Knots:
    "Return the map of the other of two outcomes, so that both sum to 1."
    x, y = (tuple(1 - value for value in reversed(values)) for values in (knots.x, knots.y))
    return Knots(x=x, y=y)


def fit_knots(
    kind: CalibrationKind,
    happened: Bools,
    probability: Floats,
    weight: Floats,
    rows: int = 0,  # that these stand for; 0: each is one row
) -> Knots | None:
    "Fit the map of one probability; None if it does not rise with what happened."
    rows = rows or len(happened)
    weight = weight / (weight.sum() / rows)
    least = 1 / (2 * (rows + 1))  # no probability is claimed that so many rows cannot show
    fit = {"isotonic": _isotonic, "sigmoid": _sigmoid}[kind]
    return _through(*fit(happened, probability, weight, least))


def _isotonic(happened: Bools, probability: Floats, weight: Floats, least: float) -> tuple[Floats, Floats]:
    "Return the centres of the steps."
    from sklearn.isotonic import IsotonicRegression

    regression = IsotonicRegression(y_min=least, y_max=1 - least)
    levels, step = np.unique(
        regression.fit_transform(probability, happened, sample_weight=weight), return_inverse=True
    )
    together, middle = np.bincount(step, weight), np.bincount(step, weight * probability)
    group = ((np.cumsum(together) - together / 2) / together.sum() * (MOST_KNOTS - 2)).astype(np.intp)
    if len(levels) <= MOST_KNOTS - 2:
        group = np.arange(len(levels))
    sums = [np.bincount(group, values) for values in (together, middle, together * levels)]
    kept = sums[0] > 0
    return sums[1][kept] / sums[0][kept], sums[2][kept] / sums[0][kept]


def _sigmoid(happened: Bools, probability: Floats, weight: Floats, least: float) -> tuple[Floats, Floats]:
    "Return points of the curve, evenly on the scale of the logit."
    from scipy.special import expit, logit
    from sklearn.linear_model import LogisticRegression

    positive, negative = weight[happened].sum(), weight[~happened].sum()
    goal = np.where(happened, (positive + 1) / (positive + 2), 1 / (negative + 2))
    scores = np.tile(logit(np.clip(probability, least, 1 - least)), 2)[:, None]
    yes = np.repeat([True, False], len(happened))
    line = LogisticRegression(C=np.inf, solver="newton-cg")
    line.fit(scores, yes, sample_weight=np.concatenate([weight * goal, weight * (1 - goal)]))
    slope, at = float(line.coef_[0, 0]), np.linspace(logit(least), -logit(least), MOST_KNOTS - 2)
    return expit(at), expit(slope * at + line.intercept_[0])


def _through(x: Floats, y: Floats) -> Knots | None:
    "Join points from 0 to 1; None if they do not rise."
    x, y = (np.clip(values, APART, 1 - APART) for values in (x, y))
    if len(x) < 2 or y[0] >= y[-1]:
        return None
    points = [(0.0, float(y[0]) / 2)]  # an end is as far as the middle of the step between
    for point in [*zip(x.tolist(), y.tolist(), strict=True), (1.0, (1 + float(y[-1])) / 2)]:
        if point[0] > points[-1][0] + APART / 2 and point[1] > points[-1][1]:
            points.append(point)
    return Knots(x=tuple(a for a, _ in points), y=tuple(b for _, b in points))
