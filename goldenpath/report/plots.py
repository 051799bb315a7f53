"""Plots of an evaluation and of a contrast; for steps and reports, never imported by the server.

Colours that colour-blind readers tell apart (Okabe and Ito), shape or line style besides, and figures
that share no state.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goldenpath.evaluation.class_metrics import confusion
from goldenpath.evaluation.intervals import wilson
from goldenpath.evaluation.metrics import Answers, unweighted
from goldenpath.evaluation.slices import ENOUGH, Slice
from goldenpath.evaluation.tasks import EVERY_METRIC
from goldenpath.measure.contrast import Contrast, Line, lines, reference
from goldenpath.measure.stopwatch import in_words
from goldenpath.schema.targets import TWO_OUTCOMES, TargetSpec

NUMBERED_CLASSES = 20  # classes of a confusion whose counts are written into it
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#767676"
_KINDS = {
    "training": (ORANGE, "s"),
    "loading": ("#CC79A7", "D"),
    "process": (GREEN, "^"),
    "http": (BLUE, "o"),
}


def new_figure(title: str, width: float = 6.0, height: float = 4.2) -> tuple[Figure, Axes]:
    "One pair of axes with little around it; sizes in inches."
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def png_of(figure: Figure) -> bytes:
    "Encode the figure as a PNG file."
    file = BytesIO()
    figure.savefig(file, format="png", dpi=130)
    return file.getvalue()


def reliability(
    answers: Answers,
    bins: int = 8,
) -> pd.DataFrame:  # predicted, observed, rows: one line for each group
    """Mean probability beside the observed share, in groups of equal expected positives.

    Groups of equal size would hold hardly one positive row each where the outcome is rare.
    """
    ranked = answers.probability[answers.order]
    expected = np.cumsum(ranked) / max(ranked.sum(), np.finfo(float).tiny)
    group = np.minimum((expected * bins).astype(int), bins - 1)
    groups = pd.DataFrame({"predicted": ranked, "observed": answers.outcome[answers.order]}).groupby(group)
    return groups.mean().assign(rows=groups.size())


def plot_reliability(answers: Answers) -> Figure:
    "Plot predicted against observed; points on the line are honest probabilities, bars are 95% (Wilson)."
    table = reliability(answers)
    rows = table["rows"].to_numpy()
    bars = share_bars(table["observed"].to_numpy() * rows, rows)
    figure, axes = new_figure("Reliability on test rows")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="honest")
    axes.errorbar(table["predicted"], table["observed"], bars, fmt="o", color=BLUE, label="candidate")
    axes.set(xlabel="predicted probability", ylabel="observed share", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False)
    return figure


def plot_precision_recall(candidate: Answers, champion: Answers | None = None) -> Figure:
    "Plot precision against recall; the points are the thresholds in force, the dashes the baseline."
    figure, axes = new_figure("Precision and recall on test rows")
    axes.axhline(candidate.outcome.mean(), color=GREY, linestyle="--", label="majority baseline")
    if champion:
        draw_curve(axes, champion, ORANGE, "champion", "-.")
    draw_curve(axes, candidate, BLUE, "candidate", "-")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.02))
    axes.legend(frameon=False)
    return figure


def draw_curve(axes: Axes, answers: Answers, colour: str, label: str, style: str) -> None:
    "One model's curve with its operating point."
    hits, alarms = unweighted(answers).curve
    axes.plot(hits / hits[-1], hits / (hits + alarms), style, color=colour, label=label)
    if answers.label.any():
        hit = (answers.label & answers.outcome).sum()
        axes.plot(hit / answers.outcome.sum(), hit / answers.label.sum(), "o", color=colour)


def plot_recall(slices: Sequence[Slice]) -> Figure:
    "Whose positive rows are found: recall of every group that has enough of them."
    shown = [group for group in slices if group.positives >= ENOUGH]
    recall = np.array([group.recall for group in shown], dtype=float)
    positives = np.array([group.positives for group in shown])
    figure, axes = new_figure("Recall by group", 7.5, 1.4 + 0.3 * len(shown))
    axes.errorbar(
        recall, range(len(shown)), xerr=share_bars(recall * positives, positives), fmt="o", color=BLUE
    )
    axes.set_yticks(range(len(shown)), [f"{group.level} ({group.positives})" for group in shown])
    axes.invert_yaxis()
    axes.set(xlabel="recall (positive test rows in brackets; bars are 95 %)", xlim=(0, 1))
    return figure


def plot_slices(slices: Sequence[Slice]) -> Figure:
    "Plot the metric of every group that has enough rows."
    shown = [one for one in slices if one.count >= ENOUGH and one.value is not None]
    words = EVERY_METRIC[shown[0].metric].words
    figure, axes = new_figure(f"{words[0].upper()}{words[1:]} by group", 7.5, 1.4 + 0.3 * len(shown))
    axes.plot([one.value or 0.0 for one in shown], range(len(shown)), "o", color=BLUE)
    axes.set_yticks(range(len(shown)), [f"{one.column}: {one.level} ({one.count})" for one in shown])
    axes.invert_yaxis()
    axes.set(xlabel=f"{words} (test rows in brackets)")
    axes.set_xlim(left=0)
    return figure


def plot_confusion(answers: Answers, levels: Sequence[str]) -> Figure:
    "Plot the share of each class's test rows that was given each label."
    counts = np.array(confusion(answers))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    figure, axes = new_figure(
        "Outcome and label on test rows", 2.5 + 0.6 * len(levels), 2 + 0.5 * len(levels)
    )
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(levels)), levels, rotation=45, ha="right")
    axes.set_yticks(range(len(levels)), levels)
    axes.set(xlabel="label", ylabel="outcome")
    if len(levels) <= NUMBERED_CLASSES:
        for row, column in np.ndindex(counts.shape):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{counts[row, column]:g}", ha="center", va="center", color=colour)
    return figure


def plot_residuals(answers: Answers, unit: str) -> Figure:
    "Plot what was wrong against what was predicted; between the dashes is the interval."
    figure, axes = new_figure("Residuals on test rows")
    axes.axhline(0, color=GREY)
    if answers.half_width is not None:
        for edge in (-answers.half_width, answers.half_width):
            axes.axhline(edge, color=GREY, linestyle="--")
    residual = answers.outcome - answers.probability
    axes.plot(answers.probability, residual, "o", color=BLUE, markersize=3, alpha=0.5)
    axes.set(xlabel=f"predicted ({unit})", ylabel=f"outcome minus predicted ({unit})")
    return figure


def plot_predicted(answers: Answers, champion: Answers | None, unit: str) -> Figure:
    "Plot the outcome against the prediction; on the line they are the same."
    figure, axes = new_figure("Prediction and outcome on test rows")
    ends = [float(np.min(answers.outcome)), float(np.max(answers.outcome))]
    axes.plot(ends, ends, color=GREY, linestyle="--")
    if champion:
        axes.plot(champion.probability, champion.outcome, "^", color=ORANGE, markersize=3, label="champion")
    axes.plot(answers.probability, answers.outcome, "o", color=BLUE, markersize=3, label="candidate")
    axes.set(xlabel=f"predicted ({unit})", ylabel=f"outcome ({unit})")
    axes.legend(frameon=False)
    return figure


def _binary_figures(candidate: Answers, champion: Answers | None, target: Any) -> dict[str, Figure]:
    curves = plot_precision_recall(candidate, champion)
    return {"precision_recall": curves, "reliability": plot_reliability(candidate)}


def _class_figures(candidate: Answers, champion: Answers | None, target: Any) -> dict[str, Figure]:
    return {"confusion": plot_confusion(candidate, target.outcomes)}


def _quantity_figures(candidate: Answers, champion: Answers | None, target: Any) -> dict[str, Figure]:
    predicted = plot_predicted(candidate, champion, target.unit)
    return {"predicted": predicted, "residuals": plot_residuals(candidate, target.unit)}


def save_plots(
    folder: Path,  # "evaluation" of the run
    models: Mapping[str, Answers],  # candidate, and champion if it is comparable
    slices: Sequence[Slice],
    target: TargetSpec = TWO_OUTCOMES,
) -> None:
    "Draw an evaluation into PNG files; groups only if one has enough rows."
    draw = {"binary": _binary_figures, "classes": _class_figures, "quantity": _quantity_figures}[target.task]
    figures = draw(models["candidate"], models.get("champion"), target)
    if any(group.positives >= ENOUGH for group in slices):
        figures["groups"] = plot_recall(slices)
    if any(group.value is not None and group.count >= ENOUGH for group in slices):
        figures["groups"] = plot_slices(slices)
    folder.mkdir(exist_ok=True)
    for name, figure in figures.items():
        (folder / f"{name}.png").write_bytes(png_of(figure))


def share_bars(positives: np.ndarray, rows: np.ndarray) -> np.ndarray:  # (2, k) lengths for error bars
    "Measure how far the 95% interval of each share reaches below and above it."
    low, high = wilson(positives, rows)
    return np.array([positives / rows - low, high - positives / rows])


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
