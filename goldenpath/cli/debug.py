"""`goldenpath debug`."""

import os
from pathlib import Path

import click

from goldenpath.cli.terminal import near, put, say
from goldenpath.cluster.debug import FailedStep, find_failed
from goldenpath.cluster.lab import copy_with_inputs, find_lab, new_lab, page_in
from goldenpath.doctor.workbench import in_workbench
from goldenpath.errors import BadInput
from goldenpath.settings import load_settings

LINES = 20  # of the failing cell; the notebook has all of it


@click.command()
@click.argument("name", required=False, default="", metavar="[RUN]")
@click.option("--lab", is_flag=True, help="Open a copy of the notebook in JupyterLab, at this cell.")
def debug(name: str, lab: bool) -> None:
    """Show the cell in which the newest run failed, or RUN, and what its step read.

    With --lab, JupyterLab opens at that cell, in a copy of the executed notebook whose first cell sets the
    inputs of the run; if a JupyterLab of the project is open, the address in it is printed. What you execute
    goes to a new run.
    """
    settings = load_settings()
    step = find_failed(settings, name)
    show_failed(step)
    if lab:
        open_in_lab(step, settings.folder)
    else:
        put(f"open a copy        goldenpath debug {step.run.name} --lab")


def show_failed(step: FailedStep) -> None:
    "Print the cell, its error, and the files of the step."
    failure = step.failure
    say(f"run {step.run.name}: {failure.step} failed in cell [{failure.cell}]")
    lines = step.source.splitlines()
    for line in lines[:LINES] + ["..."] * (len(lines) > LINES):
        put(f"    {line}".rstrip())
    put(f"{failure.kind}: {failure.message}")
    if failure.origin:
        put(f"written in         {failure.origin}")
    put(f"executed notebook  {near(failure.file)}")
    for path, file in step.inputs.items():
        put(f"input              {path}: {near(file)}")


def open_in_lab(step: FailedStep, project: Path) -> None:
    "Print the address in a JupyterLab that is open, or become one. Raises BadInput."
    copy = copy_with_inputs(step, project)
    put(f"copy with inputs   {near(copy)}")
    lab = find_lab(project)
    if lab:
        put(f"in the open Lab    {page_in(lab, copy, step.cell_id)}")
        return
    if in_workbench():
        raise BadInput(f"no JupyterLab of this workbench shows {project}; open the copy in your editor")
    program = new_lab(project, copy, step.cell_id)
    put(f"JupyterLab         {program.url}")
    say("Ctrl-C ends it")
    os.execvpe(program.command[0], program.command, program.environ)
