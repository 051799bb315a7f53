"""Plots of an evaluation; for steps and reports, never imported by the server.

Colours that colour-blind readers tell apart (Okabe and Ito), shape or line style besides, and figures
that share no state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from goldenpath.evaluation.calibration import claims_of
from goldenpath.evaluation.class_metrics import confusion, one_vs_rest
from goldenpath.evaluation.importance import Importance
from goldenpath.evaluation.intervals import wilson
from goldenpath.evaluation.metrics import Answers, roc_auc, unweighted
from goldenpath.evaluation.slices import ENOUGH, Slice
from goldenpath.evaluation.tasks import metric_words
from goldenpath.schema.targets import TWO_OUTCOMES, Scores, TargetSpec

NUMBERED_CLASSES = 20  # classes of a confusion whose counts are written into it
MOST_FIELDS = 25  # in the plot of importance; the record holds all
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#767676"
CLASS_COLOURS = (
    BLUE,
    ORANGE,
    GREEN,
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#000000",
    GREY,
)  # of classes side by side
STYLES = ("-", "--", "-.", ":")


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
    order = answers.order
    ranked, weight = answers.probability[order], answers.weights[order]
    expected = np.cumsum(ranked * weight)
    group = np.minimum((expected / max(expected[-1], np.finfo(float).tiny) * bins).astype(int), bins - 1)
    parts = {"predicted": ranked * weight, "observed": answers.outcome[order] * weight, "weight": weight}
    sums = pd.DataFrame(parts).assign(rows=answers.counts[order]).groupby(group).sum()
    means = {name: sums[name] / sums["weight"] for name in ("predicted", "observed")}
    return pd.DataFrame(means).assign(rows=sums["rows"])


def plot_reliability(answers: Answers, raw: Scores | None = None) -> Figure:
    """Plot predicted against observed; points on the line are honest probabilities, bars are 95% (Wilson).

    `raw` are the scores before they were calibrated. Of classes it is about the label that is answered.
    """
    figure, axes = new_figure("Reliability on test rows")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="honest")
    if raw is not None:
        _draw_reliability(axes, replace(answers, probability=raw), ORANGE, "before calibration", "s")
    label = "candidate" if raw is None else "after calibration"
    _draw_reliability(axes, answers, BLUE, label, "o")
    axes.set(xlabel="predicted probability", ylabel="observed share", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False)
    return figure


def _draw_reliability(axes: Axes, answers: Answers, colour: str, label: str, marker: str) -> None:
    claims = claims_of(answers.outcome, answers.probability)
    table = reliability(Answers(*claims, np.array([]), answers.weight, count=answers.count))
    rows = table["rows"].to_numpy()
    bars = share_bars(table["observed"].to_numpy() * rows, rows)
    axes.errorbar(table["predicted"], table["observed"], bars, fmt=marker, color=colour, label=label)


def plot_precision_recall(candidate: Answers, champion: Answers | None = None) -> Figure:
    "Plot precision against recall; the points are the thresholds in force, the dashes the baseline."
    figure, axes = new_figure("Precision and recall on test rows")
    rate = np.average(candidate.outcome, weights=candidate.weights)
    axes.axhline(rate, color=GREY, linestyle="--", label="majority baseline")
    if champion:
        draw_curve(axes, champion, ORANGE, "champion", "-.")
    draw_curve(axes, candidate, BLUE, "candidate", "-")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.02))
    axes.legend(frameon=False)
    return figure


def plot_roc(candidate: Answers, champion: Answers | None = None) -> Figure:
    "Plot recall against the share of false alarms; the points are the thresholds in force."
    figure, axes = _roc_axes()
    if champion:
        draw_roc(axes, champion, ORANGE, "champion", "-.")
    draw_roc(axes, candidate, BLUE, "candidate", "-")
    axes.legend(frameon=False)
    return figure


def plot_roc_of_classes(candidate: Answers, levels: Sequence[str]) -> Figure:
    "Plot a ROC curve of each class against the others, and the point of the rows that get its label."
    figure, axes = _roc_axes()
    drawn = zip(one_vs_rest(candidate), levels, strict=True)
    for place, (answers, level) in enumerate(drawn):
        if 0 < answers.outcome.sum() < len(answers.outcome):
            weighted = replace(answers, weight=candidate.weight, count=candidate.count)
            draw_roc(axes, weighted, CLASS_COLOURS[place], level, STYLES[place % len(STYLES)])
    axes.legend(frameon=False, title="this class against the others")
    return figure


def _roc_axes() -> tuple[Figure, Axes]:
    figure, axes = new_figure("ROC curve on test rows")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="chance")
    axes.set(xlabel="false positive rate", ylabel="recall", xlim=(-0.01, 1), ylim=(0, 1.02))
    return figure, axes


def draw_roc(axes: Axes, answers: Answers, colour: str, label: str, style: str) -> None:
    "Draw one ROC curve with its operating point and its area."
    rows = unweighted(answers)
    hits, alarms = rows.curve
    text = f"{label} (AUC {roc_auc(rows):.3f})"
    axes.plot(
        np.append(0, alarms / alarms[-1]), np.append(0, hits / hits[-1]), style, color=colour, label=text
    )
    hit, positive, called = rows.decided
    axes.plot((called - hit) / alarms[-1], hit / positive, "o", color=colour)


def draw_curve(axes: Axes, answers: Answers, colour: str, label: str, style: str) -> None:
    "One model's curve with its operating point."
    hits, alarms = unweighted(answers).curve
    axes.plot(hits / hits[-1], hits / (hits + alarms), style, color=colour, label=label)
    hit, positive, called = unweighted(answers).decided
    if called:
        axes.plot(hit / positive, hit / called, "o", color=colour)


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
    words = metric_words(shown[0].metric)
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


def plot_importance(importance: Importance) -> Figure:
    "Plot what shuffling each field costs, the costliest first; whiskers reach from the least to the most."
    shown = dict(list(importance.fields.items())[:MOST_FIELDS])
    mean = np.array([loss.mean for loss in shown.values()])
    reach = np.array([[loss.mean - loss.low, loss.high - loss.mean] for loss in shown.values()]).T
    left_out = len(importance.fields) - len(shown)
    title = f"The {len(shown)} most important fields of {len(shown) + left_out}" if left_out else ""
    figure, axes = new_figure(title or "Importance of each field", 7.5, 1.3 + 0.3 * len(shown))
    axes.barh(range(len(shown)), mean, color=BLUE, height=0.6)
    axes.errorbar(mean, range(len(shown)), xerr=reach, fmt="none", ecolor="black", elinewidth=1, capsize=3)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks(range(len(shown)), list(shown))
    axes.invert_yaxis()
    words = f"loss of {metric_words(importance.metric)} if the field is shuffled"
    rows = f"{importance.rows:,} validation rows, {importance.shuffles} shuffles"
    axes.set_xlabel(f"{words}\n({rows}; lines: least and most)")
    return figure


def _binary_figures(candidate: Answers, champion: Answers | None, target: Any) -> dict[str, Figure]:
    curves = plot_precision_recall(candidate, champion), plot_roc(candidate, champion)
    return dict(zip(("precision_recall", "roc"), curves, strict=True))


def _class_figures(candidate: Answers, champion: Answers | None, target: Any) -> dict[str, Figure]:
    figures = {"confusion": plot_confusion(candidate, target.outcomes)}
    if len(target.outcomes) <= len(CLASS_COLOURS):
        figures["roc"] = plot_roc_of_classes(candidate, target.outcomes)
    return figures


def _quantity_figures(candidate: Answers, champion: Answers | None, target: Any) -> dict[str, Figure]:
    predicted = plot_predicted(candidate, champion, target.unit)
    return {"predicted": predicted, "residuals": plot_residuals(candidate, target.unit)}


def save_plots(
    folder: Path,  # "evaluation" of the run
    models: Mapping[str, Answers],  # candidate, and champion if it is comparable
    slices: Sequence[Slice],
    target: TargetSpec = TWO_OUTCOMES,
    importance: Importance | None = None,
    raw: Scores | None = None,  # the candidate's before they were calibrated; None if they are not
) -> None:
    "Draw an evaluation into PNG files; groups only if one has enough rows."
    draw = {"binary": _binary_figures, "classes": _class_figures, "quantity": _quantity_figures}[target.task]
    figures = draw(models["candidate"], models.get("champion"), target)
    if target.outcomes:
        figures["reliability"] = plot_reliability(models["candidate"], raw)
    if any(group.positives >= ENOUGH for group in slices):
        figures["groups"] = plot_recall(slices)
    if any(group.value is not None and group.count >= ENOUGH for group in slices):
        figures["groups"] = plot_slices(slices)
    if importance:
        figures["importance"] = plot_importance(importance)
    folder.mkdir(exist_ok=True)
    for name, figure in figures.items():
        (folder / f"{name}.png").write_bytes(png_of(figure))


def share_bars(positives: np.ndarray, rows: np.ndarray) -> np.ndarray:  # (2, k) lengths for error bars
    "Measure how far the 95% interval of each share reaches below and above it."
    low, high = wilson(positives, rows)
    return np.array([positives / rows - low, high - positives / rows])
