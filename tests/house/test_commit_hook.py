"""Before a commit the hooks of .pre-commit-config.yaml run, from the environment of the checkout alone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.project import PROJECT

GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "HTTPS_PROXY": "http://127.0.0.1:9"}
WHO = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]


def git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    "Run git in a folder, with no settings but those of the checkout."
    outside = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", *WHO, *words]
    return subprocess.run(command, cwd=folder, env={**outside, **GIT}, capture_output=True, text=True)


def install(folder: Path) -> None:
    "Install the hook as `make` does."
    subprocess.run([".venv/bin/python", "lab/commit_hook.py", "--install"], cwd=folder, check=True)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    "Return a repository of the project's sources, whose environment is this one."
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("goldenpath", "serving", "notebooks", "lab"):
        shutil.copytree(PROJECT / name, folder / name, symlinks=True)
    for name in ("pyproject.toml", "settings.ini", "README.md", ".gitignore", ".pre-commit-config.yaml"):
        shutil.copy(PROJECT / name, folder / name)
    (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    git(folder, "init", "--quiet")
    (folder / ".git" / "info" / "exclude").write_text(".venv\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "all")
    return folder


def test_a_commit_stops_at_code_that_ruff_can_only_report_and_passes_once_it_is_mended(clone: Path):
    install(clone)
    (clone / "serving" / "extra.py").write_text("value = missing\n")
    git(clone, "add", ".")
    refused = git(clone, "commit", "-m", "extra")
    assert (refused.returncode, "F821 Undefined name `missing`" in refused.stderr) == (1, True)
    (clone / "serving" / "extra.py").write_text("value = 1\n")
    git(clone, "add", ".")
    assert git(clone, "commit", "-m", "extra").returncode == 0


def test_a_notebook_that_is_not_exported_is_exported_and_the_commit_stops_until_that_is_added(clone: Path):
    install(clone)
    notebook = clone / "notebooks" / "01_contract.ipynb"
    exported = '"#| export\\n",\n'
    source = notebook.read_text("utf-8")
    assert exported in source
    notebook.write_text(source.replace(exported, exported + '    "# a new comment\\n",\n', 1), "utf-8")
    git(clone, "add", ".")
    refused = git(clone, "commit", "-m", "comment")
    assert (refused.returncode, "goldenpath export changed files" in refused.stderr) == (1, True)
    assert "goldenpath/contract.py" in refused.stderr
    git(clone, "add", ".")
    assert git(clone, "commit", "-m", "comment").returncode == 0


@pytest.mark.parametrize("place", ["hook", "folder"])
def test_a_hook_of_ones_own_stays(clone: Path, place: str):
    own = clone / ".git" / "hooks" / "pre-commit"
    own.unlink(missing_ok=True)
    if place == "hook":
        own.write_text("#!/bin/sh\nexit 0\n")
    else:
        git(clone, "config", "core.hooksPath", "hooks")
    install(clone)
    assert own.exists() == (place == "hook")
    assert not own.exists() or "goldenpath" not in own.read_text()
