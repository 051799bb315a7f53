"""`goldenpath contrast`."""

import sys

import click

from goldenpath.cli.terminal import Progress, near, say, show, tell_failure
from goldenpath.cluster.step import run_step
from goldenpath.measure.contrast import contrast_table
from goldenpath.runs.run import read_json
from goldenpath.settings import load_settings

STEP = "09_contrast"


@click.command("contrast")
@click.argument("version", required=False)
def show_contrast(version: str | None) -> None:
    """Measure training time against prediction time, for VERSION or the one published last."""
    given = {"version": version} if version else {}
    outcome = run_step(load_settings(), STEP, given, Progress([STEP]))
    if outcome.failure:
        tell_failure(outcome)
        sys.exit(outcome.exit_code)
    show(contrast_table(read_json(outcome.run / "contrast.json")))
    say(f"run {outcome.run.name}, in {near(outcome.run)}")
