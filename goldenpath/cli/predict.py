"""`goldenpath predict`, `batch`, `serve` and `contrast`: what is done with a published model."""

import json
import os
import sys
from pathlib import Path

import click

from goldenpath.cli.terminal import Progress, near, put, say, show, tell_failure
from goldenpath.errors import BadInput
from goldenpath.settings import load_settings

NAME = click.option(
    "--version", "-V", "name", default="champion", show_default=True, help="A version, or a role."
)


CONTRAST = "09_contrast"


@click.command()
@click.argument("record")
@NAME
def predict(record: str, name: str) -> None:
    """Answer one RECORD: JSON, @FILE, or - for standard input.

    The answer is one line of JSON: label, probability, version, and which path gave it.
    """
    from goldenpath.predict import open_predictor
    from goldenpath.project import Project

    project = Project()
    parsed = project.contract.parse(_body(record))
    predictor = open_predictor(project.registry, name)
    if predictor.why:
        say(f"scikit-learn answers: {predictor.why}")
    answer = predictor.one(parsed)._asdict()
    put(json.dumps(answer | {"probability": float(answer["probability"]), "path": predictor.path}))


def _body(record: str) -> bytes:
    "Read the record's bytes unchanged: they are checked as the body of a request is."
    if record == "-":
        return sys.stdin.buffer.read()
    if not record.startswith("@"):
        return os.fsencode(record)
    try:
        return Path(record[1:]).read_bytes()
    except (OSError, ValueError) as fault:
        raise BadInput(f"{record[1:]} cannot be read ({fault}); check the path") from None


@click.command()
@click.argument("input_path", metavar="INPUT")
@click.argument("output_path", metavar="OUTPUT")
@NAME
@click.option(
    "--for-spreadsheet", is_flag=True, help="Put an apostrophe before cells that a spreadsheet would run."
)
def batch(input_path: str, output_path: str, name: str, for_spreadsheet: bool) -> None:
    """Score INPUT, a CSV or Parquet file of any size, into OUTPUT (.csv or .parquet).

    Rows that break the contract go, with their reasons, into a second file beside OUTPUT. Both files
    appear when they are complete, and not before. Values are passed on as they are; if people open the CSV
    files in a spreadsheet, use --for-spreadsheet, because a cell such as =HYPERLINK(...) is run there.
    """
    from goldenpath.project import Project
    from goldenpath.steps.batch import run_batch

    done = run_batch(Project(), input_path, output_path, name, for_spreadsheet)
    pace = f"{done.rows:,} rows in {done.seconds:.1f} s ({done.rows_per_s:,.0f}/s)"
    say(f"{pace}, by {done.version} ({done.path})")
    put(f"{done.scored:,} scored: {near(Path(done.output))}")
    put(f"{done.rejected:,} rejected: {near(Path(done.rejected_file))}")


@click.command()
@click.option("--version", "-V", help="Serve this version alone.")
@click.option("--listen", "-l", help="Address to listen on, such as 127.0.0.1:8080.")
@click.option("--workers", "-w", type=click.IntRange(1, 256), help="Server processes.")
def serve(version: str | None, listen: str | None, workers: int | None) -> None:
    """Answer over HTTP until stopped: the champion, or the version that is named."""
    given = {"--version": version, "--listen": listen, "--workers": workers}
    options = [part for name, value in given.items() if value is not None for part in (name, str(value))]
    project = str(load_settings().folder)
    paths = [project, *filter(None, [os.environ.get("PYTHONPATH")])]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    os.execve(sys.executable, [sys.executable, "-m", "serving", *options], environ)


@click.command()
@click.argument("version", required=False)
def contrast(version: str | None) -> None:
    """Measure training time against prediction time, for VERSION or the one published last."""
    from goldenpath.cluster.step import run_step
    from goldenpath.measure.contrast import contrast_table
    from goldenpath.runs.run import read_json

    given = {"version": version} if version else {}
    outcome = run_step(load_settings(), CONTRAST, given, Progress([CONTRAST]))
    if outcome.failure:
        tell_failure(outcome)
        sys.exit(outcome.exit_code)
    show(contrast_table(read_json(outcome.run / "contrast.json")))
    say(f"run {outcome.run.name}, in {near(outcome.run)}")
