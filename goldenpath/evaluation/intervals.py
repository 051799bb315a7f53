"""Intervals of 95%: the record that every metric carries, and the interval of a share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.records import Frozen

LEVEL = 0.95  # of every interval
Z = 1.96  # standard errors to either side of a value, for 95%
SUM_ERROR = 1e-12  # of a sum of weights


class Interval(Frozen):
    "A value with its 95% interval; None where the rows do not define it."

    value: float | None
    low: float | None
    high: float | None


def conformal_half_width(
    outcome: NDArray[np.float64],  # (n,) of validation rows
    value: NDArray[np.float64],  # (n,) what the model predicts for them
    coverage: float,  # share of outcomes that the interval shall hold
    weight: NDArray[np.float64] | None = None,  # (n,) how many each row stands for; None: one each
    count: NDArray[np.integer[Any]] | None = None,  # (n,) how many equal rows each is; None: one each
) -> float | None:  # None: too few rows
    """Return the half width of a split conformal interval (Lei et al., JASA 113, 2018).

    With weights it is the weighted quantile of Tibshirani et al. (NeurIPS 2019), in which the record to come
    weighs as much as an average row.
    """
    residual = np.abs(outcome - value)
    rows = len(residual) if count is None else int(count.sum())
    weight = (np.ones(len(residual)) if weight is None else weight) * (1 if count is None else count)
    order = np.argsort(residual, kind="stable")
    reached = np.cumsum(weight[order]) / (weight.sum() / rows)
    needed = (rows + 1) * coverage
    place = int(np.searchsorted(reached, needed * (1 - SUM_ERROR)))
    return float(residual[order][place]) if place < len(residual) else None


def wilson(
    positives: NDArray[np.float64],  # (k,) counts
    rows: NDArray[np.float64],  # (k,) counts, at least 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # (k,) lower and upper end of the interval of the share
    "Return the score interval of a share (E. B. Wilson, JASA 22, 1927)."
    rate, shrink = positives / rows, 1 + Z**2 / rows
    middle = (rate + Z**2 / (2 * rows)) / shrink
    half = Z / shrink * np.sqrt(rate * (1 - rate) / rows + Z**2 / (4 * rows**2))
    # it contains the share, which rounding would leave out at 0 and 1
    return np.clip(middle - half, 0, rate), np.clip(middle + half, rate, 1)
