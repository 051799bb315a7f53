"""What moved: bursts of missing, unseen and out-of-range values, and the change in words."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from goldenpath.feedback.counts import Counts, FieldCounts
from goldenpath.feedback.monitor import Window
from goldenpath.feedback.movement import bursts, cell_name, largest_change, lost_level, window_of
from goldenpath.feedback.profile import FieldProfile, Profile
from goldenpath.feedback.profiled_fields import FieldRows, profile_number
from goldenpath.feedback.tally import AnswerTally
from goldenpath.feedback.windows import stretches
from goldenpath.schema.targets import TWO_OUTCOMES
from goldenpath.steps.monitor import has_jumped
from tests.helpers.profiles import small_profile

WARD = FieldProfile(name="ward", levels=("north", "south"), counts=(600, 400, 0))
AGE = FieldProfile(
    name="age", edges=(20.0, 40.0), lowest=0.0, highest=90.0, counts=(300, 400, 290), missing=10
)


def test_the_cell_that_changed_most_is_named() -> None:
    counts = FieldCounts(cells=(100, 900, 0))
    assert largest_change(WARD, counts) == "north 60.0% -> 10.0%"


@pytest.mark.parametrize(
    ("field", "cell", "name"),
    [
        (WARD, 1, "south"),
        (WARD, 2, "other levels"),
        (WARD, 3, "missing"),
        (AGE, 0, "up to 20"),
        (AGE, 1, "20 to 40"),
        (AGE, 2, "above 40"),
        (AGE, 3, "missing"),
    ],
)
def test_cells_have_names_that_people_use(field: FieldProfile, cell: int, name: str) -> None:
    assert cell_name(field, cell) == name


@pytest.mark.parametrize(
    ("field", "counts", "burst"),
    [
        (WARD, FieldCounts(cells=(600, 400, 0)), ()),
        (WARD, FieldCounts(cells=(550, 350, 0), missing=100), ("missing",)),
        (WARD, FieldCounts(cells=(550, 350, 100), unseen=100), ("unseen",)),
        (AGE, FieldCounts(cells=(300, 400, 290), missing=10), ()),
        (AGE, FieldCounts(cells=(300, 400, 300), outside=100), ("outside",)),
        (WARD, FieldCounts(cells=(59, 40, 0), missing=1), ()),  # of a hundred, that is chance
    ],
)
def test_a_burst_is_more_than_the_training_rows_and_chance_explain(
    field: FieldProfile, counts: FieldCounts, burst: tuple[str, ...]
) -> None:
    assert bursts(field, counts) == burst


@pytest.mark.parametrize(
    ("counts", "lost"),
    [
        (FieldCounts(cells=(0, 1_000, 0)), "north"),
        (FieldCounts(cells=(1, 999, 0)), ""),
        (FieldCounts(cells=(0, 3, 0)), ""),  # of three, that is chance
        (FieldCounts(cells=(0, 0, 0)), ""),
    ],
)
def test_a_level_that_does_not_occur_any_more_is_named(counts: FieldCounts, lost: str) -> None:
    assert lost_level(WARD, counts) == lost


def test_counts_of_other_cells_have_no_change_in_words() -> None:
    assert largest_change(WARD, FieldCounts(cells=(1, 2))) == ""


def ages(seed: int) -> np.ndarray:  # (5000,)
    "Draw ages of people."
    return np.random.default_rng(seed).normal(50, 15, 5_000).round(1)


@pytest.fixture(scope="module")
def profile() -> Profile:
    "Return a profile whose one field is an age."
    field = profile_number("age", ages(1), FieldRows(np.ones(5_000)))
    return small_profile().model_copy(update={"fields": (field,)})


def window_of_ages(profile: Profile, values: np.ndarray) -> Window:
    "Return the window in which these ages were asked about."
    tally = AnswerTally(TWO_OUTCOMES, profile)
    tally.add({"age": values}, np.full(len(values), 0.2), ["no"] * len(values))
    (part,) = stretches([tally.counts("1", "champion", "2026-11-28T12", "w")], "hour")
    return window_of(part, profile)


def test_ages_of_the_same_people_have_not_moved(profile: Profile) -> None:
    assert not window_of_ages(profile, ages(2)[:1_000]).drift["age"].beyond


@pytest.mark.parametrize("fault", [lambda age: age + 10, lambda age: age * 12, lambda age: age / 100])
def test_a_shifted_number_jumps_within_one_window_of_1000(profile: Profile, fault: object) -> None:
    drift = window_of_ages(profile, fault(ages(2)[:1_000])).drift["age"]  # type: ignore[operator]
    assert has_jumped(drift)
    assert "->" in drift.change


def test_too_few_answers_have_no_limit_no_burst_and_no_estimate(profile: Profile) -> None:
    window = window_of_ages(profile, np.full(50, np.nan))
    drift = window.drift["age"]
    assert drift.limit is None
    assert not drift.beyond
    assert not drift.burst
    assert window.estimated == {}
    assert window_of_ages(profile, np.full(500, np.nan)).drift["age"].burst == ("missing",)


def test_without_a_profile_a_window_has_its_volume_alone(profile: Profile) -> None:
    start = datetime(2026, 11, 28, 12, tzinfo=UTC)
    counts = Counts(version="1", role="champion", hour="2026-11-28T12", writer="w", answers=7, refused=2)
    (part,) = stretches([counts], "hour")
    window = window_of(part, None)
    assert (window.answers, window.refused, window.figures, window.estimated) == (7, 2, {}, {})
    assert (window.start, window.end) == (start.isoformat(), (start + timedelta(hours=1)).isoformat())
