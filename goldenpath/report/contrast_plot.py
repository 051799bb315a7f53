"""The times of a contrast in one plot."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goldenpath.measure.contrast import Contrast, Line, lines, reference
from goldenpath.measure.stopwatch import in_words
from goldenpath.report.plots import BLUE, GREEN, GREY, ORANGE, new_figure

_KINDS = {
    "training": (ORANGE, "s"),
    "loading": ("#CC79A7", "D"),
    "process": (GREEN, "^"),
    "http": (BLUE, "o"),
}


def plot_contrast(contrast: Contrast) -> Figure:
    "Every single-record time on one log axis, so that training and prediction fit beside each other."
    shown = [line for line in lines(contrast) if line.kind in _KINDS]
    figure, axes = new_figure("Time for one record", 8.5, 1.3 + 0.5 * len(shown))
    for place, line in enumerate(shown):
        draw_line(axes, place, line)
    axes.set_yticks(range(len(shown)), [line.what for line in shown])
    axes.set_ylim(len(shown) - 0.6, -0.7)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda seconds, _: in_words(seconds).replace(".00", "").replace(".0", ""))
    axes.set_xlim(min(line.seconds for line in shown) / 3, max(map(longest, shown)) * 8)
    axes.set_xlabel("log scale; mark: median, thick line: up to the 99th percentile")
    if base := reference(contrast):
        axes.axvline(base[0], color=GREY, linestyle=":", zorder=0)
    return figure


def draw_line(axes: Axes, place: int, line: Line) -> None:
    "One row of the plot: a mark at the median, a thick line to the 99th percentile, each with its time."
    colour, marker = _KINDS[line.kind]
    axes.plot([1e-9, line.seconds], [place, place], color=colour, linewidth=2, alpha=0.35)
    axes.plot([line.seconds, longest(line)], [place, place], color=colour, linewidth=5)
    axes.plot(line.seconds, place, marker, color=colour, markersize=9)
    write_beside(axes, in_words(line.seconds), (line.seconds, place), (0, 7), ha="center", va="bottom")
    if line.p99:
        label = f"p99 {in_words(line.p99)}"
        write_beside(axes, label, (line.p99, place), (7, 0), va="center", color=GREY, size="small")


def write_beside(
    axes: Axes,
    text: str,
    at: tuple[float, float],  # in the units of the axes
    offset: tuple[float, float],  # in points
    **how: Any,  # of the text, as Matplotlib takes it
) -> None:
    "Write a text near a mark, on paper that hides the lines behind it."
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    axes.annotate(text, at, xytext=offset, textcoords="offset points", bbox=paper, **how)


def longest(line: Line) -> float:
    return line.p99 or line.seconds
