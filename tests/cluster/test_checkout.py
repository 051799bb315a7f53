"""A copied or renamed project says that its programs would run another project's library."""

import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from goldenpath.cluster import checkout
from goldenpath.cluster.checkout import environment_project, find_project, other_library
from goldenpath.doctor.checks import examine
from tests.helpers.project import PROJECT
from tests.helpers.small_project import make_project

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    "Return a project with spaces in its path, and in it the record of the environment that runs this test."
    project = make_project(tmp_path_factory.mktemp("a copy") / "my project")
    packages = project / ".venv" / "lib" / "python3.11" / "site-packages"
    record = Path(str(distribution("goldenpath").locate_file("goldenpath-0.1.0.dist-info")))
    shutil.copytree(record, packages / record.name)
    return project


def test_the_library_of_another_project_is_named_and_ones_own_is_not(copied):
    assert other_library(PROJECT / "notebooks") == ""
    assert other_library(Path("/")) == ""
    assert other_library(copied / "notebooks", copied / "goldenpath") == ""
    line = other_library(copied / "notebooks")
    assert line.startswith(f"this is the library {checkout.LIBRARY}, not {copied / 'goldenpath'}: run `make")


def test_a_project_is_found_from_its_folders_and_through_links(copied):
    assert find_project(copied / "notebooks") == copied
    assert find_project(copied.parent) is None


def test_the_command_of_another_environment_warns_before_it_does_anything(copied):
    done = subprocess.run([BIN / "goldenpath", "runs"], cwd=copied, capture_output=True, text=True)
    assert done.stderr.startswith(f"warning: this is the library {PROJECT / 'goldenpath'}, not {copied}/")
    own = subprocess.run([BIN / "goldenpath", "runs"], cwd=PROJECT, capture_output=True, text=True)
    assert "warning" not in own.stderr


def test_the_doctor_says_for_which_project_an_environment_was_made(copied, monkeypatch):
    monkeypatch.chdir(copied)
    finding = next(finding for finding in examine() if finding.what == "environment")
    assert finding.status == "bad"
    assert f"was made for {environment_project(copied / '.venv')}:" in finding.detail
    assert finding.remedy == f"run `make .venv/ready` in {copied}"


@pytest.mark.parametrize(("made_for", "anew"), [("/elsewhere/my project", True), ("", False), (".", False)])
def test_make_makes_the_environment_of_a_moved_project_anew(copied, made_for, anew):
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "installer.lock"):
        shutil.copy(PROJECT / name, copied / name)
    (copied / ".venv" / "ready").write_text(f"{copied if made_for == '.' else made_for}\n")
    done = subprocess.run(["make", "-n", "export"], cwd=copied, capture_output=True, text=True, check=True)
    assert ("-m venv --clear .venv" in done.stdout) == anew
    assert ("-m venv" in done.stdout) == anew
