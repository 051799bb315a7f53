"""`goldenpath batch`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from goldenpath.cli.options import COMPUTE, VERSION_OR_ROLE
from goldenpath.cli.terminal import near, put, say
from goldenpath.project import Project
from goldenpath.settings import load_settings

if TYPE_CHECKING:
    from goldenpath.steps.batch import BatchSummary


@click.command()
@click.argument("input_path", metavar="INPUT")
@click.argument("output_path", metavar="OUTPUT")
@VERSION_OR_ROLE
@click.option(
    "--for-spreadsheet", is_flag=True, help="Put an apostrophe before cells that a spreadsheet would run."
)
@COMPUTE
def batch(
    input_path: str, output_path: str, name: str, for_spreadsheet: bool, compute: dict[str, str]
) -> None:
    """Score INPUT, a CSV or Parquet file of any size, into OUTPUT (.csv or .parquet).

    If INPUT is a folder or a quoted glob ('cases/*.csv'), OUTPUT is a folder, and gets a file for each input.
    If the command is stopped, give it again: it scores the files that are missing.

    Rows that break the contract go, with their reasons, into a second file beside OUTPUT. Both files
    appear when they are complete, and not before. Values are passed on as they are; if people open the CSV
    files in a spreadsheet, use --for-spreadsheet, because a cell such as =HYPERLINK(...) is run there.
    """
    from goldenpath.steps.batch import run_batch

    settings = load_settings(environ=os.environ | compute)
    done = run_batch(Project(settings), input_path, output_path, name, for_spreadsheet)
    say(f"{_work_of(done)}, by {done.version} ({done.path})")
    put(f"{done.scored:,} scored: {near(Path(done.output))}")
    put(f"{done.rejected:,} rejected: {near(Path(done.rejected_file))}")


def _work_of(done: "BatchSummary") -> str:
    "Say how many rows and files there are, and how fast it went."
    files = f"{done.files - done.files_before} of {done.files} files, the others were done before: "
    pace = f"{done.seconds:.1f} s ({done.rows_per_s:,.0f}/s)"
    if done.files_before:
        return f"{files}{pace}"
    return f"{done.rows:,} rows{f' in {done.files} files' if done.files > 1 else ''} in {pace}"
