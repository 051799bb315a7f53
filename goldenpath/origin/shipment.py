"""All files that goldenpath ships, in a folder or packed into its wheel. Standard library alone."""

import json
import shutil
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from goldenpath.errors import BadInput
from goldenpath.origin.content import file_mark, is_there, replace_with
from goldenpath.origin.history import History, git, is_checkout, read_history, tracked_files
from goldenpath.origin.ownership import is_kept

CARRIED = Path(__file__).with_name("shipment.tar.gz")  # only in a wheel
OWN_FOLDER = ".goldenpath"  # what goldenpath keeps in a project about itself
HISTORY_FILE = f"{OWN_FOLDER}/history.json"


@dataclass(frozen=True)
class Shipment:
    "An unpacked shipment."

    folder: Path

    @cached_property
    def files(self) -> dict[str, str]:
        "The mark of each file that a project gets, by path."
        paths = [str(path.relative_to(self.folder)) for path in sorted(self.folder.rglob("*"))]
        return {
            path: file_mark(self.folder, path)
            for path in paths
            if is_there(self.folder / path) and not path.startswith(f"{OWN_FOLDER}/") and not is_kept(path)
            if "__pycache__" not in path
        }

    @cached_property
    def history(self) -> History:
        "What was ever shipped under each path; empty if the shipment was made without git."
        history: History = self._about["history"]
        return history

    @property
    def state(self) -> str:
        "The commit that it was made of; empty if it was made without git."
        return str(self._about["state"])

    @cached_property
    def _about(self) -> dict[str, Any]:
        about: dict[str, Any] = json.loads((self.folder / HISTORY_FILE).read_text("utf-8"))
        return about


def is_shipment(folder: Path) -> bool:
    "Check for an unpacked shipment."
    return (folder / HISTORY_FILE).is_file()


def make_shipment(source: Path, folder: Path) -> Shipment:
    """Copy the files that git knows from a checkout of goldenpath, with its history, into an empty folder.

    Raises BadInput if `source` is not the top of a checkout.
    """
    if is_shipment(source):
        shutil.copytree(source, folder, symlinks=True, dirs_exist_ok=True)
        return Shipment(folder)
    if not is_checkout(source) or not (source / "goldenpath" / "origin").is_dir():
        raise BadInput(f"{source} is not a checkout of goldenpath, so there is nothing to ship in it")
    for path in tracked_files(source):
        if is_there(source / path) and not path.startswith(f"{OWN_FOLDER}/"):
            replace_with(source / path, folder / path)
    about = {"state": git(source, "rev-parse", "HEAD").decode().strip(), "history": read_history(source)}
    (folder / OWN_FOLDER).mkdir()
    (folder / HISTORY_FILE).write_text(json.dumps(about, separators=(",", ":")), "utf-8")
    return Shipment(folder)


def pack(source: Path, archive: Path) -> None:
    "Write the shipment of a checkout into one file."
    with TemporaryDirectory() as folder:
        make_shipment(source, Path(folder))
        with tarfile.open(archive, "w:gz") as packed:
            packed.add(folder, ".")


def unpack(archive: Path, folder: Path) -> Shipment:
    "Unpack a shipment into an empty folder. Raises BadInput if the file is not one."
    try:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    except (OSError, tarfile.TarError) as fault:
        raise BadInput(f"{archive} cannot be unpacked ({fault}); build or download it again") from None
    return Shipment(folder)


def own_shipment(folder: Path) -> Shipment:
    "Unpack what this installation carries, or copy the checkout that it runs from, into an empty folder."
    if CARRIED.is_file():
        return unpack(CARRIED, folder)
    root = Path(__file__).resolve().parents[2]
    if not is_checkout(root) and not is_shipment(root):
        raise BadInput(f"the library in {root} carries no project; name a checkout or a wheel with --from")
    return make_shipment(root, folder)
