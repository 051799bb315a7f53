"""The candidates of a run in plots: what each is worth, what an answer costs, what training costs."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from goldenpath.evaluation.leaderboard import CandidateEntry, Leaderboard, training_shares
from goldenpath.evaluation.tasks import label, metric_words
from goldenpath.measure.stopwatch import in_words
from goldenpath.report.plots import BLUE, GREY, ORANGE, new_figure

SMALLEST, LARGEST = 40.0, 900.0  # areas of marks, in points²


def plot_leaderboard(leaderboard: Leaderboard) -> Figure:
    "Plot quality against the time of one answer; the area of a mark is the training time."
    shown = leaderboard.timed
    figure, axes = new_figure(f"Candidates on {leaderboard.folds} folds", 7.5, 4.2)
    seconds = np.array([entry.latency.p50 for entry in shown if entry.latency])
    spreads = [entry.metrics[leaderboard.metric] for entry in shown]
    quality = np.array([spread.mean for spread in spreads])
    reach = np.array([[s.mean - s.low for s in spreads], [s.high - s.mean for s in spreads]])
    colours = [ORANGE if entry.name == leaderboard.chosen else BLUE for entry in shown]
    axes.errorbar(seconds, quality, reach, fmt="none", ecolor=GREY, elinewidth=1, zorder=1)
    axes.scatter(seconds, quality, areas(shown), colours, alpha=0.75, zorder=2)
    texts = [f"trained in {in_words(entry.fit_seconds or 0.0)}" for entry in shown]
    name_marks(axes, leaderboard, texts, seconds, quality)
    axes.set_xscale("log")
    axes.set_xlim(seconds.min() / 2, seconds.max() * 2)
    write_times(axes.xaxis)
    axes.set_xlabel("median time of one answer in process (log); area of a mark: training time")
    axes.set_ylabel(f"{label(leaderboard.metric)}\nbars: worst and best fold")
    return figure


def plot_costs(leaderboard: Leaderboard) -> Figure:
    "Plot the time to train against the time of one answer, and how often the one fits into the other."
    shown = leaderboard.timed
    figure, axes = new_figure("As the model changes", 7.5, 4.2)
    seconds = np.array([entry.latency.p50 for entry in shown if entry.latency])
    trained = np.array([max(entry.fit_seconds or 0.0, 1e-6) for entry in shown])
    colours = [ORANGE if entry.name == leaderboard.chosen else BLUE for entry in shown]
    axes.scatter(seconds, trained, 90, colours, zorder=2)
    means = [entry.metrics[leaderboard.metric].mean for entry in shown]
    texts = [f"{metric_words(leaderboard.metric)} {mean:.4g}" for mean in means]
    name_marks(axes, leaderboard, texts, seconds, trained)
    axes.set(xscale="log", yscale="log", xlim=(seconds.min() / 3, seconds.max() * 3))
    axes.set_ylim(trained.min() / 3, trained.max() * 3)
    draw_ratios(axes)
    write_times(axes.xaxis)
    write_times(axes.yaxis)
    axes.set_xlabel("median time of one answer in process (log)")
    axes.set_ylabel("time to train (log)")
    return figure


def draw_ratios(axes: Axes) -> None:
    "Draw dashed lines on which training takes as many answers: 1,000, 10,000 and so on."
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    for power in range(int(np.ceil(np.log10(low / right))), int(np.log10(high / left)) + 1):
        ends = np.array([max(left, low / 10.0**power), min(right, high / 10.0**power)])
        axes.plot(ends, ends * 10.0**power, "--", color=GREY, linewidth=0.6, zorder=0)
        axes.annotate(
            f"{10**power:,} answers" if power >= 0 else f"{10.0**power:g} answers",
            (ends[1], ends[1] * 10.0**power),
            xytext=(-2, -2),
            textcoords="offset points",
            ha="right",
            va="top",
            size="x-small",
            color=GREY,
        )


def name_marks(
    axes: Axes,
    leaderboard: Leaderboard,
    texts: Sequence[str],  # (n,) below the names of `leaderboard.timed`
    across: np.ndarray,  # (n,) where the marks are
    up: np.ndarray,
) -> None:
    "Write the names of the candidates in a column to the right, each with a line to its mark."
    for place, at in enumerate(np.argsort(-up, kind="stable").tolist()):  # in this order no lines cross
        name = leaderboard.timed[at].name
        mark = ", chosen" if name == leaderboard.chosen else ""
        axes.annotate(
            f"{name}{mark}\n{texts[at]}",
            (across[at], up[at]),
            xytext=(1.06, (len(texts) - place - 0.5) / len(texts)),
            textcoords="axes fraction",
            va="center",
            size="small",
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.6},
        )


def write_times(axis: Axis) -> None:
    "Write seconds at the decades of an axis, with their unit."
    axis.set_major_formatter(lambda value, _: in_words(value).replace(".00", "").replace(".0", ""))
    axis.set_minor_formatter(lambda value, _: "")


def areas(entries: Sequence[CandidateEntry]) -> np.ndarray:  # (n,) points²
    "Return an area for each candidate, in proportion to its training time where that can still be seen."
    return np.clip(LARGEST * training_shares(entries), SMALLEST, LARGEST)
