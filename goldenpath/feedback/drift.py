"""Whether answers come from other data than a version was trained on: distances, and what chance explains.

A distance between few answers and the profile is mostly noise, and between many any difference shows. So
each is judged by windows of the same size that are drawn from the profile itself, with the reference drawn as
well, because it is a sample too. The limits hold for all fields and scores of a window together.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldenpath.feedback.counts import Counts, FieldCounts, ScoreCounts
from goldenpath.feedback.distances import (
    chi_square,
    cumulated_difference,
    jensen_shannon,
    l_infinity,
    normalized,
    population_stability,
    transport,
)
from goldenpath.feedback.profile import FEWEST_IN_CELL, FieldProfile, Profile, ScoreProfile, Spread
from goldenpath.records import Frozen

FALSE_ALARMS = 0.01  # of windows of a version's own data: share that any limit calls drift
DRAWN_WINDOWS = 400
SCORE_GROUPS = 20  # groups of scores that are compared
SEED = 13

CellCounts = NDArray[np.int64]  # (k,)


class Distances(Frozen):
    "How far the answers of a window are from the profile, in one field or score."

    answers: int
    jensen_shannon: float  # over cells and missing values: the distance that is judged
    limit: float  # of jensen_shannon, in a window of this size
    chi_square: float
    l_infinity: float
    stability: float  # population stability index
    kolmogorov_smirnov: float | None = None  # of what has an order
    wasserstein: float | None = None  # of numbers, in standard deviations of the reference
    missing: float = 0.0  # shares of the answers
    unseen: float = 0.0
    outside: float = 0.0
    outside_limit: float = 1.0

    @property
    def beyond(self) -> bool:
        "Check that chance does not explain the difference."
        return self.jensen_shannon > self.limit or self.outside > self.outside_limit


class Pairing(NamedTuple):
    "The counts that are compared."

    reference: CellCounts  # (k,)
    window: CellCounts  # (k,)
    hiding: int = 0  # of the last cells: the profile has 0 there for fewer than FEWEST_IN_CELL rows

    @property
    def answers(self) -> int:
        return int(self.window.sum())


def drift_of(profile: Profile, counts: Counts) -> dict[str, Distances]:
    """Measure every field and score of a window: "drift:<field>" and "score:<name>", as in the spread.

    What was not counted_fields, or not in the cells of this profile, is left out.
    """
    distances = {
        f"drift:{field.name}": field_distances(profile, field, cells)
        for field, cells in counted_fields(profile, counts)
    }
    for score in profile.scores:
        cells = counts.scores.get(score.name, ScoreCounts())
        if cells.n:
            distances[f"score:{score.name}"] = score_distances(profile, score, cells)
    return distances


def counted_fields(profile: Profile, counts: Counts) -> Iterator[tuple[FieldProfile, FieldCounts]]:
    "Yield the fields that were counted_fields in the cells of the profile."
    for field in profile.fields:
        cells = counts.fields.get(field.name, FieldCounts())
        if len(cells.cells) == len(field.counts) and sum(cells.cells) + cells.missing:
            yield field, cells


def field_sample(field: FieldProfile, counts: FieldCounts) -> Pairing:
    "Return what is compared of a field: its cells and, last, the missing values."
    reference, window = (*field.counts, field.missing), (*counts.cells, counts.missing)
    return Pairing(np.array(reference), np.array(window), hiding=2 if field.is_text else 1)


def field_distances(profile: Profile, field: FieldProfile, counts: FieldCounts) -> Distances:
    "Measure one field."
    sample, level = field_sample(field, counts), level_of(profile)
    answers, rows = sample.answers, int(sample.reference.sum())
    number = {} if field.is_text else number_distances(field, sample)
    return Distances(
        **judged(sample, level),
        **number,
        missing=counts.missing / answers,
        unseen=counts.unseen / answers,
        outside=counts.outside / answers,
        outside_limit=1.0 if field.is_text else outside_limit(field.outside, rows, answers, level),
    )


def number_distances(field: FieldProfile, sample: Pairing) -> dict[str, Any]:
    "Measure the distances of a number's cells, without missing values."
    reference, window = normalized(sample.reference[:-1]), normalized(sample.window[:-1])
    if not window.any():
        return {}
    far = float(transport(reference, window, np.array(field.means))) if field.means else None
    return {
        "kolmogorov_smirnov": float(cumulated_difference(reference, window)),
        "wasserstein": None if far is None or not field.deviation else far / field.deviation,
    }


def score_sample(score: ScoreProfile, counts: ScoreCounts) -> Pairing:
    "Return what is compared of a score: neighbouring groups with about as many validation rows each."
    window = np.zeros(len(score.starts), dtype=np.int64)
    cells, answers = np.array([*counts.n]), np.array([*counts.n.values()])
    np.add.at(window, np.searchsorted(score.starts, cells, side="right") - 1, answers)
    reference = np.array(score.counts)
    first = first_of_groups(reference)
    return Pairing(np.add.reduceat(reference, first), np.add.reduceat(window, first))


def first_of_groups(reference: CellCounts) -> NDArray[np.intp]:
    "Divide ordered cells into `SCORE_GROUPS` parts of about equal counts; the first cell of each."
    before = np.cumsum(reference) - reference
    part = before * SCORE_GROUPS // max(int(reference.sum()), 1)
    return np.asarray(np.unique(part, return_index=True)[1])


def score_distances(profile: Profile, score: ScoreProfile, counts: ScoreCounts) -> Distances:
    "Measure the scores of one outcome."
    sample = score_sample(score, counts)
    ordered = float(cumulated_difference(normalized(sample.reference), normalized(sample.window)))
    return Distances(**judged(sample, level_of(profile)), kolmogorov_smirnov=ordered)


def judged(sample: Pairing, level: float) -> dict[str, Any]:
    "Measure what has no order, and the limit of the distance that is judged."
    reference, window = normalized(sample.reference), normalized(sample.window)
    chance = spread_of(tuple(sample.reference.tolist()), sample.hiding, coarse(sample.answers), level)
    return {
        "answers": sample.answers,
        "jensen_shannon": float(jensen_shannon(reference, window)),
        "limit": chance.limit,
        "chi_square": chi_square(sample.reference, sample.window),
        "l_infinity": float(l_infinity(reference, window)),
        "stability": float(population_stability(reference, window)),
    }


# What chance explains


def coarse(answers: int) -> int:
    "Round down to two digits, so that windows of about one size share a limit: of the smallest, the widest."
    step: int = 10 ** max(len(str(answers)) - 2, 0)
    return answers // step * step


def level_of(profile: Profile) -> float:
    "Return the share of false alarms that each figure of a window may have, so that all keep to theirs."
    numbers = sum(not field.is_text for field in profile.fields)
    return FALSE_ALARMS / (len(profile.fields) + numbers + len(profile.scores))


@lru_cache(maxsize=4096)
def spread_of(
    reference: tuple[int, ...],  # (k,) counts
    hiding: int,  # of the last cells
    answers: int,  # of a window
    level: float,  # share of windows beyond the limit
) -> Spread:
    """Return how the Jensen-Shannon distance varies between windows of the reference's own distribution.

    Its square is close to a scaled chi-square variable, so the limit is that of the gamma distribution with
    the mean and variance of the windows drawn: a far quantile needs no more of them.
    """
    from scipy.stats import gamma

    distance = jensen_shannon(*drawn_shares(np.array(reference), hiding, answers))
    mean, variance = float((distance**2).mean()), float((distance**2).var())
    limit = float(np.sqrt(gamma.isf(level, mean**2 / variance, scale=variance / mean))) if variance else 0.0
    return Spread(mean=float(distance.mean()), deviation=float(distance.std()), limit=min(limit, 1.0))


def drawn_shares(
    reference: CellCounts, hiding: int, answers: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # (windows, k) each
    "Draw the reference anew and a window, many times, both from the reference's own shares."
    random = np.random.default_rng([SEED, answers])
    hidden = np.arange(len(reference)) >= len(reference) - hiding
    likely = np.where(hidden & (reference == 0), FEWEST_IN_CELL - 1, reference)
    rows = random.multinomial(int(reference.sum()), normalized(likely), DRAWN_WINDOWS)
    window = random.multinomial(answers, normalized(likely), DRAWN_WINDOWS)
    return normalized(np.where(hidden & (rows < FEWEST_IN_CELL), 0, rows)), normalized(window)


def outside_limit(
    outside: int,  # rows of the reference; 0 for fewer than FEWEST_IN_CELL
    rows: int,
    answers: int,
    level: float,
) -> float:
    "Return the share of values outside that a window may have; the reference's own share is uncertain."
    from scipy.stats import beta, binom

    likely = outside or FEWEST_IN_CELL - 1
    share = beta.isf(level / 2, likely + 1, max(rows - likely, 0) + 1)
    return float(binom.isf(level / 2, answers, share)) / answers
