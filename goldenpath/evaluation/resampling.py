"""Draws of rows where equal ones are put together: as if each were there by itself.

A draw of millions of rows with replacement is a multinomial draw of the counts of the distinct ones.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]


def drawn_counts(
    count: Ints,  # (k,) how often each distinct row is there, at least once
    random: np.random.Generator,
) -> Ints:  # (k,) how often each is drawn
    "Draw as many rows as there are, with replacement."
    rows = int(count.sum())
    if rows == len(count):
        return np.bincount(random.integers(rows, size=rows), minlength=rows)
    return random.multinomial(rows, count / rows)


def drawn_places(
    count: Ints,  # (k,)
    most: int,
    random: np.random.Generator,
) -> Ints:  # (m,) the distinct row that each drawn one is equal to
    "Draw `most` rows without replacement; all if there are fewer."
    if int(count.sum()) <= most:
        return np.repeat(np.arange(len(count)), count)
    if int(count.sum()) == len(count):
        return random.permutation(len(count))[:most]
    drawn = random.multivariate_hypergeometric(count, most, method="marginals")
    return random.permutation(np.repeat(np.arange(len(count)), drawn))
