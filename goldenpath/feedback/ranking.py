"""Counted answers in the order of their scores, with what they are expected to turn out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.feedback.cells import probability_borders
from goldenpath.feedback.counts import ScoreCounts

DRAWN_OUTCOMES = 400  # sets of outcomes behind an interval
OUTCOME_SEED = 17
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Ranked:
    "Answers about one outcome in groups of equal scores, highest first."

    score: Values  # (m,)
    n: Values  # (m,) answers; (draws, m) of drawn windows
    p: Values  # (m,) sum of their calibrated probabilities
    called: NDArray[np.bool_]  # (m,) did the model decide for this outcome?


@dataclass(frozen=True)
class Decided:
    "Decisions for one outcome: numbers, or (DRAWN_OUTCOMES,) of each."

    total: Any  # answers
    called: Any  # decided for this outcome
    hits: Any  # of these, right
    positives: Any  # answers with this outcome, called or not

    def drawn(self) -> "Decided":
        "Draw what the decisions turn out."
        hits = binomial(self.called, self.hits, DRAWN_OUTCOMES)
        missed = binomial(self.total - self.called, self.positives - self.hits, DRAWN_OUTCOMES)
        return Decided(self.total, self.called, hits, hits + missed)


def rank_cells(counts: ScoreCounts) -> Ranked:
    "Rank the counted cells; no decision is known of a cell alone."
    cells = np.array(sorted(counts.n, reverse=True))
    n, p = (np.array([part.get(cell, 0) for cell in cells.tolist()], float) for part in (counts.n, counts.p))
    return Ranked(middles()[cells], n, np.minimum(p, n), np.zeros(len(cells), dtype=bool))


def middles() -> Values:
    "Return a score in the middle of each cell."
    borders = probability_borders()
    return np.asarray((borders[1:] + borders[:-1]) / 2)


def cut(ranked: Ranked, called: float, called_p: float) -> Ranked:
    """Say which of the cells were called positive, and divide the one that the threshold cuts.

    `called` answers, whose probabilities sum to `called_p`, were positive: the part of a cell above the
    threshold is what the cells above it leave, so that hits and alarms are those of the answers themselves.
    """
    whole = np.cumsum(ranked.n) <= called
    at = int(whole.sum())
    above, above_p = called - ranked.n[:at].sum(), called_p - ranked.p[:at].sum()
    if at == len(whole) or above <= 0:
        return Ranked(ranked.score, ranked.n, ranked.p, whole)
    n, p = ranked.n[at], ranked.p[at]
    above_p = float(np.clip(above_p, max(0.0, p - (n - above)), min(above, p)))
    return Ranked(
        np.insert(ranked.score, at, ranked.score[at]),
        np.concatenate([ranked.n[:at], [above, n - above], ranked.n[at + 1 :]]),
        np.concatenate([ranked.p[:at], [above_p, p - above_p], ranked.p[at + 1 :]]),
        np.insert(whole, at, True),
    )


def drawn_outcomes(ranked: Ranked) -> Values:  # (DRAWN_OUTCOMES, m)
    "Draw how many answers of each group turn out positive."
    return binomial(ranked.n, ranked.p, (DRAWN_OUTCOMES, len(ranked.n)))


def binomial(n: Any, p: Any, size: Any) -> Values:
    "Draw numbers of positives among n answers whose probabilities sum to p."
    random = np.random.default_rng([OUTCOME_SEED, int(np.sum(n))])
    share = np.divide(p, n, out=np.zeros(np.shape(n)), where=np.asarray(n) > 0)
    return random.binomial(np.asarray(n, dtype=np.int64), np.clip(share, 0, 1), size).astype(float)
