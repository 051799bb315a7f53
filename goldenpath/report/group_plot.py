"""The metrics of a version group by group, with their intervals, beside what was promised."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goldenpath.evaluation.group_metrics import FileEvaluation, GroupMetrics
from goldenpath.evaluation.intervals import Interval
from goldenpath.evaluation.tasks import label
from goldenpath.report.plots import BLUE, GREY, ORANGE

MANY_GROUPS = 12  # groups from which on their names are written upright


def plot_evaluation(evaluation: FileEvaluation) -> Figure:
    "Draw one panel for each metric: groups as points with bars of 95%, dashes where the test rows were."
    groups = evaluation.groups or (evaluation.overall,)
    compared = [name for name in ("inputs",) if evaluation.overall.inputs]
    width, height = max(6.0, 1.5 + 0.32 * len(groups)), 0.9 + 2.1 * len((*evaluation.shown, *compared))
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(f"{evaluation.model} {evaluation.version}", x=0.01, ha="left")
    panels = figure.subplots(len((*evaluation.shown, *compared)), 1, sharex=True, squeeze=False)[:, 0]
    if compared:
        _inputs_panel(panels[-1], groups)
    for axes, metric in zip(panels, evaluation.shown, strict=False):
        _panel(axes, groups, metric, evaluation.promised.get(metric))
    panels[0].legend(frameon=False, loc="best", fontsize="small")
    rotation = 90 if len(groups) > MANY_GROUPS else 30 if len(groups) > 4 else 0
    panels[-1].set_xticks(range(len(groups)), [group.name for group in groups], rotation=rotation)
    panels[-1].set_xlabel(evaluation.by)
    return figure


def _panel(axes: Axes, groups: Sequence[GroupMetrics], metric: str, promised: Interval | None) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(label(metric), loc="left", fontsize="medium")
    axes.set_xlim(-0.5, len(groups) - 0.5)
    if promised and promised.value is not None:
        axes.axhline(promised.value, color=GREY, linestyle="--", label="promised (test rows)")
        if promised.low is not None and promised.high is not None:
            axes.axhspan(promised.low, promised.high, color=GREY, alpha=0.15, linewidth=0)
    for colour, marker, words, few in ((BLUE, "o", "this file", False), (ORANGE, "^", "few rows", True)):
        _points(
            axes,
            [(i, g.metrics[metric]) for i, g in enumerate(groups) if bool(g.remark) == few],
            colour,
            marker,
            words,
        )


def _points(axes: Axes, points: Sequence[tuple[int, Interval]], colour: str, marker: str, words: str) -> None:
    "Mark the defined values, with bars where there is an interval."
    defined = [(place, one) for place, one in points if one.value is not None]
    if not defined:
        return
    values = [one.value or 0.0 for _, one in defined]
    below = [
        max(0.0, value - (value if one.low is None else one.low))
        for value, (_, one) in zip(values, defined, strict=True)
    ]
    above = [
        max(0.0, (value if one.high is None else one.high) - value)
        for value, (_, one) in zip(values, defined, strict=True)
    ]
    places = [place for place, _ in defined]
    axes.errorbar(places, values, yerr=[below, above], fmt=marker, color=colour, capsize=2, label=words)


def _inputs_panel(axes: Axes, groups: Sequence[GroupMetrics]) -> None:
    "Draw how far the farthest input of each group is, as a multiple of its limit; below 1 is chance."
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("farthest input, in limits (above 1: more than chance)", loc="left", fontsize="medium")
    ratios = [
        max((one.distance / (one.limit or 1.0) for one in group.inputs.values()), default=0.0)
        for group in groups
    ]
    axes.bar(
        range(len(groups)), ratios, color=[ORANGE if group.moved else BLUE for group in groups], width=0.5
    )
    axes.axhline(1, color=GREY, linestyle="--")
