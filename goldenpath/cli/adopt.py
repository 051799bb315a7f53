"""`goldenpath adopt`."""

from dataclasses import replace
from pathlib import Path

import click

from goldenpath.adopt.draft import Adoption, make_draft
from goldenpath.adopt.fields import Proposal
from goldenpath.adopt.project import WRITTEN, given_name, write_project
from goldenpath.adopt.survey import take_sample
from goldenpath.cli.terminal import near, put, show, table
from goldenpath.origin.beginning import set_name
from goldenpath.settings import load_settings

_KINDS = {
    "level": "levels",
    "text": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
    "date": "date",
}


@click.command()
@click.argument("file")
@click.option("--target", required=True, metavar="COLUMN", help="Column to predict.")
@click.option(
    "--name", default="", metavar="NAME", help="Name of the model; else the given one, or the file's."
)
@click.option("--key", default="", metavar="COLUMN", help="Column that names whom a row is about.")
@click.option("--time", default="", metavar="COLUMN", help="Column of dates; the latest rows are tested on.")
@click.option("--force", is_flag=True, help="Write over files that you changed.")
def adopt(file: str, target: str, name: str, key: str, time: str, force: bool) -> None:
    """Draft contract and settings from your own table.

    FILE is CSV or Parquet. Written are notebooks/01_contract.ipynb, settings.ini, synthetic rows, a test and
    README.md; what belongs to the example alone is removed. Then `make run` trains on your rows.
    """
    folder = load_settings().folder
    path = Path(file).resolve()
    if path.is_relative_to(folder):
        file = str(path.relative_to(folder))
    elif "://" not in file:
        file = str(path)
    sample = take_sample(file if "://" in file else str(path))
    adoption = make_draft(replace(sample, file=file), target, name or given_name(folder), key, time)
    removed = write_project(folder, adoption, force)
    named = set_name(folder, adoption.settings["model"])
    report_adoption(adoption, list(dict.fromkeys([*WRITTEN, *named])), removed, folder)


def report_adoption(adoption: Adoption, written: list[str], removed: list[str], folder: Path) -> None:
    "Print what was read into each column and why, what to look at first, and what was written."
    draft = adoption.draft
    put(f"{draft.file}: {draft.extent}")
    put(f"target {draft.target.column}: {adoption.target.reason}")
    listing = table("", "column", "becomes", "because", "to look at")
    for proposal in adoption.proposals:
        listing.add_row(proposal.column, becomes(proposal), proposal.reason, proposal.doubt)
    show(listing)
    put(f"written: {', '.join(near(folder / path) for path in written)}")
    if removed:
        places = sorted({path.split("/")[0] for path in removed})
        put(f"removed, because they belong to the example: {len(removed)} files in {', '.join(places)}")
    put(f"floor of the gate: {adoption.floor.setting or 'none'}, because {adoption.floor.reason}")
    for doubt in adoption.doubts:
        put(f"look at: {doubt}")
    put("next: read notebooks/01_contract.ipynb, and write what each field means; then `make export`,")
    put("`goldenpath doctor` and `make run`")


def becomes(proposal: Proposal) -> str:
    "Say what a column becomes."
    if proposal.field is None:
        return "left out"
    return _KINDS[proposal.field.kind] + ", may be empty" * proposal.field.optional
