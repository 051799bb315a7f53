"""`goldenpath run` and `goldenpath step`."""

import sys
from pathlib import Path

import click

from goldenpath.cli.terminal import Progress, near, put, say, show, table, tell_failure
from goldenpath.cluster.pipeline import Outcome, part_of, read_pipeline, run_pipeline
from goldenpath.cluster.step import find_step, find_steps, parameters_of, run_step
from goldenpath.evaluation.gate import Verdict, verdict_table
from goldenpath.measure.contrast import contrast_table
from goldenpath.runs.run import find_record, find_run, read_json
from goldenpath.settings import Settings, load_settings

DEFAULT = "pipelines/train.pipeline"


def pairs(ctx: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    "`NAME=VALUE` options as a dictionary."
    for text in given:
        if "=" not in text:
            raise click.BadParameter(f"'{text}' should be NAME=VALUE")
    return dict(text.split("=", 1) for text in given)


@click.command()
@click.argument("pipeline", required=False, type=click.Path(path_type=Path))
@click.option(
    "--set",
    "-s",
    "values",
    multiple=True,
    callback=pairs,
    metavar="NAME=VALUE",
    help="Environment variable for this run, such as SEED=7.",
)
@click.option("--until", default="", metavar="STEP", help="Last step, such as 06_evaluate.")
@click.option("--without", multiple=True, metavar="STEP", help="Step to leave out, such as 09_contrast.")
def run(pipeline: Path | None, values: dict[str, str], until: str, without: tuple[str, ...]) -> None:
    """Run PIPELINE (pipelines/train.pipeline) and show the contrast.

    Everything runs on a copy in a new run folder: your notebooks stay as they are, and the executed copies
    are the record. With --until, only STEP and the steps that it needs run. Exit code 1: a step failed; 3:
    the gate refused the candidate, or is certain to.
    """
    settings = load_settings()
    file = pipeline or settings.folder / DEFAULT
    steps = [node.name for node in part_of(read_pipeline(file), until, without).nodes]
    outcome = run_pipeline(file, settings, Progress(steps), values, until, without)
    say(f"run {outcome.run.name}, {outcome.seconds:.0f} s, in {near(outcome.run)}")
    _tell(outcome)


@click.command()
@click.argument("name", required=False)
@click.option(
    "--parameter",
    "-p",
    "given",
    multiple=True,
    callback=pairs,
    metavar="NAME=VALUE",
    help="Parameter of the step, such as seed=7 or run=ID.",
)
@click.option("--parameters", "listed", is_flag=True, help="List the step's parameters and stop.")
def step(name: str | None, given: dict[str, str], listed: bool) -> None:
    """Run the notebook of step NAME alone, such as 05_train.

    It opens a new run that reads from the newest one that holds what it needs, or from -p run=ID.
    Without NAME, the steps are listed.
    """
    settings = load_settings()
    if name is None:
        for stem in find_steps(settings.folder):
            put(stem)
    elif listed:
        _list_parameters(find_step(settings.folder, name))
    else:
        _run_step(settings, name, given)


def _run_step(settings: Settings, name: str, given: dict[str, str]) -> None:
    if given.get("run"):
        given["run"] = find_run(settings.home_folder() / "runs", given["run"]).name
    outcome = run_step(settings, name, given, Progress([find_step(settings.folder, name).stem]))
    say(f"run {outcome.run.name}, in {near(outcome.run)}")
    _tell(outcome)


def _list_parameters(file: Path) -> None:
    listing = table(f"parameters of {file.stem}", "name", "type", "default", "meaning")
    for found in parameters_of(file).values():
        listing.add_row(found.name, found.kind, found.default, found.help)
    show(listing)


def _tell(outcome: Outcome) -> None:
    "Show the result, or why there is none; exit with its code."
    if outcome.failure is None:
        _tell_success(outcome)
        return
    if outcome.exit_code == 3:
        _tell_verdict(outcome)
    tell_failure(outcome)
    sys.exit(outcome.exit_code)


def _tell_success(outcome: Outcome) -> None:
    contrast, published = (read_json(outcome.run / f"{name}.json") for name in ("contrast", "published"))
    if contrast:
        show(contrast_table(contrast))
    if not published:
        _tell_candidate(outcome.run)
    else:
        said = "already published" if published.get("already") else "published"
        role = ", champion" if published.get("champion") else ""
        note = "" if published.get("already") or not published.get("note") else f"; {published['note']}"
        say(f"{said} as {published.get('version')}{role}{note}")
    if (outcome.run / "report.html").is_file():
        put(f"report: {near(outcome.run / 'report.html')}")


def _tell_candidate(run: Path) -> None:
    "Describe a candidate that this run does not publish."
    verdict, training = (read_json(run / f"{name}.json") for name in ("verdict", "training"))
    if verdict:
        show(verdict_table(Verdict.model_validate(verdict)))
    if training.get("clash"):
        say(f"this candidate cannot be published: {training['clash']}")


def _tell_verdict(outcome: Outcome) -> None:
    "List the rules that failed."
    verdict = find_record(outcome.run, "verdict.json")
    if verdict:
        show(verdict_table(Verdict.model_validate(verdict)))
