"""The last month in one picture, from the newest report of the monitor: what the page draws as SVG.

Everything comes from a file that nothing proves: what is not finite is left out, and the rest is bounded.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from goldenpath.evaluation.intervals import Interval
from goldenpath.feedback.monitor import MonitorReport, VersionReport, Window
from goldenpath.feedback.windows import LENGTHS, Every
from serving.watchers.report import zoned_time

MONTH = timedelta(days=31)
WINDOWS_DRAWN = 31 * 24
WIDTH, LEFT, RIGHT = 720.0, 44.0, 712.0  # of the picture, in its own units
TOP, BOTTOM = 16.0, 116.0  # of the metric
MARKED, FLOOR, ROOM = 132.0, 206.0, 60.0  # line of the marks, foot and height of the columns
LONGEST_TEXT = 600  # characters


class AnswersBar(NamedTuple):
    "The answers of one window."

    x: float
    y: float
    width: float
    height: float
    text: str
    moved: str  # what was beyond its limit; "" if nothing was


class Point(NamedTuple):
    "A value of the metric, with its interval."

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Month:
    "What is drawn."

    sentence: str
    version: str
    first: str  # day
    last: str
    metric: str  # "" if none was estimated or realised
    ticks: tuple[tuple[float, str], ...]  # of the metric
    promised: tuple[float, float, float] | None  # y of value, of the upper and of the lower end
    estimated: tuple[Point, ...]
    realised: tuple[Point, ...]
    columns: tuple[AnswersBar, ...]
    most: str  # answers of the highest column
    old: str  # how old the report is, if it is older than two days

    @property
    def line(self) -> str:
        "The estimated values as the points of a line."
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.estimated)


def month_of(report: MonitorReport | None, champion: str, now: datetime) -> Month | None:
    "Draw the champion's windows, or those of the version that answered first; None without any."
    version = version_shown(report, champion) if report else None
    if report is None or version is None:
        return None
    end = min(zoned_time(report.time), now)
    timed = [
        (start, window)
        for start, window in timed_windows(version.windows)
        if timedelta() <= end - start <= MONTH  # `end - MONTH` could lie before the first year
    ]
    if not timed:
        return None
    first = min(start for start, _ in timed)
    place = TimeAxis(first, max(end, first + LENGTHS[report.every]))
    metric = metric_shown(version, [window for _, window in timed])
    scale = ValueAxis.around(metric, version, [window for _, window in timed])
    most = max(window.answers for _, window in timed)
    middles = [(min(at + LENGTHS[report.every] / 2, end), window) for at, window in timed]
    age = now - zoned_time(report.time)
    return Month(
        sentence=report.sentence[:LONGEST_TEXT],
        version=version.version[:LONGEST_TEXT],
        first=f"{first:%Y-%m-%d}",
        last=f"{end:%Y-%m-%d}",
        metric=metric,
        ticks=scale.ticks,
        promised=scale.band(version.promised.get(metric)),
        estimated=tuple(scale.points(place, [(at, window.estimated.get(metric)) for at, window in middles])),
        realised=tuple(scale.points(place, [(at, window.realised.get(metric)) for at, window in middles])),
        columns=tuple(column(place, start, window, report.every, most) for start, window in timed),
        most=f"{most:,}",
        old=f"{age.days} days" if age > timedelta(days=2) else "",
    )


def version_shown(report: MonitorReport, champion: str) -> VersionReport | None:
    "Return the report on the champion, else the first of a version with windows."
    answered = [version for version in report.versions if version.windows]
    return next((one for one in answered if one.version == champion), answered[0] if answered else None)


def timed_windows(windows: Sequence[Window]) -> list[tuple[datetime, Window]]:
    "Return the newest windows, each with its start; one without a time is left out."
    timed = []
    for window in windows[-WINDOWS_DRAWN:]:
        try:
            timed.append((zoned_time(window.start), window))
        except ValueError:
            continue
    return timed


def metric_shown(version: VersionReport, windows: Sequence[Window]) -> str:
    "Return the first promised metric that was estimated or realised."
    named = {name for window in windows for name in (*window.estimated, *window.realised)}
    return next((name for name in version.promised if name in named), "")


class TimeAxis(NamedTuple):
    "The x of a time."

    first: datetime
    last: datetime

    def of(self, time: datetime) -> float:
        return LEFT + (RIGHT - LEFT) * ((time - self.first) / (self.last - self.first))


class ValueAxis(NamedTuple):
    "The y of a value of the metric."

    low: float
    high: float

    @staticmethod
    def around(metric: str, version: VersionReport, windows: Sequence[Window]) -> "ValueAxis":
        "Hold every value of the metric, with some room."
        intervals = [version.promised.get(metric)]
        intervals += [part.get(metric) for one in windows for part in (one.estimated, one.realised)]
        ends = [end for one in intervals if one for end in (one.value, one.low, one.high)]
        finite = [end for end in ends if end is not None and math.isfinite(end)] or [0.0, 1.0]
        room = (max(finite) - min(finite)) * 0.08 or abs(finite[0]) * 0.05 or 0.5
        return ValueAxis(min(finite) - room, max(finite) + room)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return BOTTOM - (BOTTOM - TOP) * min(1.0, max(0.0, share))

    @property
    def ticks(self) -> tuple[tuple[float, str], ...]:
        "Return three values with their place."
        values = (self.low + (self.high - self.low) * share for share in (0.1, 0.5, 0.9))
        return tuple((self.y(value), f"{value:.3g}") for value in values)

    def band(self, promised: Interval | None) -> tuple[float, float, float] | None:
        "Return the places of a promised value and of the ends of its interval."
        point = self.point(0.0, promised)
        return None if point is None else (point.y, point.high, point.low)

    def points(self, place: TimeAxis, values: Sequence[tuple[datetime, Interval | None]]) -> list[Point]:
        "Return the places of those values that are defined."
        points = (self.point(place.of(time), interval) for time, interval in values)
        return [point for point in points if point is not None]

    def point(self, x: float, interval: Interval | None) -> Point | None:
        if interval is None or interval.value is None or not math.isfinite(interval.value):
            return None
        low, high = (
            interval.value if end is None or not math.isfinite(end) else end
            for end in (interval.low, interval.high)
        )
        return Point(x, self.y(interval.value), self.y(low), self.y(high))


def column(place: TimeAxis, start: datetime, window: Window, every: Every, most: int) -> AnswersBar:
    "Draw the answers of one window."
    x, end = place.of(start), min(RIGHT, place.of(start + LENGTHS[every]))
    height = ROOM * (window.answers / most) if most else 0.0  # integers first: they may be beyond any float
    moved = ", ".join(window.moved)[:LONGEST_TEXT]
    text = f"{start:%Y-%m-%d %H:%M}: {window.answers:,} answers, {window.refused:,} refused"
    return AnswersBar(x, FLOOR - height, max(1.0, end - x - 1), height, text, moved)
