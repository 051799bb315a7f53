"""`goldenpath evaluate`: a published version on any file whose outcomes are known."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from goldenpath.cli.terminal import near, put, say, show
from goldenpath.errors import BadInput
from goldenpath.evaluation.group_metrics import (
    Compare,
    FileEvaluation,
    InputDistance,
    evaluation_table,
    measured_group,
    measured_groups,
    rate_in_words,
    shown_metrics,
    without_interval,
)
from goldenpath.evaluation.grouping import Grouping, grouping_of, groups_in
from goldenpath.evaluation.intervals import Interval
from goldenpath.evaluation.labeled import LabeledRows, read_labeled
from goldenpath.evaluation.metrics import Answers, Bools
from goldenpath.feedback.drift import Distances, drift_of
from goldenpath.feedback.profile import Profile, read_profile
from goldenpath.feedback.tally import AnswerTally
from goldenpath.records import Columns
from goldenpath.settings import Settings
from goldenpath.volume import faults

if TYPE_CHECKING:
    from goldenpath.predict import Predictor
    from goldenpath.project import Project

ASKED_AT_ONCE = 65_536  # rows that the model is asked about in one call


@click.command("evaluate")
@click.argument("version")
@click.argument("source", metavar="FILE")
@click.option(
    "--by", default="", metavar="COLUMN|month|week", help="Column to group by, or period of the event time."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder for evaluation.json and plots.",
)
def evaluate_file(version: str, source: str, by: str, output: Path | None) -> None:
    """Measure VERSION, or the holder of a role, on the rows of FILE whose outcome is known.

    FILE is CSV or Parquet: a path, a folder, a glob or a URL, with the columns of the contract and its
    target. The metrics are those of the gate, with intervals, for all rows and with --by for each group:
    month and week are those of the contract's event time, or of the date that `split` names, unless the
    file has a column of that name. With --output, FOLDER gets evaluation.json, metrics.png and metrics.svg.
    """
    from goldenpath.project import Project

    evaluation = evaluation_on(Project(), version, source, by)
    show(evaluation_table(evaluation))
    if output:
        for file in write_evaluation(evaluation, output):
            put(near(file))
    else:
        say("nothing was written; --output FOLDER keeps every metric as JSON, and draws a plot")


def evaluation_on(project: "Project", name: str, source: str, by: str = "") -> FileEvaluation:
    "Open a version and measure it. Raises NoModel, BadInput, NotTrusted, VolumeFault."
    from goldenpath.predict import open_predictor

    predictor = open_predictor(project.registry, name)
    assert predictor.manifest is not None  # of every version in a registry
    profile = read_profile(project.registry.folder(predictor.version), predictor.manifest)
    return evaluation_of_file(predictor, profile, project.settings, source, by)


def evaluation_of_file(
    predictor: "Predictor", profile: Profile | None, settings: Settings, source: str, by: str = ""
) -> FileEvaluation:
    "Measure a loaded version on a file, with the bootstrap of 06_evaluate. Raises BadInput."
    from goldenpath.steps.evaluate import bootstrap

    def measure(answers: Answers) -> dict[str, Interval]:
        return bootstrap({"version": answers}, settings.bootstrap, settings.seed)["version"].intervals()

    manifest, target = predictor.manifest, predictor.target
    assert manifest is not None  # of every version in a registry
    rows, grouping = labeled_rows(predictor, settings, source, by)
    answers = answers_to(predictor, rows)
    compare, promised, note = comparison(predictor, profile, rows.columns, answers)
    everything = np.ones(rows.counts.judged, dtype=bool)

    def compare_group(
        members: Bools,
    ) -> dict[str, InputDistance]:  # which differ in that column by definition
        return {name: distance for name, distance in compare(members).items() if name != grouping.column}

    return FileEvaluation(
        model=manifest.model,
        version=manifest.version,
        synthetic=manifest.synthetic,
        file=source,
        task=target.task,
        by=grouping.words,
        rate_of=rate_in_words(target),
        counts=rows.counts,
        bootstrap=settings.bootstrap,
        shown=shown_metrics(target, settings),
        promised=promised,
        note=note,
        overall=measured_group("all rows", answers, target, measure, compare(everything)),
        groups=measured_groups(answers, groups_in(rows.group, grouping), target, measure, compare_group),
    )


def labeled_rows(
    predictor: "Predictor", settings: Settings, source: str, by: str
) -> tuple[LabeledRows, Grouping]:
    "Read the rows of a file, each with its group."
    from goldenpath.tables.progress import shown
    from goldenpath.tables.reader import read_columns, read_source
    from goldenpath.tables.sources import find_files

    contract = predictor.contract
    grouping = grouping_of(by, read_columns(find_files(source)[0]), contract, settings)
    spec = contract.spec
    required = [field.name for field in contract.fields if not field.optional]
    needed = dict.fromkeys((*required, spec.target.column, spec.weight, grouping.column))
    chunks = read_source(source, tuple(name for name in needed if name))
    return read_labeled(shown(chunks, "reading"), contract, grouping, source), grouping


def answers_to(predictor: "Predictor", rows: LabeledRows) -> Answers:
    "Ask the version about every row."
    from goldenpath.steps.evaluate import answers_of

    parts: list[Any] = []
    for start in range(0, rows.counts.judged, ASKED_AT_ONCE):
        columns = {name: values[start : start + ASKED_AT_ONCE] for name, values in rows.columns.items()}
        parts.append(predictor.scores(columns))
    width = predictor.manifest.half_width if predictor.manifest else None
    put_beside = partial(answers_of, rows.outcome, np.concatenate(parts), predictor.threshold)
    return put_beside(predictor.target, weight=rows.weight, half_width=width)


def comparison(
    predictor: "Predictor",
    profile: Profile | None,  # None: of a version of an older release
    columns: Columns,  # of the n rows that are judged
    answers: Answers,
) -> tuple[Compare, dict[str, Interval], str]:  # promised metrics; why nothing is compared
    "Return how to compare rows with the version's profile, and what it promised."
    if profile is None:
        promised = without_interval(predictor.manifest.metrics) if predictor.manifest else {}
        return lambda rows: {}, promised, "inputs are not compared: an older release made the version"
    outcomes = np.array(predictor.target.outcomes, dtype=object)

    def compare(rows: Bools) -> dict[str, InputDistance]:
        tally = AnswerTally(predictor.target, profile)
        labels = outcomes[answers.label[rows].astype(int)].tolist() if len(outcomes) else []
        part = {name: values[rows] for name, values in columns.items()}
        tally.add(part, answers.probability[rows], labels)
        moved = drift_of(profile, tally.counts(predictor.version, "batch", "", ""))
        return {name_of_distance(name): input_distance(distances) for name, distances in moved.items()}

    return compare, profile.metrics, ""


def name_of_distance(name: str) -> str:
    "Name a field by itself, and a score as the monitor does."
    kind, _, rest = name.partition(":")
    return f"score of {rest}" if kind == "score" else rest


def input_distance(distances: Distances) -> InputDistance:
    "Keep what is shown of the distances of a field or score."
    return InputDistance(
        distance=distances.jensen_shannon,
        limit=distances.limit,
        outside=distances.outside,
        unseen=distances.unseen,
        beyond=distances.beyond,
    )


def write_evaluation(evaluation: FileEvaluation, folder: Path) -> tuple[Path, ...]:
    "Write evaluation.json and the plot in both formats. Raises BadInput, VolumeFault."
    from goldenpath.report.group_plot import plot_evaluation

    if folder.exists() and not folder.is_dir():
        raise BadInput(f"--output {folder} is a file; name a folder")
    files = tuple(folder / name for name in ("evaluation.json", "metrics.png", "metrics.svg"))
    with faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        files[0].write_text(evaluation.model_dump_json(indent=2) + "\n", "utf-8")
        figure = plot_evaluation(evaluation)
        for file in files[1:]:
            figure.savefig(file, dpi=130)
    return files
