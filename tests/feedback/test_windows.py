"""Windows: hours, days or weeks, by how many answers there are."""

from datetime import UTC, datetime, timedelta

import pytest

from goldenpath.feedback.counts import Counts
from goldenpath.feedback.windows import Every, by_origin, newest, start_of, stretches, together, usual_length

FIRST = datetime(2026, 11, 23, tzinfo=UTC)  # a Monday


def counts_of(answers: int, hours: int, version: str = "1.0.0-x", role: str = "champion") -> list[Counts]:
    "Return the counts of some hours in a row, each with so many answers."
    names = [(FIRST + timedelta(hours=hour)).strftime("%Y-%m-%dT%H") for hour in range(hours)]
    return [Counts(version=version, role=role, hour=name, writer="a-1-2", answers=answers) for name in names]


@pytest.mark.parametrize(("answers", "every"), [(300, "hour"), (30, "day"), (2, "week")])
def test_a_window_is_long_enough_to_hold_some_hundred_answers(answers: int, every: str) -> None:
    assert usual_length(counts_of(answers, 7 * 24)) == every


def test_a_month_of_many_answers_is_shown_by_day() -> None:
    assert usual_length(counts_of(10_000, 30 * 24)) == "day"


def test_the_busiest_version_decides_how_long_windows_are() -> None:
    counts = [*counts_of(300, 48), *counts_of(1, 48, version="1.1.0-y", role="challenger")]
    assert usual_length(counts) == "hour"


def test_without_counts_windows_are_days() -> None:
    assert usual_length([]) == "day"


@pytest.mark.parametrize(
    ("every", "start"), [("hour", "2026-11-26T13"), ("day", "2026-11-26T00"), ("week", "2026-11-23T00")]
)
def test_windows_begin_with_the_hour_the_day_and_monday(every: Every, start: str) -> None:
    moment = datetime(2026, 11, 26, 13, 59, tzinfo=UTC)
    assert start_of(moment, every).strftime("%Y-%m-%dT%H") == start


def test_stretches_hold_every_answer_once() -> None:
    counts = counts_of(10, 50)
    parts = stretches(counts, "day")
    assert [part.counts.answers for part in parts] == [240, 240, 20]
    assert [part.start.day for part in parts] == [23, 24, 25]
    whole = together(parts)
    assert whole is not None
    assert (whole.start, whole.end, whole.counts.answers) == (FIRST, FIRST + timedelta(days=3), 500)


def test_a_window_without_a_request_is_left_out() -> None:
    counts = counts_of(10, 3)
    assert len(stretches([counts[0], counts[2]], "hour")) == 2


def test_the_last_day_is_the_last_24_hours_or_the_last_window() -> None:
    assert len(newest(stretches(counts_of(10, 50), "hour"))) == 24
    assert len(newest(stretches(counts_of(10, 50), "day"))) == 1
    assert newest([]) == []
    assert together([]) is None


def test_batch_jobs_are_apart() -> None:
    counts = [*counts_of(10, 2), *counts_of(10, 2, role="shadow"), *counts_of(10_000, 1, role="batch")]
    origins = by_origin(counts)
    assert {key: len(part) for key, part in origins.items()} == {("1.0.0-x", False): 4, ("1.0.0-x", True): 1}
