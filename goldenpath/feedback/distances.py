"""How far two distributions are apart, by the distances that monitoring tools report.

Shares are arrays whose last axis is the cells and sums to 1, so that many windows are measured at once.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Shares = NDArray[np.float64]  # (..., k)
EMPTY_SHARE = 1e-4  # share that stands for an empty cell in the stability index, which takes a logarithm


def normalized(counts: NDArray[Any]) -> Shares:
    "Divide counts (..., k) by their sums; all 0 where nothing was counted."
    total = counts.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0))


def jensen_shannon(reference: Shares, window: Shares) -> NDArray[np.float64]:  # (...) within 0 and 1
    "Measure the Jensen-Shannon distance: the square root of the divergence in bits, as SciPy has it."
    middle = (reference + window) / 2
    divergence = (_entropy(reference, middle) + _entropy(window, middle)) / 2
    return np.asarray(np.sqrt(np.clip(divergence, 0, 1)))


def _entropy(part: Shares, whole: Shares) -> NDArray[np.float64]:
    ratio = np.divide(part, whole, out=np.ones(np.broadcast_shapes(part.shape, whole.shape)), where=part > 0)
    return np.asarray((part * np.log2(ratio)).sum(axis=-1))


def l_infinity(reference: Shares, window: Shares) -> NDArray[np.float64]:
    "Measure the largest difference of a share."
    return np.asarray(np.abs(reference - window).max(axis=-1))


def population_stability(reference: Shares, window: Shares) -> NDArray[np.float64]:
    "Measure the population stability index; an empty cell counts as `EMPTY_SHARE`."
    before, now = np.maximum(reference, EMPTY_SHARE), np.maximum(window, EMPTY_SHARE)
    return np.asarray(((now - before) * np.log(now / before)).sum(axis=-1))


def chi_square(reference: NDArray[Any], window: NDArray[Any]) -> float:
    "Measure the chi-square statistic of two rows of counts (k,), as SciPy's `chi2_contingency` does."
    table = np.stack([reference, window]).astype(float)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 0.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    apart = np.abs(table - expected)
    if table.shape[1] == 2:  # Yates' correction
        apart -= np.minimum(0.5, apart)
    return float((apart**2 / expected).sum())


def cumulated_difference(reference: Shares, window: Shares) -> NDArray[np.float64]:
    "Measure the Kolmogorov-Smirnov distance of ordered cells: the largest difference up to a border."
    return np.asarray(np.abs(np.cumsum(reference - window, axis=-1)).max(axis=-1))


def transport(
    reference: Shares,
    window: Shares,
    at: NDArray[np.float64],  # (k,) the mean of each cell, ascending
) -> NDArray[np.float64]:
    "Measure the Wasserstein distance of cells whose rows all lie at their means."
    moved = np.abs(np.cumsum(reference - window, axis=-1))[..., :-1]
    return np.asarray((moved * np.diff(at)).sum(axis=-1))
