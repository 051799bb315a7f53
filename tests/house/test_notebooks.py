"""The notebooks are the source: clean, exported, tagged, without outputs; after 04 none knows a column."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from goldenpath.cluster.workspace import write_modules
from tests.helpers.project import PROJECT

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
BIN = Path(sys.executable).parent
GENERATED = {"llms.txt", "_modidx.py"}  # nbdev's own, not in the repository

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str = "code") -> list[Any]:
    "Return the cells of one kind."
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def tagged(path: Path) -> list[Any]:
    "Return the cells that papermill puts parameters behind."
    return [cell for cell in cells(path) if "parameters" in cell.metadata.get("tags", [])]


def contents(folder: Path) -> dict[str, bytes]:
    "Every file that counts, by its path."
    files = [*(folder / "notebooks").glob("*.ipynb"), *(folder / "goldenpath").rglob("*.py")]
    return {str(f.relative_to(folder)): f.read_bytes() for f in files if f.name not in GENERATED}


def test_cleaning_and_exporting_would_change_nothing(tmp_path: Path):
    for name in ("notebooks", "goldenpath"):
        shutil.copytree(PROJECT / name, tmp_path / name, symlinks=True)
    for name in ("pyproject.toml", "settings.ini", "README.md"):
        shutil.copy(PROJECT / name, tmp_path / name)
    before = contents(tmp_path)
    subprocess.run([BIN / "nbdev-clean"], cwd=tmp_path, check=True, capture_output=True)
    write_modules(tmp_path)
    after = contents(tmp_path)
    assert [name for name in after if after[name] != before.get(name)] == []


def test_every_lesson_cell_runs():
    done = subprocess.run([BIN / "nbdev-test"], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


@every_notebook
def test_no_outputs_are_committed(path: Path):
    assert [cell.id for cell in cells(path) if cell.outputs or cell.execution_count] == []


@every_notebook
def test_no_marks_of_a_failed_run_are_committed(path: Path):
    tags = {tag for cell in nbformat.read(path, as_version=4).cells for tag in cell.metadata.get("tags", ())}
    assert tags <= {"parameters", "warning"}


@every_notebook
def test_every_notebook_names_its_kernel_as_elyra_reads_it(path: Path):
    kernel = nbformat.read(path, as_version=4).metadata.kernelspec
    assert (kernel.name, kernel.language) == ("python3", "python")


@every_notebook
def test_steps_have_one_cell_of_documented_parameters(path: Path):
    is_step = any("## Run this step" in cell.source for cell in cells(path, "markdown"))
    assert len(tagged(path)) == int(is_step)
    for cell in tagged(path):
        lines = [line for line in cell.source.splitlines() if "=" in line]
        assert lines
        assert all(line.count(" = ") == 1 and "  # " in line for line in lines)


@every_notebook
def test_no_cell_needs_what_the_stock_images_lack(path: Path):
    source = "\n".join(cell.source for cell in cells(path))
    assert "import nbdev" not in source
    assert "from nbdev" not in source
    assert "fastcore" not in source
    assert "!pip" not in source
