"""Plots of the training rows for `03_explore`: rates by level, what is not known, and groups compared.

Made for 700 pixels; nothing is said by colour alone.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goldenpath.evaluation.intervals import Z
from goldenpath.report.plots import BLUE, GREEN, GREY, ORANGE

_MARKERS = ((BLUE, "o", "-"), (ORANGE, "s", "--"), (GREEN, "^", "-."), ("#CC79A7", "D", ":"))
_BARS = (("#E69F00", ""), (BLUE, "//"), (GREY, ".."), (GREEN, "xx"))
_MOST = 12  # columns in the plot of what is not known


def blank(height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, np.ndarray]:
    "Return an empty figure of `height` inches and its axes, (rows, columns)."
    figure = Figure(figsize=(7.0, height), layout="constrained", dpi=150)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure, axes


def shorten(text: str, most: int = 24) -> str:
    "Cut long names, so that they leave room for the plot."
    return text if len(text) <= most else text[: most - 1].rstrip(" ,") + "…"


def rate_bars(part: pd.DataFrame, rate: pd.Series) -> np.ndarray:  # (2, k) lengths for error bars, in percent
    "Measure how far the interval goes below and above a rate."
    return np.vstack([rate - part["low"] * 100, part["high"] * 100 - rate]).clip(0)


def plot_rates(
    table: pd.DataFrame,  # one line a level: column, level, share, rate, low, high
    names: list[str],  # columns to show, each in a panel
    outcome: str,  # such as `died = yes`
    source: str,  # shown in the title
) -> Figure:
    "Plot the outcome rate of every level with its interval, and its share of the rows."
    across = min(2, len(names))
    down = -(-len(names) // across)
    parts = [table[table["column"] == name] for name in names]
    heights = [max(len(part) for part in parts[i * across : (i + 1) * across]) for i in range(down)]
    figure, axes = blank(0.9 + sum(0.6 + 0.2 * count for count in heights), down, across)
    axes[0, 0].get_gridspec().set_height_ratios([count + 2 for count in heights])
    for axis, part, name in zip(axes.flat, parts, names, strict=False):
        _draw_rates(axis, part, name)
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    figure.suptitle(f"How often {outcome}, by level, with 95 % intervals\n{source}", fontsize=10)
    return figure


def _draw_rates(axis: Axes, part: pd.DataFrame, name: str) -> None:
    "Plot one column: a dot for the rate, a grey bar for the share of the rows."
    places, rate = np.arange(len(part))[::-1], part["rate"] * 100
    axis.barh(places, part["share"] * 100, color="#DDDDDD", height=0.75)
    bars = rate_bars(part, rate)
    axis.errorbar(rate, places, xerr=bars, fmt="o", color=BLUE, markersize=4, linewidth=1.2)
    axis.set_yticks(places, [shorten(level) for level in part["level"]])
    axis.set_title(name, fontsize=9, loc="left")
    axis.set_xlabel("percent (dot: outcome, bar: share of rows)", fontsize=7)
    axis.set_xlim(left=0)


def plot_unfilled(
    gaps: pd.DataFrame,  # (columns, words) shares, at least one line
    source: str,
) -> Figure:
    "Plot a bar for each column: the fraction that is empty or unknown."
    gaps = gaps.iloc[:_MOST]
    figure, axes = blank(1.1 + 0.32 * len(gaps))
    axis, start, places = axes[0, 0], np.zeros(len(gaps)), np.arange(len(gaps))[::-1]
    for word, (colour, hatch) in zip(gaps.columns, _BARS, strict=False):
        width = gaps[word].to_numpy() * 100
        axis.barh(places, width, left=start, color=colour, hatch=hatch, edgecolor="white", label=word)
        start = start + width
    for place, total in zip(places, start, strict=True):
        percent = f"{total:.0f} %" if total >= 1 else "under 1 %"
        axis.text(total + 1, place, percent, va="center", fontsize=8)
    axis.set_yticks(places, [shorten(name) for name in gaps.index])
    axis.set_xlim(0, 108)
    axis.set_xlabel("percent of the rows", fontsize=8)
    axis.legend(fontsize=8, loc="lower right", frameon=False)
    figure.suptitle(f"What is not known\n{source}", fontsize=10)
    return figure


def plot_groups(
    groups: pd.DataFrame,  # by group: rows, crude, fair, error; at least one line
    rates: pd.DataFrame,  # by (group, level): rate, low, high
    names: tuple[str, str],  # columns of the groups, and of the levels
    outcome: str,
    source: str,
) -> Figure:
    "Plot each group against the reference, crude and at the same level; below, level by level."
    figure, axes = blank(3.9 + 0.34 * len(groups), 2, 1)
    axes[0, 0].get_gridspec().set_height_ratios([0.9 + 0.34 * len(groups), 3.0])
    _draw_ratios(axes[0, 0], groups, names[1])
    _draw_within(axes[1, 0], rates)
    figure.suptitle(f"{outcome} by {names[0]}: crude, and at the same {names[1]}\n{source}", fontsize=10)
    return figure


def _draw_ratios(axis: Axes, groups: pd.DataFrame, within: str) -> None:
    "Plot the crude ratio hollow, and filled, with its interval, that at the same level."
    places, fair = np.arange(len(groups))[::-1], groups["fair"]
    ends = np.vstack([fair - fair * np.exp(-Z * groups["error"]), fair * np.exp(Z * groups["error"]) - fair])
    axis.hlines(places, groups["crude"], fair, color="#BBBBBB", linewidth=2, zorder=0)
    axis.errorbar(fair, places, xerr=ends, fmt="o", color=BLUE, markersize=6, label=f"at the same {within}")
    crude = axis.plot(groups["crude"], places, "s", color=ORANGE, markersize=6, label="crude")
    crude[0].set_markerfacecolor("white")
    axis.axvline(1, color=GREY, linewidth=0.8)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g} x")
    axis.xaxis.set_minor_formatter(lambda value, _: f"{value:g} x" if value in (0.3, 0.5, 2, 3) else "")
    axis.tick_params(axis="x", which="minor", labelsize=8)
    axis.set_yticks(places, [f"{shorten(str(name), 30)} ({int(n):,})" for name, n in groups["rows"].items()])
    reference = groups.index[groups["error"] == 0][0]
    axis.set_xlabel(f"rate as a multiple of that of {reference} (in brackets: rows)", fontsize=8)
    axis.legend(fontsize=8, frameon=False, loc="best")


def _draw_within(axis: Axes, rates: pd.DataFrame) -> None:
    "Plot a line for each group over the levels, on a log axis; empty if the outcome doesn't occur."
    names, levels = (rates.index.unique(position) for position in (0, 1))
    for step, (name, (colour, marker, line)) in enumerate(zip(names, _MARKERS, strict=False)):
        part = rates.loc[name]
        rate = part["rate"].where(part["rate"] > 0) * 100
        place, bars = np.arange(len(levels)) + 0.08 * (step - 1.5), rate_bars(part, rate)
        axis.errorbar(place, rate, bars, color=colour, marker=marker, ls=line, markersize=4, label=name)
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axis.set_xticks(range(len(levels)), [shorten(level, 14) for level in levels], rotation=25, ha="right")
    axis.set_ylabel("outcome rate", fontsize=8)
    axis.legend(fontsize=8, frameon=False)
