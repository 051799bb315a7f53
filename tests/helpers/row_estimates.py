"""Estimates and distances row by row, as NannyML has them: the reference of those from counts in cells."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.evaluation.intervals import Interval
from goldenpath.feedback.cells import Cells, place_numbers
from goldenpath.feedback.distances import chi_square, jensen_shannon, l_infinity, normalized
from goldenpath.feedback.estimate import losses_of, of_classes, of_two
from goldenpath.feedback.profile import Profile
from goldenpath.feedback.ranking import Decided, Ranked, Values


def estimate_rows(
    profile: Profile,
    scores: Values,  # (n,) or (n, k) as the version answers them
    codes: NDArray[Any],  # (n,) decisions: True is positive, or the class
) -> dict[str, Interval]:
    "Estimate the metrics of n answers, without the rounding to cells."
    if not len(scores):
        return {}
    if profile.task == "quantity":
        cells = place_numbers(np.array(profile.scores[0].edges), scores)
        return losses_of(profile.scores[0], dict(enumerate(np.bincount(cells).tolist())))
    p = Cells(profile).probabilities(scores)
    if profile.task == "binary":
        return of_two(rank_rows(scores, p, codes))
    undecided, classes = np.zeros(len(codes), dtype=bool), range(p.shape[1])
    ranked = [rank_rows(scores[:, at], p[:, at], undecided) for at in classes]
    return of_classes(profile, ranked, [decided_rows(p[:, at], codes == at) for at in classes])


def rank_rows(
    score: Values,  # (n,) as the version answers
    probability: Values,  # (n,) calibrated
    called: NDArray[np.bool_],  # (n,)
) -> Ranked:
    "Group answers of equal score: they are one step of a curve, as scikit-learn has it."
    order = np.lexsort((~called, -score))
    score, probability, called = score[order], probability[order], called[order]
    first = np.append(0, np.flatnonzero((np.diff(score) != 0) | (np.diff(called) != 0)) + 1)
    n = np.diff(np.append(first, len(score))).astype(float)
    return Ranked(score[first], n, np.add.reduceat(probability, first), called[first])


def decided_rows(probability: Values, called: NDArray[np.bool_]) -> Decided:  # (n,) each
    "Add up the decisions for an outcome."
    return Decided(len(called), int(called.sum()), float(probability[called].sum()), float(probability.sum()))


def between_numbers(
    reference: NDArray[np.float64],  # (n,)
    window: NDArray[np.float64],  # (m,)
) -> dict[str, float]:
    """Measure the distances of two samples of numbers, row by row; NaN is left out.

    The bins of the Jensen-Shannon distance are Doane's, of the reference; what lies beyond them is a bin.
    """
    from scipy.stats import ks_2samp, wasserstein_distance

    reference, window = reference[~np.isnan(reference)], window[~np.isnan(window)]
    edges = np.histogram_bin_edges(reference, bins="doane")
    before, now = (np.histogram(rows, edges)[0] for rows in (reference, window))
    before, now = np.append(before, 0), np.append(now, len(window) - now.sum())
    return {
        "jensen_shannon": float(jensen_shannon(normalized(before), normalized(now))),
        "kolmogorov_smirnov": float(ks_2samp(reference, window).statistic),
        "wasserstein": float(wasserstein_distance(reference, window)),
    }


def between_texts(
    reference: NDArray[np.object_],  # (n,) str; "" is left out
    window: NDArray[np.object_],  # (m,) str
) -> dict[str, float]:
    "Measure the distances of two samples of texts; for Jensen-Shannon, unseen levels are one cell."
    reference, window = reference[reference != ""], window[window != ""]
    levels, places = np.unique(np.concatenate([reference, window]).astype(str), return_inverse=True)
    before = np.bincount(places[: len(reference)], minlength=len(levels))
    now = np.bincount(places[len(reference) :], minlength=len(levels))
    common = before > 0
    apart = normalized(np.append(before[common], 0)), normalized(np.append(now[common], now[~common].sum()))
    return {
        "jensen_shannon": float(jensen_shannon(*apart)),
        "chi_square": chi_square(before, now),
        "l_infinity": float(l_infinity(normalized(before), normalized(now))),
    }
