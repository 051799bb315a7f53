"""`goldenpath new`."""

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from goldenpath.cli.terminal import near, put
from goldenpath.errors import BadInput
from goldenpath.origin.beginning import begin_project, check_beginning, set_name
from goldenpath.upgrade.sources import address_of, get_shipment

if TYPE_CHECKING:
    from goldenpath.adopt.draft import Adoption


@click.command()
@click.argument("folder")
@click.argument("file", default="")
@click.option("--name", default="", metavar="NAME", help="Name of the model.")
@click.option("--target", default="", metavar="COLUMN", help="Column of FILE to predict.")
@click.option("--key", default="", metavar="COLUMN", help="Column that names whom a row is about.")
@click.option("--time", default="", metavar="COLUMN", help="Column of dates; the latest rows are tested on.")
@click.option("--from", "source", default="", metavar="PATH|URL", help="What to begin from.")
def new(folder: str, file: str, name: str, target: str, key: str, time: str, source: str) -> None:
    """Begin a project in the new folder FOLDER.

    With FILE (CSV or Parquet) and --target it is about your own table: FILE is copied into its data/, and
    adopted as `goldenpath adopt` does. Without them it has the example, and you adopt a table later.
    """
    if bool(file) != bool(target):
        raise BadInput("FILE and --target belong together: `goldenpath new FOLDER rows.csv --target COLUMN`")
    place = Path(folder).resolve()
    check_beginning(place, name)
    adoption = _adoption(file, target, name, key, time) if file else None
    with TemporaryDirectory(prefix="goldenpath-") as aside:
        shipment = get_shipment(source, place, Path(aside))
        begin_project(shipment, place, address_of(source, place), name)
    put(f"begun: {near(place)}")
    if adoption:
        put(f"next: cd {near(place)}")
        _adopt(place, file, adoption)
    else:
        put(f"next: cd {near(place)} && make run")
        put("then: goldenpath adopt data/FILE --target COLUMN makes it yours")


def _adoption(file: str, target: str, name: str, key: str, time: str) -> "Adoption":
    "Draft contract and settings before anything is written."
    try:
        from goldenpath.adopt.draft import make_draft
        from goldenpath.adopt.survey import take_sample
    except ModuleNotFoundError as fault:
        raise BadInput(
            f"FILE cannot be read here, because {fault.name} is not installed: begin without FILE, and "
            "adopt it in the project"
        ) from None
    if "://" not in file and not Path(file).is_file():
        raise BadInput(f"there is no file {file}")
    sample = take_sample(file)
    place = file if "://" in file else f"data/{Path(file).name}"
    return make_draft(replace(sample, file=place), target, name, key, time)


def _adopt(place: Path, file: str, adoption: "Adoption") -> None:
    from goldenpath.adopt.project import WRITTEN, write_project
    from goldenpath.cli.adopt import report_adoption

    if "://" not in file:
        shutil.copyfile(file, place / "data" / Path(file).name)
    write_project(place, adoption, force=True)
    named = set_name(place, adoption.settings["model"])
    report_adoption(adoption, list(dict.fromkeys([*WRITTEN, *named])), [], place)
