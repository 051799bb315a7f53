"""`goldenpath mlflow`: bring the mirror in MLflow up to date."""

import os
import sys

import click

from goldenpath.cli.terminal import put, say
from goldenpath.project import Project
from goldenpath.runs.run import find_run, list_runs
from goldenpath.tracking import sync as mirroring
from goldenpath.tracking.versions import VersionMirror

_WITHIN = click.option(
    "--within", type=click.FloatRange(0), default=0.0, help="Seconds after which it stops; 0: no limit."
)


@click.group()
def mlflow() -> None:
    """Mirror runs, versions and roles in MLflow.

    Steps and role changes do it by themselves if MLFLOW_TRACKING_URI names a server, or if a pipeline server
    hands one over. Nothing is read back: the volume stays the registry.
    """


@mlflow.command("sync")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--roles", is_flag=True, help="Only versions with a role, and the aliases.")
@click.option("--version", "versions", multiple=True, help="Only this version; may be repeated.")
@_WITHIN
def sync_mlflow(runs: tuple[str, ...], roles: bool, versions: tuple[str, ...], within: float) -> None:
    """Mirror what MLflow does not have yet: RUNs with their versions, or everything.

    What is there already is not written again. Exit code 1: MLflow could not be asked, or a version was left
    out.
    """
    project = Project()
    folders = [find_run(project.runs, name) for name in runs]
    with mirroring.opened_mirror(project.registry, within) as mirror:
        if roles:
            mirror.mirror_roles()
        for folder in folders:
            mirroring.sync_run(mirror, folder)
        for version in versions:
            mirror.mirror(project.registry.resolve(version))
        left_out = 0 if runs or roles or versions else _sync_all(project, mirror)
    _end(1 if left_out else 0, within)


def _end(code: int, within: float) -> None:
    "End the program; at once if another one waits: Python took up to a minute to clean up after MLflow."
    if within:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    click.get_current_context().exit(code)


def _sync_all(project: Project, mirror: VersionMirror) -> int:  # versions that were left out
    runs = sum(1 for _ in mirroring.sync_runs(mirror, list_runs(project.runs)))
    left_out = versions = 0
    for version, reason in mirroring.sync_versions(mirror):
        versions += 1
        left_out += bool(reason)
        if reason:
            say(f"error: {version} is left out: {reason}")
    put(f"{runs} runs and {versions - left_out} versions are in {mirror.runs.address.shown}")
    return left_out


@mlflow.command("status")
@_WITHIN
def mlflow_status(within: float) -> None:
    """Say which MLflow is used, and whether it answers."""
    project = Project()
    with mirroring.opened_mirror(project.registry, within) as mirror:
        versions = len(mirror.there())
        put(f"{mirror.runs.address.shown} answers; it has {versions} versions of {project.settings.model}")
    _end(0, within)
