"""`goldenpath debug`."""

import click

from goldenpath.cli.terminal import near, put, say
from goldenpath.cluster.debug import find_failed
from goldenpath.settings import load_settings

LINES = 20  # of the failing cell; the notebook has all of it


@click.command()
@click.argument("name", required=False, default="", metavar="[RUN]")
def debug(name: str) -> None:
    """Show the cell in which the newest run failed, or RUN, and how to execute it again with its inputs.

    The last line opens the executed notebook in JupyterLab: its kernels read from the run that failed, and
    what they write goes to a new run.
    """
    step = find_failed(load_settings(), name)
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
    for variable, value in step.variables.items():
        put(f"in an open Lab     %env {variable}={value}")
    put(f"in a new Lab       {step.command}")
