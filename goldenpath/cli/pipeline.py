"""`goldenpath pipeline`: check a pipeline file, and submit it to the cluster."""

import sys
from pathlib import Path

import click

from goldenpath.cli.options import PIPELINE_FILE, SET
from goldenpath.cli.terminal import near, put, say
from goldenpath.cluster.checks.pipeline import check_pipeline
from goldenpath.cluster.submit import Runtime, Submitted, find_runtime, submit_pipeline, wait_for_run
from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.settings import load_settings


@click.group()
def pipeline() -> None:
    """Check and run pipeline files."""


@pipeline.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Find the silent traps of FILES (all of pipelines/), each with what to change.

    Exit code 1 if there is one that breaks something.
    """
    chosen = files or tuple(sorted((load_settings().folder / "pipelines").glob("*.pipeline")))
    broken = 0
    for file in chosen:
        traps = check_pipeline(file)
        broken += sum(trap.level == "error" for trap in traps)
        put(f"{near(file)}: {f'{len(traps)} found' if traps else 'sound'}")
        for trap in traps:
            put(f"  {trap.level} ({trap.kind}) {trap}")
    if broken:
        sys.exit(1)


@pipeline.command()
@PIPELINE_FILE
@SET
@click.option("--runtime", default="", help="Elyra's runtime configuration; odh_dsp if it is there.")
@click.option("--wait", is_flag=True, help="Wait until the run has ended; exit code 1 unless it succeeded.")
@click.option("--timeout", default=7200.0, show_default=True, help="Seconds after which waiting is given up.")
def submit(file: Path, values: dict[str, str], runtime: str, wait: bool, timeout: float) -> None:
    """Submit PIPELINE (pipelines/train.pipeline) to Kubeflow Pipelines.

    What is submitted is a copy, checked first for the traps that `goldenpath pipeline check` knows.
    """
    if broken := [trap for trap in check_pipeline(file) if trap.level == "error"]:
        raise BadInput(f"{near(file)} was not submitted: {broken[0]}; goldenpath pipeline check tells all")
    configuration = find_runtime(runtime)
    submitted = submit_pipeline(file, load_settings(), configuration, values)
    put(f"run {submitted.run_id}: {submitted.url}")
    if wait:
        _wait(configuration, submitted, timeout)


def _wait(runtime: Runtime, submitted: Submitted, timeout: float) -> None:
    ended = wait_for_run(runtime, submitted.run_id, timeout, watch=lambda state: say(state.lower()))
    if ended.state != "SUCCEEDED":
        where = f" in {', '.join(ended.failed)}" if ended.failed else ""
        raise GoldenpathError(
            f"run {submitted.run_id} {ended.state.lower()}{where} {ended.message}".strip()
            + f"; {submitted.url}"
        )
