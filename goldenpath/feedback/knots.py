"""What a score is worth as a probability, learned from validation rows, for estimates alone.

The rule is NannyML's: an isotonic regression is used only if it lowers the calibration error on rows that it
was not fitted on.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.evaluation.resampling import drawn_places
from goldenpath.feedback.profile import FEWEST_IN_CELL
from goldenpath.feedback.ranking import Values

SPLITS, LEFT_OUT = 10, 0.1  # to judge the regression on: how often, and which share of the rows
SPLIT_SEED = 42  # NannyML's own
ERROR_BINS = 10  # of about as many rows each
SEPARATED = 0.999  # area under the ROC curve from which on scores stay as they are
FITTED_ROWS = 200_000  # of all outcomes together; more make no difference that one can see


def knots_of(
    scores: Values,  # (n,)
    happened: NDArray[np.bool_],  # (n,)
    weight: Values,  # (n,)
    most: int = FITTED_ROWS,
    fewest: int = FEWEST_IN_CELL,  # rows that share a probability, so that none gives away one outcome
    equal: NDArray[np.integer[Any]] | None = None,  # (n,) how many equal rows each is; None: one each
) -> tuple[tuple[float, float], ...]:  # score -> probability; empty: scores are good as they are
    "Learn what scores are worth, if that is better than to take them as they are."
    if len(scores) > most or equal is not None:
        count = np.ones(len(scores), dtype=np.intp) if equal is None else equal
        rows = drawn_places(count, most, np.random.default_rng(SPLIT_SEED))
        scores, happened, weight = scores[rows], happened[rows], weight[rows]
    if not can_be_judged(scores, happened) or not error_falls(scores, happened, weight):
        return ()
    order = np.argsort(scores, kind="stable")
    scores, happened, weight = scores[order], happened[order], weight[order]
    starts = plateaus_of(regression().fit(scores, happened, weight).predict(scores), fewest)
    share = np.add.reduceat(weight * happened, starts) / np.add.reduceat(weight, starts)
    ends = [*starts[1:], len(scores)]
    steps = zip(starts, ends, np.clip(share, 0, 1).tolist(), strict=True)
    return tuple(dict.fromkeys((float(scores[at]), p) for start, end, p in steps for at in (start, end - 1)))


def plateaus_of(fitted: Values, fewest: int) -> list[int]:  # (n,) ascending
    "Return where each step of a regression begins; steps of too few rows are joined."
    changes = np.append(0, np.flatnonzero(np.diff(fitted)) + 1).tolist()
    starts = [0]
    for change in changes[1:]:
        if change - starts[-1] >= fewest and len(fitted) - change >= fewest:
            starts.append(change)
    return starts


def can_be_judged(scores: Values, happened: NDArray[np.bool_]) -> bool:
    "Check that both outcomes occur often enough to be split, and that scores do not separate them."
    from sklearn.metrics import roc_auc_score

    positive = int(happened.sum())
    if min(positive, len(happened) - positive) < 2 or len(happened) < 2 * SPLITS:
        return False
    return bool(roc_auc_score(happened, scores) <= SEPARATED)


def error_falls(scores: Values, happened: NDArray[np.bool_], weight: Values) -> bool:
    "Compare the calibration error with and without the regression, on rows that were left out."
    from sklearn.model_selection import StratifiedShuffleSplit

    splits = StratifiedShuffleSplit(SPLITS, test_size=LEFT_OUT, random_state=SPLIT_SEED)
    pairs = list(splits.split(scores, happened))
    mapped = [
        regression().fit(scores[fit], happened[fit], weight[fit]).predict(scores[left]) for fit, left in pairs
    ]
    out = np.concatenate([left for _, left in pairs])
    before = calibration_error(scores[out], happened[out], weight[out])
    return before > calibration_error(np.concatenate(mapped), happened[out], weight[out])


def regression() -> Any:
    "Make NannyML's regression."
    from sklearn.isotonic import IsotonicRegression

    return IsotonicRegression(out_of_bounds="clip", increasing=True)


def calibration_error(probability: Values, happened: NDArray[np.bool_], weight: Values) -> float:
    "Average the difference of mean probability and share over bins of equal numbers of rows."
    order = probability.argsort()
    width = max(len(order) // min(ERROR_BINS, max(len(order) // 2, 1)), 1)
    first = np.arange(0, len(order) - width + 1, width)
    sums = [np.add.reduceat((values * weight)[order], first) for values in (probability, happened)]
    return float(np.abs(sums[0] - sums[1]).sum() / weight.sum())
