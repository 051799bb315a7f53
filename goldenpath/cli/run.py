"""`goldenpath run`, and what it and `goldenpath step` tell of their outcome."""

import sys
from collections.abc import Mapping
from pathlib import Path

import click
from click.core import ParameterSource

from goldenpath.cli.options import COMPUTE, PIPELINE_FILE, SET
from goldenpath.cli.terminal import Progress, near, put, say, show, tell_failure
from goldenpath.cluster.pipeline_file import part_of, read_pipeline
from goldenpath.cluster.resume import NEWEST, find_resumable, remaining_in, resume_pipeline
from goldenpath.cluster.run import RunOutcome, run_pipeline
from goldenpath.evaluation.gate import Verdict, verdict_table
from goldenpath.evaluation.leaderboard import LEADERBOARD, Leaderboard, leaderboard_table
from goldenpath.measure.contrast import contrast_table
from goldenpath.runs.run import find_record, read_json
from goldenpath.runs.taken_over import taken_over_in_words
from goldenpath.settings import Settings, load_settings


@click.command()
@PIPELINE_FILE
@SET
@click.option("--until", default="", metavar="STEP", help="Last step, such as 06_evaluate.")
@click.option("--without", multiple=True, metavar="STEP", help="Step to leave out, such as 09_contrast.")
@COMPUTE
@click.option("--again", is_flag=True, help="Do all steps, also those that an older run did alike.")
@click.option(
    "--resume",
    "name",
    is_flag=False,
    flag_value=NEWEST,
    metavar="[RUN]",
    help="Continue the newest run, or RUN, after the step that failed or was killed.",
)
def run(
    file: Path,
    values: dict[str, str],
    until: str,
    without: tuple[str, ...],
    compute: dict[str, str],
    again: bool,
    name: str | None,
) -> None:
    """Run PIPELINE (pipelines/train.pipeline) and show the contrast.

    Everything runs on a copy in a new run folder: your notebooks stay as they are, and the executed copies
    are the record. With --until, only STEP and the steps that it needs run. Exit code 1: a step failed; 3:
    the gate refused the candidate, or is certain to; 5: pipelines/retrain.pipeline had nothing to train for.

    Steps are taken over from an older run if their code, their settings, the packages and what they read did
    not change; --again does all of them. With --resume, steps of the same run that are done stay.
    """
    if name is not None:
        _refuse_more_than_resume()
        resume_and_tell(name, load_settings())
        return
    run_and_tell(file, load_settings(), compute | values, until, without, again)


def run_and_tell(
    file: Path,
    settings: Settings,
    values: dict[str, str] | None = None,
    until: str = "",
    without: tuple[str, ...] = (),
    again: bool = False,  # all steps
) -> None:
    "Run a pipeline, show how far it is and what came out, and exit with its code."
    steps = [node.name for node in part_of(read_pipeline(file), until, without).nodes]
    outcome = run_pipeline(file, settings, Progress(steps), values, until, without, again, _tell_taken_over)
    say(f"run {outcome.run.name}, {outcome.seconds:.0f} s, in {near(outcome.run)}")
    tell_outcome(outcome)


def _tell_taken_over(steps: Mapping[str, str]) -> None:
    if steps:
        say(f"taken over from {taken_over_in_words(steps)} (--again does all anew)")


def resume_and_tell(name: str, settings: Settings) -> None:
    "Continue a run, show what stays and what came out, and exit with its code."
    folder = find_resumable(settings, name)
    remaining = remaining_in(folder, settings)
    say(f"run {folder.name} continues; done before: {', '.join(remaining.done) or 'no step'}")
    for step, reason in remaining.again.items():
        say(f"  {step} was done and runs again: {reason}")
    outcome = resume_pipeline(folder, settings, remaining, Progress(remaining.names))
    say(f"run {folder.name}, {outcome.seconds:.0f} s since it was resumed, in {near(folder)}")
    tell_outcome(outcome)


def _refuse_more_than_resume() -> None:
    "Raise UsageError for options that a run has from its beginning."
    ctx = click.get_current_context()
    others = ("file", "values", "until", "without", "compute", "again")
    given = [name for name in others if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        raise click.UsageError(
            "--resume continues with the pipeline, the variables and the steps that the run began with: "
            "give it alone, or leave it out to begin a new run"
        )


def tell_outcome(outcome: RunOutcome) -> None:
    "Show the result, or why there is none; exit with its code."
    if outcome.failure is None:
        _tell_success(outcome)
        return
    if outcome.exit_code == 3:
        _tell_verdict(outcome)
    if outcome.exit_code == 5:
        say(f"no training is due: {outcome.failure.message}")
    else:
        tell_failure(outcome)
    sys.exit(outcome.exit_code)


def _tell_success(outcome: RunOutcome) -> None:
    contrast, published = (read_json(outcome.run / f"{name}.json") for name in ("contrast", "published"))
    leaderboard = find_record(outcome.run, LEADERBOARD)
    if leaderboard:
        show(leaderboard_table(Leaderboard.model_validate(leaderboard)))
    if contrast:
        show(contrast_table(contrast))
    if not published:
        _tell_candidate(outcome.run)
    else:
        state = "already published" if published.get("already") else "published"
        role = ", champion" if published.get("champion") else ""
        note = "" if published.get("already") or not published.get("note") else f"; {published['note']}"
        say(f"{state} as {published.get('version')}{role}{note}")
    if (outcome.run / "report.html").is_file():
        put(f"report: {near(outcome.run / 'report.html')}")


def _tell_candidate(run: Path) -> None:
    "Describe a candidate that this run does not publish."
    verdict, training = (read_json(run / f"{name}.json") for name in ("verdict", "training"))
    if verdict:
        show(verdict_table(Verdict.model_validate(verdict)))
    if training.get("clash"):
        say(f"this candidate cannot be published: {training['clash']}")


def _tell_verdict(outcome: RunOutcome) -> None:
    "List the rules that failed."
    verdict = find_record(outcome.run, "verdict.json")
    if verdict:
        show(verdict_table(Verdict.model_validate(verdict)))
