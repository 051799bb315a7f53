"""Windows of a version's own distribution: limits of every size keep to their share of false alarms.

Training rows, validation scores and windows are drawn from one known distribution; so the profile is as far
from it as any sample, and what a window shows is never drift.
"""

from typing import Annotated, Literal, get_args

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pydantic import Field
from scipy.stats import beta, expon

from goldenpath.feedback.cells import probability_borders
from goldenpath.feedback.counts import Counts, FieldCounts, ScoreCounts
from goldenpath.feedback.drift import drift_of
from goldenpath.feedback.profile import FieldProfile, Profile
from goldenpath.feedback.profiled_scores import Validated
from goldenpath.feedback.profiling import profile_of
from goldenpath.schema.contract import Binary, Contract, Record

Letter = Literal["a", "b", "c", "d", "e", "f", "g", "h"]
LEVELS = get_args(Letter)
SHARES = {  # of each level; the last is missing
    "even": (0.125,) * 8 + (0,),
    "rare": (0.9, 0.05, 0.03, 0.01, 0.006, 0.003, 0.001, 0, 0),
    "gaps": (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.0, 0.0, 0.12),
    "seldom missing": (0.6, 0.4, 0, 0, 0, 0, 0, 0, 0.0005),
}


class Drawn(Record):
    even: Letter
    rare: Letter
    gaps: Letter | None = None
    seldom: Letter | None = Field(default=None, alias="seldom missing")
    wait: Annotated[float, Field(ge=0)]
    part: Annotated[float, Field(ge=0, le=1)] | None = None


CONTRACT = Contract(Drawn, Binary(column="y", positive="yes", negative="no"))
WAIT, PART, SCORE = expon(), beta(0.5, 0.5), beta(0.6, 6)
NO_PART = 0.03  # share of rows without `part`


def shares(name: str) -> NDArray[np.float64]:
    return np.array(SHARES[name]) / sum(SHARES[name])


def drawn_profile(random: np.random.Generator, rows: int) -> Profile:
    "Return the profile of so many training rows, and a quarter as many validation rows."
    texts = {name: random.choice([*LEVELS, None], rows, p=shares(name)) for name in SHARES}
    part = np.where(random.random(rows) < NO_PART, np.nan, PART.rvs(rows, random_state=random))
    numbers = {"wait": WAIT.rvs(rows, random_state=random), "part": part}
    frame = pd.DataFrame({**texts, **numbers, "y": random.choice(["yes", "no"], rows)})
    scores = SCORE.rvs(rows // 4, random_state=random)
    happened = random.random(len(scores)) < scores
    answers = Validated(happened, scores, scores >= 0.3, np.ones(len(scores)))
    return profile_of(CONTRACT, CONTRACT.check(frame).clean, answers, {"train": rows}, {})


def drawn_window(random: np.random.Generator, profile: Profile, n: int) -> Counts:
    "Count n answers of the same distribution."
    fields = {field.name: drawn_field(random, field, n) for field in profile.fields}
    cells = random.multinomial(n, np.diff(SCORE.cdf(probability_borders())))
    scores = {"yes": ScoreCounts(n={int(cell): int(cells[cell]) for cell in np.flatnonzero(cells)})}
    return Counts(
        version="1",
        role="champion",
        hour="2026-11-28T12",
        writer="w",
        answers=n,
        fields=fields,
        scores=scores,
    )


def drawn_field(random: np.random.Generator, field: FieldProfile, n: int) -> FieldCounts:
    if field.levels is not None:
        *of_levels, missing = random.multinomial(n, shares(field.name)).tolist()
        cells = [of_levels[LEVELS.index(level)] for level in field.levels]
        return FieldCounts(
            cells=(*cells, sum(of_levels) - sum(cells)), missing=missing, unseen=sum(of_levels) - sum(cells)
        )
    law, missing = (WAIT, 0) if field.name == "wait" else (PART, int(random.binomial(n, NO_PART)))
    borders = np.concatenate([[-np.inf], [*field.edges], [np.inf]])
    cells = random.multinomial(n - missing, np.diff(law.cdf(borders)))
    assert field.lowest is not None
    beyond = law.cdf(field.lowest) + law.sf(field.highest)
    return FieldCounts(
        cells=tuple(cells.tolist()), missing=missing, outside=int(random.binomial(n - missing, beyond))
    )


def false_alarms(rows: int, n: int, profiles: int, windows: int) -> int:
    "Count the windows of n answers in which any figure is beyond its limit."
    random = np.random.default_rng([rows, n])
    alarms = 0
    for _ in range(profiles):
        profile = drawn_profile(random, rows)
        for _ in range(windows):
            distances = drift_of(profile, drawn_window(random, profile, n))
            assert len(distances) == len(SHARES) + 3
            alarms += any(one.beyond for one in distances.values())
    return alarms


@pytest.mark.parametrize("n", [100, 10_000, 1_000_000])
def test_at_most_five_of_a_hundred_windows_of_the_same_distribution_are_called_drift(n: int):
    assert false_alarms(2_000, n, profiles=5, windows=20) <= 5


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 10_000, 1_000_000])
@pytest.mark.parametrize("rows", [400, 20_000])
def test_few_and_many_training_rows_give_no_more_false_alarms(rows: int, n: int):
    assert false_alarms(rows, n, profiles=20, windows=5) <= 5
