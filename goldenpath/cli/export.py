"""`goldenpath export`."""

import click

from goldenpath.cluster.workspace import write_modules
from goldenpath.runs.notebook import warn_of_strangers
from goldenpath.settings import load_settings


@click.command()
def export() -> None:
    """Write the exported cells of the notebooks into goldenpath/.

    Only notebooks with a number are taken, such as 05_train.ipynb; others that hold export cells, such as a
    copy, are named.
    """
    folder = load_settings().folder
    warn_of_strangers(folder / "notebooks")
    write_modules(folder)
