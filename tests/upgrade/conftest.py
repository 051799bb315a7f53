"""A small source of three states, and projects that were begun from them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

STATES: list[dict[str, str | None]] = [
    {
        "settings.ini": "[data]\nmodel = example\n",
        "pyproject.toml": "[project]\n",
        "Makefile": "run:\n\techo one\n",
        "CHANGELOG.md": "# Changelog\n\n### Added\n\n- The first\n  thing.\n",
        "notebooks/01_contract.ipynb": '{"cells": []}',
        "notebooks/04_model.ipynb": '{"cells": []}',
        "goldenpath/__init__.py": '"""One."""\n\nMODEL_VERSION = "1.0.0"\n',
        "goldenpath/old/__init__.py": "",
        "goldenpath/old/rows.py": "def read_rows(): ...\n",
        "goldenpath/tables.py": "ONE = 1\n",
        "serving/page.css": "one\n",
        "pipelines/train.pipeline": "{}",
    },
    {
        "Makefile": "run:\n\techo two\n",
        "goldenpath/tables.py": "TWO = 2\n",
        "docs/gone.md": "soon gone\n",
    },
    {
        "Makefile": "run:\n\techo three\n",
        "CHANGELOG.md": "# Changelog\n\n### Added\n\n- The first thing.\n- A third.\n\n### Removed\n\n- Old.",
        "notebooks/04_model.ipynb": '{"cells": [{"cell_type": "code", "source": "3", "metadata": {}}]}',
        "goldenpath/__init__.py": '"""Three."""\n\nMODEL_VERSION = "1.2.0"\n',
        "goldenpath/old/__init__.py": None,
        "goldenpath/old/rows.py": None,
        "goldenpath/rows/__init__.py": "",
        "goldenpath/rows/reader.py": "def read_rows(): ...\n",
        "goldenpath/origin/__init__.py": "",
        "goldenpath/tables.py": "THREE = 3\n",
        "serving/page.css": "three\n",
        "pipelines/train.pipeline": '{"three": 3}',
        "pipelines/monitor.pipeline": "{}",
        "mkdocs.yml": "site_name: goldenpath\n",
        "docs/gone.md": None,
        ".ci/run": "test\n",
    },
]

Begin = Callable[[int], Path]


def write(folder: Path, files: dict[str, str | None]) -> None:
    "Write files into a folder; those of None are removed."
    for path, text in files.items():
        if text is None:
            (folder / path).unlink()
        else:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)


def git(folder: Path, *words: str) -> str:
    "Run git as a person with a name."
    person = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(["git", *person, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Return a checkout whose history has the three states, tagged v0, v1 and v2."
    folder = tmp_path_factory.mktemp("source")
    git(folder, "init", "-q", "-b", "main")
    for number, files in enumerate(STATES):
        write(folder, files)
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", f"state {number}")
        git(folder, "tag", f"v{number}")
    return folder


@pytest.fixture
def begin(source: Path, tmp_path: Path) -> Begin:
    "Return a function that begins a project from a state, without git."

    def begun(number: int) -> Path:
        folder = tmp_path / f"begun{number}"
        folder.mkdir()
        packed = subprocess.run(["git", "archive", f"v{number}"], cwd=source, capture_output=True, check=True)
        subprocess.run(["tar", "x", "-C", str(folder)], input=packed.stdout, check=True)
        return folder

    return begun
