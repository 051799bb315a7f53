"""Pictures of a monitor report: lines over time, and behind each the band of what is normal."""

from collections.abc import Sequence
from datetime import datetime

import matplotlib.dates as dates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goldenpath.evaluation.intervals import Interval
from goldenpath.evaluation.tasks import label
from goldenpath.feedback.monitor import VersionReport, Window
from goldenpath.report.plots import BLUE, GREEN, GREY, ORANGE, new_figure

NAMED = 5  # fields that get a line of their own; the others are grey
_LINES = ((ORANGE, "o-"), (BLUE, "s-"), (GREEN, "^-"), ("#CC79A7", "D-"), ("#56B4E9", "v-"))
BAND = "#e3e7ee"  # what is normal
LOW, HIGH = 0.03, 30.0  # ends of the axis of distances, in limits


def middle(window: Window) -> datetime:
    "Return the middle of a window."
    start, end = map(datetime.fromisoformat, (window.start, window.end))
    return start + (end - start) / 2


def time_axis(axes: Axes, windows: Sequence[Window]) -> None:
    "Show the time of all windows; write days and hours as short as they can be."
    start, end = datetime.fromisoformat(windows[0].start), datetime.fromisoformat(windows[-1].end)
    axes.set_xlim(start, end)  # type: ignore[arg-type]
    locator = dates.AutoDateLocator(maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def legend_below(figure: Figure) -> None:
    "Put the legend below, so that the axes of all pictures are of one width."
    handles, words = figure.axes[0].get_legend_handles_labels()
    figure.legend(
        handles[::-1], words[::-1], loc="outside lower left", ncols=4, frameon=False, fontsize="small"
    )


def plot_worth(version: VersionReport, metric: str) -> Figure:
    "Plot a metric over time: estimated and realised, on the band that validation promised."
    figure, axes = new_figure(label(metric), 8.5, 3.4)
    ends = []
    promised = version.promised.get(metric)
    if promised and promised.low is not None and promised.high is not None:
        ends = [promised.low, promised.high]
        axes.axhspan(promised.low, promised.high, color=BAND, label="promised")
        axes.axhline(promised.value or 0.0, color=GREY, linewidth=1)
    if (expected := version.expected.get(metric)) and expected.value is not None:
        axes.axhline(expected.value, color=BLUE, linewidth=1, linestyle=":", label="estimated on own data")
    for name, colour, style in (("estimated", BLUE, "o--"), ("realised", ORANGE, "s-")):
        points = [
            (middle(window), getattr(window, name)[metric])
            for window in version.windows
            if metric in getattr(window, name) and getattr(window, name)[metric].value is not None
        ]
        if points:
            _line(axes, points, colour, style, name)
            ends += [interval.value for _, interval in points]
    room = 0.2 * (max(ends) - min(ends)) or 0.1
    axes.set_ylim(min(ends) - room, max(ends) + room)  # intervals may reach beyond: the lines are to be read
    time_axis(axes, version.windows)
    legend_below(figure)
    return figure


def _line(
    axes: Axes, points: Sequence[tuple[datetime, Interval]], colour: str, style: str, name: str
) -> None:
    times = [time for time, _ in points]
    value, low, high = (
        np.array([getattr(interval, part) for _, interval in points], dtype=float)
        for part in ("value", "low", "high")
    )
    axes.plot(times, value, style, color=colour, label=name, markersize=4)  # type: ignore[arg-type]
    axes.fill_between(times, low, high, color=colour, alpha=0.15, linewidth=0)  # type: ignore[arg-type]


def plot_moved(version: VersionReport) -> Figure | None:
    "Plot how far each field and the scores moved, as a multiple of the limit; None without a limit."
    series = _ratios(version.windows)
    if not series:
        return None
    figure, axes = new_figure("Distance from the version's own data, in limits", 8.5, 3.8)
    axes.axhspan(LOW, 1, color=BAND, label="normal")
    most = sorted(series, key=lambda name: -max(ratio for _, ratio in series[name]))
    styles = dict(zip([name for name in most[:NAMED] if _peak(series[name]) > 1], _LINES, strict=False))
    for name in reversed(most):
        colour, style = styles.get(name, (GREY, "-"))
        times, ratios = zip(*series[name], strict=True)
        shown = np.clip(ratios, LOW, HIGH)
        words = name if name in styles else None
        axes.plot(times, shown, style, color=colour, label=words, markersize=4, linewidth=1 if words else 0.6)
    axes.set(yscale="log", ylim=(LOW, HIGH * 1.2))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    time_axis(axes, version.windows)
    legend_below(figure)
    return figure


def _ratios(windows: Sequence[Window]) -> dict[str, list[tuple[datetime, float]]]:
    series: dict[str, list[tuple[datetime, float]]] = {}
    for window in windows:
        for name, drift in window.figures.items():
            if drift.limit:
                series.setdefault(name, []).append((middle(window), drift.distance / drift.limit))
    return series


def _peak(points: Sequence[tuple[datetime, float]]) -> float:
    return max(ratio for _, ratio in points)


def plot_requests(version: VersionReport) -> Figure:
    "Plot answers and refused requests of each window."
    figure, axes = new_figure("Requests", 8.5, 2.4)
    times = [middle(window) for window in version.windows]
    answers = np.array([window.answers for window in version.windows])
    refused = np.array([window.refused for window in version.windows])
    lengths = [
        datetime.fromisoformat(window.end) - datetime.fromisoformat(window.start)
        for window in version.windows
    ]
    width = [0.85 * length for length in lengths]
    axes.bar(times, answers, width, color=BLUE, label="answered")  # type: ignore[arg-type]
    if refused.any():
        axes.bar(times, refused, width, bottom=answers, color=ORANGE, hatch="///", label="refused")  # type: ignore[arg-type]
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    time_axis(axes, version.windows)
    legend_below(figure)
    return figure
