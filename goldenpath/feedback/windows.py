"""Counts of answers in windows: stretches of time that are long enough to be judged.

A window is compared with windows of the same size of the version's own data. So its length is chosen by how
many answers there are: hours if an hour has some hundred, else days, else weeks.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Literal

from goldenpath.feedback.counts import Counts, add_up

Every = Literal["hour", "day", "week"]
WINDOWS_AT_MOST = 200  # of the busiest version: more are neither read nor computed in a moment
USUAL_ANSWERS = 200  # answers that the usual window should have
JUDGED = 100  # answers below which a window is shown and not judged
LENGTHS: dict[Every, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
RECENT = timedelta(days=1)  # up to the end of the newest window: what alarms are about
BATCH_ROLE = "batch"


@dataclass(frozen=True)
class Stretch:
    "The counts of one version in one stretch of time."

    start: datetime
    end: datetime  # the first moment after it
    counts: Counts
    roles: dict[str, int]  # answers by role


def counted_at(counts: Counts) -> datetime:
    "Return the beginning of the hour that was counted."
    return datetime.strptime(counts.hour, "%Y-%m-%dT%H").replace(tzinfo=UTC)


def start_of(moment: datetime, every: Every) -> datetime:
    "Return the beginning of the window that a moment is in; weeks begin on Monday."
    if every == "hour":
        return moment.replace(minute=0, second=0, microsecond=0)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return day if every == "day" else day - timedelta(days=day.weekday())


def usual_length(counts: Sequence[Counts]) -> Every:
    "Choose the shortest window that usually has `USUAL_ANSWERS` of the version with the most answers."
    versions = by_origin(counts)
    if not versions:
        return "day"
    busiest = max(versions.values(), key=lambda part: sum(one.answers for one in part))
    for every in LENGTHS:
        answers: dict[datetime, int] = defaultdict(int)
        for one in busiest:
            answers[start_of(counted_at(one), every)] += one.answers
        if len(answers) <= WINDOWS_AT_MOST and median(answers.values()) >= USUAL_ANSWERS:
            return every
    return "week"


def by_origin(counts: Sequence[Counts]) -> dict[tuple[str, bool], list[Counts]]:
    "Sort counts by version, batch jobs apart: their files may be of another kind than the requests."
    versions: dict[tuple[str, bool], list[Counts]] = defaultdict(list)
    for one in counts:
        versions[one.version, one.role == BATCH_ROLE].append(one)
    return dict(versions)


def stretches(counts: Sequence[Counts], every: Every) -> list[Stretch]:
    "Add up the counts of one version by window, in order of time; windows without a request are left out."
    windows: dict[datetime, list[Counts]] = defaultdict(list)
    for one in counts:
        windows[start_of(counted_at(one), every)].append(one)
    return [stretch_of(windows[start], start, start + LENGTHS[every]) for start in sorted(windows)]


def stretch_of(counts: Sequence[Counts], start: datetime, end: datetime) -> Stretch:
    "Add up the counts of one stretch of time."
    roles: dict[str, int] = defaultdict(int)
    for one in counts:
        roles[one.role] += one.answers
    return Stretch(start, end, add_up(counts), dict(roles))


def roles_in(parts: Sequence[Stretch]) -> dict[str, int]:
    "Count answers by role."
    answers: dict[str, int] = defaultdict(int)
    for part in parts:
        for role, count in part.roles.items():
            answers[role] += count
    return dict(answers)


def together(parts: Sequence[Stretch]) -> Stretch | None:
    "Add windows up to one; None without any."
    if not parts:
        return None
    return Stretch(parts[0].start, parts[-1].end, add_up(part.counts for part in parts), roles_in(parts))


def newest(parts: Sequence[Stretch]) -> list[Stretch]:
    "Return the windows of the last day, at least the last one."
    return [part for part in parts if part.end > parts[-1].end - RECENT] if parts else []
