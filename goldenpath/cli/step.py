"""`goldenpath step`."""

from pathlib import Path

import click

from goldenpath.cli.options import COMPUTE, values
from goldenpath.cli.run import tell_outcome
from goldenpath.cli.terminal import Progress, near, put, say, show, table
from goldenpath.cluster.step import find_step, find_steps, parameters_of, run_step
from goldenpath.runs.run import find_run
from goldenpath.settings import Settings, load_settings


@click.command()
@click.argument("name", required=False)
@values("--parameter", "-p", "given", what="Parameter of the step, such as seed=7 or run=ID.")
@click.option("--parameters", "listed", is_flag=True, help="List the step's parameters and stop.")
@COMPUTE
def step(name: str | None, given: dict[str, str], listed: bool, compute: dict[str, str]) -> None:
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
        _run_step(settings, name, given, compute)


def _run_step(settings: Settings, name: str, given: dict[str, str], environ: dict[str, str]) -> None:
    if given.get("run"):
        given["run"] = find_run(settings.home_folder() / "runs", given["run"]).name
    progress = Progress([find_step(settings.folder, name).stem])
    outcome = run_step(settings, name, given, progress, environ)
    say(f"run {outcome.run.name}, in {near(outcome.run)}")
    tell_outcome(outcome)


def _list_parameters(file: Path) -> None:
    listing = table(f"parameters of {file.stem}", "name", "type", "default", "meaning")
    for parameter in parameters_of(file).values():
        listing.add_row(parameter.name, parameter.kind, parameter.default, parameter.help)
    show(listing)
