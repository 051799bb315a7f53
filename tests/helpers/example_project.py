"""A copy of the project that is about one of the examples: its contract, settings and rows moved in."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.helpers.project import PROJECT

EXAMPLES = PROJECT / "examples"
PARTS = (
    "goldenpath",
    "notebooks",
    "pipelines",
    "runtime-images",
    "serving",
    "pyproject.toml",
    "settings.ini",
)
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "llms.txt", "_modidx.py")
MADE = ("volume/", "goldenpath/_modidx.py", "notebooks/llms.txt")  # by runs, and by nbdev for itself


def program(project: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    "Run a program of this environment in the project's folder, without settings from outside but these."
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}
    environ |= {f"GOLDENPATH_{name.upper()}": value for name, value in settings.items()}
    return subprocess.run(words, cwd=project, env=environ, capture_output=True, text=True, timeout=500)


def nbdev(project: Path, command: str, *words: str) -> str:
    "One of nbdev's programs; what it said."
    done = program(project, str(Path(sys.executable).with_name(f"nbdev-{command}")), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hashes(project: Path) -> dict[str, str]:
    "sha256 of every file but those that runs make; of a link, where it leads."
    found = {}
    for path in sorted(project.rglob("*")):
        name = path.relative_to(project).as_posix()
        if path.is_dir() or "__pycache__" in name or name.startswith(MADE):
            continue
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        found[name] = hashlib.sha256(content).hexdigest()
    return found


def copy_project(folder: Path) -> None:
    "Copy what a pipeline needs, and make a folder for rows."
    for part in PARTS:
        copy = shutil.copytree if (PROJECT / part).is_dir() else shutil.copy
        options: dict[str, Any] = {"symlinks": True, "ignore": LEFT_OUT} if copy is shutil.copytree else {}
        copy(PROJECT / part, folder / part, **options)
    (folder / "data").mkdir()


def move_in(project: Path, name: str) -> subprocess.CompletedProcess[str]:
    "Move the contract, the settings and the rows of an example in; how its rows were written."
    example = EXAMPLES / name
    shutil.copy(example / "01_contract.ipynb", project / "notebooks")
    shutil.copy(example / "settings.ini", project)
    return program(project, sys.executable, str(example / "rows.py"), f"data/{name}.csv")


class Changed:
    "The project after the other data set moved in and the pipeline ran."

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        copy_project(folder)
        nbdev(folder, "export")  # a stale export in the checkout is another test's business
        self.before = hashes(folder)
        self.rows = move_in(folder, name)
        self.run = program(folder, sys.executable, "-m", "goldenpath", "run")

    def only(self, pattern: str) -> Path:
        "Return the one file of this kind below home."
        [found] = (self.folder / "volume").glob(pattern)
        return found
