"""Train, then predict, against rows, beside the flat line of the running server."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goldenpath.measure.contrast import Contrast, reference
from goldenpath.measure.growth import Growth, labelled
from goldenpath.measure.stopwatch import in_words, three_figures
from goldenpath.report.leaderboard_plot import write_times
from goldenpath.report.plots import BLUE, GREY, ORANGE, new_figure


def plot_growth(contrast: Contrast, growth: Growth) -> Figure:
    "Both axes are logarithmic; the arrow says how many times one is the other, at the most rows."
    figure, axes = new_figure("Time until one answer", 9, 4.4)
    points = growth.points
    rows, seconds = [point.rows for point in points], [point.seconds for point in points]
    axes.set(xscale="log", yscale="log", xlim=(rows[0] / 1.8, rows[-1] * 3))
    axes.plot(rows, seconds, "o-", color=ORANGE, linewidth=3, markersize=8)
    for point in labelled(points, contrast.rows):
        write_above(axes, in_words(point.seconds), (point.rows, point.seconds), 10, ORANGE)
    write_above(
        axes,
        "train, then predict",
        (rows[0] / 1.5, seconds[0]),
        30,
        ORANGE,
        ha="left",
        weight="bold",
        size=13,
    )
    lowest = min(seconds)
    if base := reference(contrast):
        what = "ask a running server" if contrast.http_s else "ask a loaded model"
        axes.plot([rows[0] / 1.8, rows[-1]], [base[0]] * 2, color=BLUE, linewidth=3)
        write_above(
            axes,
            f"{what}: {in_words(base[0])}",
            (rows[0] / 1.5, base[0]),
            9,
            BLUE,
            ha="left",
            weight="bold",
            size=13,
        )
        draw_ratio(axes, 1.4 * rows[-1], base[0], seconds[-1])
        lowest = min(lowest, base[0])
    axes.set_ylim(lowest / 3, max(seconds) * 5)
    axes.grid(axis="y", color=GREY, alpha=0.2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.minorticks_off()
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
