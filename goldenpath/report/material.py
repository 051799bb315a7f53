"""The contents of report.html: contrast, evaluation and exploration, gathered from registry and runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from goldenpath.evaluation.gate import Verdict
from goldenpath.evaluation.leaderboard import Leaderboard, leaderboard_in
from goldenpath.evaluation.record import Evaluation
from goldenpath.evaluation.slices import Slice
from goldenpath.evaluation.tasks import metric_words
from goldenpath.inference.explained_records import ExplainedRecord
from goldenpath.measure.contrast import Contrast, growth_notes, growth_sentence
from goldenpath.registry.artifact import read_record
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry
from goldenpath.report.card import Words
from goldenpath.report.contrast_plot import plot_contrast
from goldenpath.report.growth_plot import plot_growth
from goldenpath.report.leaderboard_plot import plot_costs, plot_leaderboard
from goldenpath.report.plots import png_of
from goldenpath.runs.run import Run, read_small, record_in
from goldenpath.runs.taken_over import taken_over_in, taken_over_in_words

SHOWS = {
    "precision_recall": "Precision and recall on test rows; the points are the thresholds in force",
    "roc": "ROC curve: recall and false positive rate on test rows; the points are the decisions in force",
    "reliability": "Predicted probability beside the observed share, for classes of the label answered; "
    "bars are 95% (Wilson)",
    "confusion": "Test rows by outcome and predicted label; the darker, the larger the share of its outcome",
    "predicted": "Outcome against prediction on test rows; on the dashed line they are the same",
    "residuals": "Outcome minus prediction on test rows; between the dashed lines is the interval",
    "importance": "What the answers lose if the values of one field are shuffled over the validation rows; "
    "fields that carry the same information share their importance",
    "groups": "Recall of every group with enough positive rows; bars are 95% (Wilson)",
}
SMALL = (
    "precision_recall",
    "roc",
    "reliability",
    "confusion",
    "predicted",
    "residuals",
)  # two stand side by side
EXPLORED = {
    "rates": "Outcome rate of every level, training rows",
    "unfilled": "What was not filled in, training rows",
    "groups": "Outcome rate by group, so that groups are compared like with like",
}


class Picture(NamedTuple):
    "A PNG, and what it shows in words: for the caption, and for readers who cannot see it."

    png: bytes
    shows: str
    wide: bool = True  # takes the whole width; two that are not wide stand side by side


@dataclass(frozen=True)
class Material:
    "The contents of the page; empty values are left out."

    contrast: Contrast
    manifest: Manifest
    contrast_plot: Picture
    growth_plot: Picture | None = None  # train, then predict, on more and more rows
    evaluation: Evaluation | None = None
    verdict: Verdict | None = None
    evaluation_plots: tuple[Picture, ...] = ()
    leaderboard: Leaderboard | None = None
    leaderboard_plot: Picture | None = None
    costs_plot: Picture | None = None  # training against answering, for each candidate
    data_plots: tuple[Picture, ...] = ()
    findings: tuple[str, ...] = ()  # results of the exploration, in sentences
    words: Words = field(default_factory=Words)
    explained: tuple[ExplainedRecord, ...] = ()
    taken_over: str = ""  # steps of the run of the version that worked in older runs


def gather(
    contrast: Contrast,
    registry: Registry,
    run: Run,
    words: Words,
    explained: tuple[ExplainedRecord, ...] = (),  # golden records of the same version
) -> Material:
    "Gather the contents of the page. Raises NotTrusted, VolumeFault."
    manifest = registry.verify(contrast.version)
    made_in = run.folder.parent / manifest.run
    evaluation, plots = evaluated(made_in)
    data_plots, findings = explored(run)
    folder, judged = registry.folder(contrast.version), "verdict.json" in manifest.files
    leaderboard = leaderboard_in(folder, manifest)
    return Material(
        contrast=contrast,
        manifest=manifest,
        contrast_plot=Picture(png_of(plot_contrast(contrast)), "Every time of the table on one log axis"),
        growth_plot=grown(contrast),
        evaluation=evaluation,
        verdict=read_record(folder, manifest, "verdict.json", Verdict) if judged else None,
        evaluation_plots=plots,
        leaderboard=leaderboard,
        **({} if leaderboard is None else drawn(leaderboard)),
        data_plots=data_plots,
        findings=findings,
        words=words,
        explained=explained,
        taken_over=taken_over_in_words(taken_over_in(made_in)),
    )


def grown(contrast: Contrast) -> Picture | None:
    "Draw training against rows, if it was measured on two numbers of rows at least."
    if not contrast.grown:
        return None
    notes = "; ".join(growth_notes(contrast))
    return Picture(png_of(plot_growth(contrast, contrast.grown)), f"{growth_sentence(contrast)} {notes}.")


def drawn(leaderboard: Leaderboard) -> dict[str, Picture]:
    "Draw the candidates, if the times of one at least are known."
    if not leaderboard.timed:
        return {}
    worth = (
        "What each candidate is worth, and the time of one answer; the area of a mark is its training time"
    )
    costs = (
        "As the model changes: seconds to train each candidate against the time of one answer; on a dashed "
        "line, training takes as long as so many answers"
    )
    return {
        "leaderboard_plot": Picture(png_of(plot_leaderboard(leaderboard)), worth),
        "costs_plot": Picture(png_of(plot_costs(leaderboard)), costs),
    }


def evaluated(
    run: Path,  # that made the version; may no longer exist
) -> tuple[Evaluation | None, tuple[Picture, ...]]:
    "Read what 06_evaluate left in a run."
    if not (run / "evaluation.json").exists():
        return None, ()
    evaluation = record_in(run, "evaluation.json", Evaluation)
    return evaluation, pictures(run / "evaluation", captions(evaluation.slices))


def captions(slices: Sequence[Slice]) -> dict[str, str]:
    "Return the captions of an evaluation's plots by name; groups are compared by the task's metric."
    if not slices or slices[0].metric == "recall":
        return SHOWS
    words = metric_words(slices[0].metric)
    return SHOWS | {"groups": f"{words[0].upper()}{words[1:]} of every group with enough rows"}


def explored(run: Run) -> tuple[tuple[Picture, ...], tuple[str, ...]]:
    "Read pictures and sentences of 03_explore, if the run has them."
    if not run.has("explore/findings.txt"):
        return (), ()
    file = run.input("explore/findings.txt")
    return pictures(file.parent, EXPLORED), tuple(read_small(file).decode().splitlines())


def pictures(folder: Path, captions: dict[str, str]) -> tuple[Picture, ...]:
    "Return the PNG files of a folder with their captions, the known ones first."
    files = {file.stem: file for file in sorted(folder.glob("*.png"))}
    order = [*(name for name in captions if name in files), *(name for name in files if name not in captions)]
    return tuple(
        Picture(read_small(files[name]), captions.get(name, name.replace("_", " ")), name not in SMALL)
        for name in order
    )
