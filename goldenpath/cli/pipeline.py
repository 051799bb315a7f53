"""`goldenpath pipeline`: check a pipeline file, submit it to the cluster, export it for the cluster."""

import sys
from pathlib import Path

import click

from goldenpath.cli.options import PIPELINE_FILE, SET
from goldenpath.cli.terminal import near, put, say
from goldenpath.cluster.checks.exported import check_export
from goldenpath.cluster.checks.pipeline import check_pipeline
from goldenpath.cluster.kubeflow.export import Export, export_pipeline
from goldenpath.cluster.kubeflow.git_source import git_source
from goldenpath.cluster.kubeflow.snapshot import CODE_FOLDER, write_snapshot
from goldenpath.cluster.pipeline_file import read_pipeline
from goldenpath.cluster.submit import Runtime, Submitted, find_runtime, submit_pipeline, wait_for_run
from goldenpath.cluster.workspace import export_notebooks
from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.settings import Settings, load_settings


@click.group()
def pipeline() -> None:
    """Check, submit and export pipeline files."""


@pipeline.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Find the silent traps of FILES (all of pipelines/), each with what to change.

    A FILE may also be a .yaml that `goldenpath pipeline export` wrote. Exit code 1 if there is one that
    breaks something.
    """
    settings = load_settings()
    chosen = files or tuple(sorted((settings.folder / "pipelines").glob("*.pipeline")))
    broken = 0
    for file in chosen:
        exported = file.suffix in (".yaml", ".yml")
        traps = check_export(file, settings) if exported else check_pipeline(file)
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
    _refuse_broken(file, "submitted")
    configuration = find_runtime(runtime)
    submitted = submit_pipeline(file, load_settings(), configuration, values)
    put(f"run {submitted.run_id}: {submitted.url}")
    if wait:
        _wait(configuration, submitted, timeout)


@pipeline.command("export")
@PIPELINE_FILE
@SET
@click.option("--format", "form", type=click.Choice(["kfp"]), default="kfp", help="Kubeflow Pipelines.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="File to write; default: PIPELINE's name and .yaml.",
)
@click.option(
    "--git", "url", default="", metavar="URL", help="Repository that the first pod gets the code from."
)
@click.option("--commit", default="", help="Its commit, all 40 digits; default: the one checked out here.")
@click.option("--git-secret", "secret", default="", help="Secret with its username and password.")
@click.option(
    "--retries", type=click.IntRange(0, 10), default=1, show_default=True, help="Of a step whose pod fails."
)
def export_for_kubeflow(
    file: Path,
    values: dict[str, str],
    form: str,
    output: Path | None,
    url: str,
    commit: str,
    secret: str,
    retries: int,
) -> None:
    """Export PIPELINE (pipelines/train.pipeline) for Kubeflow Pipelines, without Elyra.

    The file can be imported in the dashboard, scheduled there, and submitted by CI. The code goes to the
    volume: from here, or with --git from a commit. --set sets a variable of all its runs.
    """
    _refuse_broken(file, "exported")
    settings = load_settings()
    export_notebooks(settings.folder)
    git = git_source(settings.folder, url, commit, secret) if url else None
    target = output or Path(f"{file.stem}.yaml")
    made = export_pipeline(read_pipeline(file.resolve()), settings.folder, target, values, retries, git)
    put(f"wrote {near(target)}: {len(made.plan.steps)} steps, code {made.snapshot.digest}")
    if git:
        put(f"its first task gets the code from commit {git.commit} of {url}")
    else:
        _lay_code(made, settings)
    put("import it in the dashboard (Pipelines, Import pipeline), or submit it: docs/how-to/kubeflow.md")


def _lay_code(made: Export, settings: Settings) -> None:
    folder = write_snapshot(made.snapshot, settings.writable_home() / CODE_FOLDER)
    put(f"its code is in {near(folder)}")
    if settings.home_folder() != Path(made.plan.mount):
        say(
            f"note: pods look for it in {made.plan.mount}/{CODE_FOLDER}, where home is not: copy that folder "
            "to the volume, or export with --git"
        )


def _refuse_broken(file: Path, done: str) -> None:
    if broken := [trap for trap in check_pipeline(file) if trap.level == "error"]:
        raise BadInput(f"{near(file)} was not {done}: {broken[0]}; goldenpath pipeline check tells all")


def _wait(runtime: Runtime, submitted: Submitted, timeout: float) -> None:
    ended = wait_for_run(runtime, submitted.run_id, timeout, watch=lambda state: say(state.lower()))
    if ended.state != "SUCCEEDED":
        where = f" in {', '.join(ended.failed)}" if ended.failed else ""
        raise GoldenpathError(
            f"run {submitted.run_id} {ended.state.lower()}{where} {ended.message}".strip()
            + f"; {submitted.url}"
        )
