"""Train, then predict, against rows, beside the flat line of the running server."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goldenpath.measure.contrast import Contrast, reference
from goldenpath.measure.growth import Growth, labelled, ticks_of
from goldenpath.measure.stopwatch import in_words, three_figures
from goldenpath.report.leaderboard_plot import write_times
from goldenpath.report.plots import BLUE, GREY, ORANGE, new_figure


def plot_growth(contrast: Contrast, growth: Growth) -> Figure:
    "Both axes are logarithmic; the arrow says how many times one is the other, at the most rows."
    figure, axes = new_figure("Time until one answer", 9, 4.4)
    points = growth.points
    rows, seconds = [point.rows for point in points], [point.seconds for point in points]
    width = rows[-1] / rows[0]  # margins are shares of it
    left = rows[0] / width**0.09
    axes.set(xscale="log", yscale="log", xlim=(left, rows[-1] * width**0.16))
    axes.plot(rows, seconds, "o-", color=ORANGE, linewidth=3, markersize=8)
    for point in labelled(points, contrast.rows):
        write_above(axes, in_words(point.seconds), (point.rows, point.seconds), 10, ORANGE)
    write_above(
        axes,
        "train, then predict",
        (left * width**0.03, seconds[0]),
        30,
        ORANGE,
        ha="left",
        weight="bold",
        size=13,
    )
    lowest = min(seconds)
    if base := reference(contrast):
        what = "ask a running server" if contrast.http_s else "ask a loaded model"
        axes.plot([left, rows[-1]], [base[0]] * 2, color=BLUE, linewidth=3)
        write_above(
            axes,
            f"{what}: {in_words(base[0])}",
            (left * width**0.03, base[0]),
            9,
            BLUE,
            ha="left",
            weight="bold",
            size=13,
        )
        draw_ratio(axes, rows[-1] * width**0.05, base[0], seconds[-1])
        lowest = min(lowest, base[0])
    axes.set_ylim(lowest / 3, max(seconds) * 5)
    axes.grid(axis="y", color=GREY, alpha=0.2)
    axes.minorticks_off()
    axes.set_xticks(ticks := ticks_of(points), [f"{tick:,}" for tick in ticks])
    write_times(axes.yaxis)
    axes.set_xlabel("training rows")
    return figure


def draw_ratio(axes: Axes, rows: float, low: float, high: float) -> None:
    "Draw an arrow from one time to the other, with their ratio beside it."
    axes.annotate(
        "", (rows, high), (rows, low), arrowprops={"arrowstyle": "<->", "color": GREY, "linewidth": 1.5}
    )
    axes.annotate(
        f"{three_figures(high / low)} times\nas long",
        (rows, (low * high) ** 0.5),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        size=13,
        weight="bold",
    )


def write_above(
    axes: Axes, text: str, at: tuple[float, float], above: float, colour: str, **how: Any
) -> None:
    "Write a text so many points above a place."
    text_of: dict[str, Any] = {"ha": "center", "size": 11, "color": colour} | how
    axes.annotate(text, at, xytext=(0, above), textcoords="offset points", **text_of)
