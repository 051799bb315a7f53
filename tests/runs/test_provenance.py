"""Where a model comes from: the commit is that of what ran, and `+changes` is said only where it is not."""

import json
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

from goldenpath.runs.provenance import git_commit
from tests.helpers.project import PROJECT
from tests.helpers.small_project import make_project

# what `make lab` tells git
FILTER = "filter.goldenpath-notebook.clean"
LINE = next(line for line in (PROJECT / "lab" / "start").read_text().splitlines() if FILTER in line)


def git(project: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *identity, *words], cwd=project, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path):
    "Return a small project in a repository, with the filter that `make lab` sets up."
    folder = make_project(tmp_path / "my project")
    (folder / "lab").mkdir()
    shutil.copy(PROJECT / "lab" / "clean_notebook.py", folder / "lab")
    for name in (".gitattributes", ".gitignore"):
        shutil.copy(PROJECT / name, folder)
    git(folder, "init", "-q")
    subprocess.run(["sh", "-c", LINE], cwd=folder, check=True)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    return folder


def commit_of(project: Path) -> tuple[str, str]:
    "Return what is recorded, as the commit and what follows it."
    head = git(project, "rev-parse", "HEAD")
    recorded = git_commit(project)
    assert recorded.startswith(head)
    return head, recorded.removeprefix(head)


def save_with_outputs(file: Path) -> None:
    "Write a notebook as JupyterLab does after *Run all*."
    notebook = json.loads(file.read_text())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            output = {"output_type": "stream", "name": "stdout", "text": "a row of somebody"}
            cell |= {"execution_count": 3, "outputs": [output]}
    notebook["metadata"]["language_info"] = {"name": "python", "version": "3.99"}
    file.write_text(json.dumps(notebook))


def test_outputs_are_no_change_of_the_commit_although_git_status_says_modified(project):
    save_with_outputs(project / "notebooks" / "05_train.ipynb")
    assert git(project, "status", "--porcelain") == "M notebooks/05_train.ipynb"
    assert commit_of(project)[1] == ""


def test_a_changed_cell_is_a_change_staged_or_not(project):
    file = project / "notebooks" / "05_train.ipynb"
    file.write_text(file.read_text().replace("seed == 13", "seed == 12"))
    assert commit_of(project)[1] == "+changes"
    git(project, "add", ".")
    assert commit_of(project)[1] == "+changes"


@pytest.mark.parametrize(
    ("name", "marker"),
    [
        ("goldenpath/steps/extra.py", "+changes"),
        ("notebooks/helpers.py", "+changes"),
        ("notebooks/11_more.ipynb", "+changes"),
        ("notebooks/Untitled.ipynb", ""),
        ("notes.txt", ""),
        ("volume/runs/x/goldenpath/steps/extra.py", ""),
    ],
)
def test_a_new_file_is_a_change_only_if_a_run_would_execute_it(project, name, marker):
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text("{}")
    assert commit_of(project)[1] == marker


def test_a_folder_below_the_repository_s_root_counts_as_well(project):
    (project / "inner").mkdir()
    inner = make_project(project / "inner" / "project")
    git(project, "add", ".")
    git(project, "commit", "-qm", "two")
    assert commit_of(inner)[1] == ""
    (inner / "goldenpath" / "steps" / "extra.py").touch()
    assert commit_of(inner)[1] == "+changes"
    assert commit_of(project)[1] == ""


def test_without_a_repository_or_without_git_nothing_is_recorded(tmp_path, project, monkeypatch):
    assert git_commit(tmp_path) == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_commit(project) == ""


@pytest.mark.filterwarnings("ignore:Accessing jsonschema:DeprecationWarning")  # of papermill's imports
def test_the_red_cells_of_a_failed_run_are_no_change(project):
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import raise_for_execution_errors

    file = project / "notebooks" / "05_train.ipynb"
    shutil.copy(PROJECT / "notebooks" / file.name, file)
    git(project, "commit", "-qam", "two")
    failed = nbformat.read(file, as_version=4)
    failed.cells[2].outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]
    with pytest.raises(PapermillExecutionError):
        raise_for_execution_errors(failed, str(file))  # what Elyra's local run does, in place
    assert "An Exception was encountered" in file.read_text()
    assert git(project, "diff") == ""
    assert commit_of(project)[1] == ""
