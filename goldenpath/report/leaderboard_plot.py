"""The candidates of a run in one plot: what each is worth, against what one answer costs."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from goldenpath.evaluation.leaderboard import CandidateEntry, Leaderboard, training_shares
from goldenpath.evaluation.tasks import label
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
    for place, entry in enumerate(shown):
        mark = ", chosen" if entry.name == leaderboard.chosen else ""
        text = f"{entry.name}{mark}\ntrained in {in_words(entry.fit_seconds or 0.0)}"
        height = (len(shown) - place - 0.5) / len(shown)  # a column of labels, best first, cannot overlap
        axes.annotate(
            text,
            (seconds[place], quality[place]),
            xytext=(1.06, height),
            textcoords="axes fraction",
            va="center",
            size="small",
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.6},
        )
    axes.set_xscale("log")
    axes.set_xlim(seconds.min() / 2, seconds.max() * 2)
    axes.xaxis.set_major_formatter(lambda value, _: in_words(value).replace(".00", "").replace(".0", ""))
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.set_xlabel("median time of one answer in process (log); area of a mark: training time")
    axes.set_ylabel(f"{label(leaderboard.metric)}\nbars: worst and best fold")
    return figure


def areas(entries: Sequence[CandidateEntry]) -> np.ndarray:  # (n,) points²
    "Return an area for each candidate, in proportion to its training time where that can still be seen."
    return np.clip(LARGEST * training_shares(entries), SMALLEST, LARGEST)
