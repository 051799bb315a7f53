"""Begin a project from a shipment, or make one of a copied repository. With the standard library alone."""

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from goldenpath.errors import BadInput
from goldenpath.origin.content import file_mark, replace_with
from goldenpath.origin.history import tracked_files, without_login
from goldenpath.origin.ownership import is_kept
from goldenpath.origin.shipment import OWN_FOLDER, Shipment

RECORD_FILE = f"{OWN_FOLDER}/origin.json"
MODEL_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
# Where a project says its name: the file, and the line.
NAME_LINES = {
    "settings.ini": r"(?m)^(model *= *)(.*)()$",
    "catalog-info.yaml": r"(?m)^(  name: |  providesApis: \[)(.*?)(\]?)$",
    "mkdocs.yml": r"(?m)^(site_name: )(.*)()$",
}


def begin_project(shipment: Shipment, folder: Path, source: str, name: str) -> None:
    """Write every file that a project gets into a new folder.

    Raises BadInput if there is something in the folder, or if the name is not one.
    """
    check_beginning(folder, name)
    for path in shipment.files:
        replace_with(shipment.folder / path, folder / path)
    set_name(folder, name)
    write_origin(folder, shipment.files, source, shipment.state)


def check_beginning(folder: Path, name: str) -> None:
    "Raise BadInput if a project cannot begin in this folder under this name."
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} is not an empty folder; name a new one, or empty it")
    check_name(name)


def model_name(text: str) -> str:
    "Make a model's name of another name: `My Model` becomes `my-model`."
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-") or "model"


def check_name(name: str) -> None:
    "Raise BadInput for what cannot be the name of a model."
    if name and not MODEL_NAME.fullmatch(name):
        raise BadInput(f"--name {name}: use small letters, digits and hyphens, at most 40")


def make_own(folder: Path, source: str, name: str) -> list[str]:
    """Make a project of a copied repository: name it, and remove what only goldenpath's own needs.

    Returns the paths that were removed.
    """
    check_name(name)
    paths = tracked_files(folder)
    removed = [path for path in paths if is_kept(path)]
    for path in removed:
        (folder / path).unlink()
        for parent in (folder / path).relative_to(folder).parents:
            if parent != Path() and not any((folder / parent).iterdir()):
                (folder / parent).rmdir()
    marks = {path: mark for path in paths if path not in removed and (mark := file_mark(folder, path))}
    set_name(folder, name)
    write_origin(folder, marks, source, "")
    return removed


def set_name(folder: Path, name: str, paths: Collection[str] = tuple(NAME_LINES)) -> list[str]:
    "Write the name of a project into the files that say it, and return their paths; without a name, none."
    there = [path for path in paths if path in NAME_LINES and name and (folder / path).is_file()]
    for path in there:
        text = (folder / path).read_text("utf-8")
        (folder / path).write_text(re.sub(NAME_LINES[path], rf"\g<1>{name}\g<3>", text), "utf-8")
    return there


def write_origin(folder: Path, files: Mapping[str, str], source: str, state: str) -> None:
    "Write down what was placed in a project, and keep the copies for undoing out of git."
    record = {"format": 1, "source": without_login(source), "state": state, "files": dict(files)}
    (folder / OWN_FOLDER).mkdir(exist_ok=True)
    (folder / OWN_FOLDER / ".gitignore").write_text("undo/\n", "utf-8")
    (folder / RECORD_FILE).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
