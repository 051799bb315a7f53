"""The candidates that a version was chosen from: its leaderboard, and a drawing of it for the page.

A leaderboard is a file of the version: it is read only if it is small and has the hash of the manifest.
"""

import math
from dataclasses import dataclass
from typing import Any

from goldenpath.errors import GoldenpathError
from goldenpath.evaluation.leaderboard import LEADERBOARD, Leaderboard, leaderboard_in, training_shares
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry

LARGEST_LEADERBOARD = 1 << 18  # bytes; that of 4 candidates has about 5,000
WIDTH, HEIGHT = 440.0, 230.0  # of the drawing
LEFT, RIGHT, TOP, BOTTOM = 40.0, 280.0, 14.0, 196.0  # of the place of the marks; names are to the right
LARGEST_RADIUS, SMALLEST_RADIUS = 15.0, 3.5
NAME_HEIGHT = 26.0  # between two names


@dataclass(frozen=True)
class CandidateMark:
    "A candidate in the drawing."

    name: str
    x: float
    y: float
    low: float  # y of the worst fold
    high: float  # and of the best one
    radius: float  # its area is the training time
    text_y: float
    chosen: bool


@dataclass(frozen=True)
class Drawing:
    "The leaderboard as a scatter plot: time of one answer to the right (log), quality upwards."

    marks: list[CandidateMark]
    decades: list[tuple[float, float]]  # x, and seconds
    ends: tuple[tuple[float, float], ...]  # y, and the lowest and the highest quality
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = RIGHT
    bottom: float = BOTTOM


def read_leaderboard(registry: Registry, manifest: Manifest) -> Leaderboard | None:
    "Read the leaderboard of a version; None if there is none, or one that cannot be shown."
    file = manifest.files.get(LEADERBOARD)
    if file is None or file.size > LARGEST_LEADERBOARD:
        return None
    try:
        return leaderboard_in(registry.folder(manifest.version), manifest)
    except (OSError, GoldenpathError):
        return None


def drawing_of(leaderboard: Leaderboard) -> Drawing | None:
    "Draw quality against the time of one answer; None with fewer than two candidates to compare."
    entries = leaderboard.timed
    times = [entry.latency.p50 for entry in entries if entry.latency]
    spreads = [entry.metrics[leaderboard.metric] for entry in entries]
    values = [*times, *(value for spread in spreads for value in (spread.low, spread.mean, spread.high))]
    if len(entries) < 2 or not all(map(math.isfinite, values)) or min(times) <= 0:
        return None
    across = Scale(math.log10(min(times)) - 0.3, math.log10(max(times)) + 0.3, LEFT, RIGHT)
    up = Scale(min(s.low for s in spreads), max(s.high for s in spreads), BOTTOM - 8, TOP)
    first = (TOP + BOTTOM) / 2 - NAME_HEIGHT * (len(entries) - 1) / 2
    marks = [
        CandidateMark(
            name=entry.name,
            x=across.of(math.log10(seconds)),
            y=up.of(spread.mean),
            low=up.of(spread.low),
            high=up.of(spread.high),
            radius=max(LARGEST_RADIUS * math.sqrt(share), SMALLEST_RADIUS),
            text_y=first + NAME_HEIGHT * place,
            chosen=entry.name == leaderboard.chosen,
        )
        for place, (entry, seconds, spread, share) in enumerate(
            zip(entries, times, spreads, training_shares(entries).tolist(), strict=True)
        )
    ]
    powers = range(math.ceil(across.low), math.floor(across.high) + 1)
    decades = [(across.of(power), 10.0**power) for power in powers]
    return Drawing(marks, decades, tuple((up.of(value), value) for value in (up.low, up.high)))


@dataclass(frozen=True)
class Scale:
    "A straight line from values to places."

    low: float
    high: float
    start: float
    end: float

    def of(self, value: float) -> float:
        "Return the place of a value."
        span = self.high - self.low
        share = (value - self.low) / span if span else 0.5
        return round(self.start + share * (self.end - self.start), 2)


def shown_candidates(leaderboard: Leaderboard | None) -> dict[str, Any]:
    "Return what the page shows of a leaderboard, by name."
    return {"leaderboard": leaderboard, "drawing": drawing_of(leaderboard) if leaderboard else None}
