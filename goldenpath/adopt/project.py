"""The files of a project that become another table's, and those that only the example needs."""

import csv
import hashlib
import io
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from goldenpath.adopt.draft import Adoption
from goldenpath.adopt.notebook import contract_notebook
from goldenpath.errors import BadInput
from goldenpath.volume import replace_file

FILES = Path(__file__).with_name("files")  # what an adopted project gets besides the contract
EXAMPLE = FILES / "example.json"  # written by docs/pages.py
CONTRACT_FILE = "notebooks/01_contract.ipynb"
STAND_IN_FILE = "notebooks/02a_stand_in.ipynb"
STRENGTHS = "goldenpath/steps/stand_in.csv"  # of the columns, in synthetic rows
SETTINGS_FILE = "settings.ini"
OWN_TEST = "tests/test_own_project.py"
README_FILE = "README.md"
WRITTEN = (CONTRACT_FILE, SETTINGS_FILE, STAND_IN_FILE, STRENGTHS, OWN_TEST, README_FILE)
REPLACED = ("model", "source", "split", "threshold", "slices", "gate_floors")  # keys of settings.ini


@dataclass(frozen=True)
class Example:
    "What the project ships for its example."

    digests: dict[str, str]  # sha256 (hex) of the notebooks that are replaced, by path
    settings: dict[str, str]  # values of the keys that are replaced
    alone: tuple[str, ...]  # paths of files that are of no use without the example

    @classmethod
    def shipped(cls) -> "Example":
        "Read what the project was shipped with."
        return cls(**json.loads(EXAMPLE.read_text("utf-8")))


def write_project(folder: Path, adoption: Adoption, force: bool = False) -> list[str]:
    """Write contract and settings, and remove what belongs to the example alone.

    Returns the paths that were removed. Raises BadInput, before anything is written, if that would replace or
    remove something that was changed, and `force` is not given.
    """
    example = Example.shipped()
    if (changed := _changes(folder, example)) and not force:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise BadInput(f"{', '.join(changed[:3])}{more} changed here: commit or copy it, then use --force")
    name = adoption.settings["model"]
    readme = (
        (FILES / "README.md")
        .read_text("utf-8")
        .format(name=name, file=adoption.draft.file, target=adoption.draft.target.column)
    )
    written = {
        CONTRACT_FILE: contract_notebook(adoption.draft),
        SETTINGS_FILE: with_values((folder / SETTINGS_FILE).read_text("utf-8"), adoption.settings),
        STAND_IN_FILE: (FILES / "02a_stand_in.ipynb").read_text("utf-8"),
        STRENGTHS: _strengths(adoption),
        OWN_TEST: (FILES / "own_project.py").read_text("utf-8"),
        README_FILE: readme,
    }
    for path, text in written.items():
        replace_file(folder / path, text.encode())
        (folder / path).chmod(0o644)  # a person edits it
    return [path for path in example.alone if _remove(folder / path)]


def given_name(folder: Path) -> str:
    "Return the model's name, if the project no longer has the example's."
    name = settings_values((folder / SETTINGS_FILE).read_text("utf-8")).get("model", "")
    return "" if name == Example.shipped().settings["model"] else name


def _strengths(adoption: Adoption) -> str:
    "Let every column that the model sees matter alike."
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(("column", "strength"))
    columns = [proposal.column for proposal in adoption.draft.kept.values()]
    rows.writerows((column, 1) for column in columns if column not in adoption.draft.roles.values())
    return file.getvalue()


def _changes(folder: Path, example: Example) -> list[str]:
    "List what differs from the shipped project: notebooks, settings, and files that git has not seen."
    notebooks = [
        path for path, digest in example.digests.items() if _digest(folder / path) not in ("", digest)
    ]
    values = settings_values((folder / SETTINGS_FILE).read_text("utf-8"))
    keys = [
        f"`{key}` of {SETTINGS_FILE}"
        for key, value in example.settings.items()
        if key != "model" and values.get(key) != value  # a name that was given before stays
    ]
    return [*notebooks, *keys, *_uncommitted(folder, [README_FILE, *example.alone])]


def _uncommitted(folder: Path, paths: list[str]) -> list[str]:
    "List the paths that differ from git's last commit; none where the project is not a checkout."
    command = [
        "git",
        "-C",
        str(folder),
        "diff",
        "--name-only",
        "--relative",
        "--diff-filter=M",
        "HEAD",
        "--",
        *paths,
    ]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    except FileNotFoundError:
        return []


def settings_values(text: str) -> dict[str, str]:
    "Read the lines `key = value` of settings.ini."
    return dict(re.findall(r"(?m)^(\w+) *= *(.*?) *$", text))


def with_values(text: str, values: dict[str, str]) -> str:
    "Set keys of settings.ini and keep its comments. Raises BadInput for a key without a line."
    for key, value in values.items():
        line = re.compile(rf"^{re.escape(key)} *=.*$", re.MULTILINE)
        if not line.search(text):
            raise BadInput(f"{SETTINGS_FILE} has no line `{key} =`; add one, empty if you like")
        text = line.sub(f"{key} = {value}".rstrip().replace("\\", r"\\"), text)
    return text


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _remove(path: Path) -> bool:
    "Remove a file, and the folders that it leaves empty."
    if not path.is_file():
        return False
    path.unlink()
    for folder in path.parents:
        if any(entry.name not in ("__pycache__", "__init__.py") for entry in folder.iterdir()):
            return True
        shutil.rmtree(folder)
    return True
