"""`goldenpath batch`."""

from pathlib import Path

import click

from goldenpath.cli.options import VERSION_OR_ROLE
from goldenpath.cli.terminal import near, put, say
from goldenpath.project import Project


@click.command()
@click.argument("input_path", metavar="INPUT")
@click.argument("output_path", metavar="OUTPUT")
@VERSION_OR_ROLE
@click.option(
    "--for-spreadsheet", is_flag=True, help="Put an apostrophe before cells that a spreadsheet would run."
)
def batch(input_path: str, output_path: str, name: str, for_spreadsheet: bool) -> None:
    """Score INPUT, a CSV or Parquet file of any size, into OUTPUT (.csv or .parquet).

    Rows that break the contract go, with their reasons, into a second file beside OUTPUT. Both files
    appear when they are complete, and not before. Values are passed on as they are; if people open the CSV
    files in a spreadsheet, use --for-spreadsheet, because a cell such as =HYPERLINK(...) is run there.
    """
    from goldenpath.steps.batch import run_batch

    done = run_batch(Project(), input_path, output_path, name, for_spreadsheet)
    pace = f"{done.rows:,} rows in {done.seconds:.1f} s ({done.rows_per_s:,.0f}/s)"
    say(f"{pace}, by {done.version} ({done.path})")
    put(f"{done.scored:,} scored: {near(Path(done.output))}")
    put(f"{done.rejected:,} rejected: {near(Path(done.rejected_file))}")
