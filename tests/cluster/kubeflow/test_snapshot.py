"""The code on the volume: which files, named by their hash, written once, checked in every pod."""

import subprocess
from pathlib import Path

import pytest

from goldenpath.cluster.checks.exported import check_export
from goldenpath.cluster.kubeflow.bring_code import bring_code, list_files
from goldenpath.cluster.kubeflow.export import export_pipeline
from goldenpath.cluster.kubeflow.fetch_code import fetch_commit
from goldenpath.cluster.kubeflow.git_source import git_source
from goldenpath.cluster.kubeflow.snapshot import Snapshot, take_snapshot, write_checkout, write_snapshot
from goldenpath.cluster.pipeline_file import read_pipeline
from goldenpath.errors import BadInput
from goldenpath.settings import load_settings
from tests.helpers.project import PROJECT
from tests.helpers.small_project import PARAMETERS, notebook, write_pipeline

# of papermill's imports
pytestmark = pytest.mark.filterwarnings("ignore:Accessing jsonschema:DeprecationWarning")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    "Return a project of one step, whose library is two files."
    project = tmp_path / "project"
    for name in ("goldenpath/registry", "notebooks", "pipelines"):
        (project / name).mkdir(parents=True)
    for name in ("goldenpath/__init__.py", "goldenpath/registry/roles.py"):
        (project / name).write_text(f"NAME = {name!r}\n")
    (project / "settings.ini").write_text("[any]\nmodel = small\n")
    for name in ("goldenpath", "settings.ini"):
        (project / "notebooks" / name).symlink_to(f"../{name}")
    (project / "notebooks" / "02_data.ipynb").write_text(notebook([PARAMETERS]))
    write_pipeline(project, ("02_data",))
    return project


def snapshot_of(project: Path) -> Snapshot:
    return take_snapshot(read_pipeline(project / "pipelines" / "train.pipeline"))


def test_it_holds_notebooks_library_and_settings_and_nothing_else():
    names = set(snapshot_of(PROJECT).names)
    library = {str(path.relative_to(PROJECT)) for path in (PROJECT / "goldenpath").rglob("*.py")}
    assert library <= names
    assert {"settings.ini", "01_contract.ipynb", "05_train.ipynb", "goldenpath/steps/stand_in.csv"} <= names
    assert not [
        name for name in names if name.startswith(("serving", "tests", "data", "volume")) or "cache" in name
    ]


def test_its_name_is_what_sha256sum_says(small: Path, tmp_path: Path):
    snapshot = snapshot_of(small)
    folder = write_snapshot(snapshot, tmp_path / "code")
    by_hand = "find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum"
    done = subprocess.run(by_hand, shell=True, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == snapshot.digest == folder.name


def test_the_same_code_is_written_once_and_an_edit_has_another_name(small: Path, tmp_path: Path):
    first = write_snapshot(snapshot_of(small), tmp_path / "code")
    before = first.stat().st_mtime_ns
    assert write_snapshot(snapshot_of(small), tmp_path / "code") == first
    assert first.stat().st_mtime_ns == before
    with (small / "settings.ini").open("a") as settings:
        settings.write("slices = a\n")
    assert write_snapshot(snapshot_of(small), tmp_path / "code") != first


def test_a_pod_runs_the_code_only_if_it_is_what_was_exported(small: Path, tmp_path: Path):
    snapshot = snapshot_of(small)
    code, here = tmp_path / "code", tmp_path / "pod"
    assert "there is no" in bring_code(code, snapshot.digest, here)
    folder = write_snapshot(snapshot, code)
    here.mkdir()
    (here / "of the image").touch()
    assert bring_code(code, snapshot.digest, here) == ""
    assert set(list_files(here)) == {*snapshot.names, "of the image"}
    module = folder / "goldenpath" / "registry" / "roles.py"
    module.chmod(0o644)
    module.write_text(module.read_text() + "import os\n")
    assert "was changed after the export" in bring_code(code, snapshot.digest, tmp_path / "another pod")


# From git


def commit_all(project: Path) -> str:
    options = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *options, *words], cwd=project, check=True)
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_commit_becomes_the_same_snapshot(small: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    commit = commit_all(small)
    git = git_source(small, small.as_uri())
    assert (git.commit, git.folder) == (commit, ".")
    expected = snapshot_of(small)
    fetch_commit(git.url, git.commit, tmp_path / "repository")
    pipeline = str(tmp_path / "repository" / "pipelines" / "train.pipeline")
    write_checkout(pipeline, str(tmp_path / "code"), expected.digest)
    assert capfd.readouterr().out.startswith("wrote ")
    assert sorted(list_files(tmp_path / "code" / expected.digest)) == list(expected.names)
    with pytest.raises(
        BadInput, match=f"this commit holds code {expected.digest}, and the pipeline was exported"
    ):
        write_checkout(pipeline, str(tmp_path / "code"), "f" * 64)


def test_only_a_commit_without_changes_and_without_a_password_is_exported(small: Path):
    commit_all(small)
    with pytest.raises(BadInput, match="holds a password"):
        git_source(small, "https://me:secret@git.example.org/a.git")
    with pytest.raises(BadInput, match="commit 'main' is not the 40 digits"):
        git_source(small, "https://git.example.org/a.git", "main")
    (small / "settings.ini").write_text("[any]\nmodel = other\n")
    with pytest.raises(BadInput, match=r"settings.ini is not committed, and pods run the commit"):
        git_source(small, "https://git.example.org/a.git")


# What `goldenpath pipeline check` finds in the exported file


def test_code_that_is_gone_changed_or_older_is_found(small: Path, tmp_path: Path):
    settings = load_settings(small / "settings.ini", {"GOLDENPATH_HOME": str(tmp_path / "home")})
    graph = read_pipeline(small / "pipelines" / "train.pipeline")
    export = export_pipeline(graph, small, tmp_path / "train.yaml", {})

    def kinds() -> list[str]:
        return [trap.kind for trap in check_export(export.file, settings)]

    assert kinds() == ["code"]
    folder = write_snapshot(export.snapshot, tmp_path / "home" / "code")
    assert kinds() == []
    (folder / "settings.ini").chmod(0o644)
    (folder / "settings.ini").write_text("[any]\n")
    assert kinds() == ["code"]
    (small / "settings.ini").write_text("[any]\nmodel = small\nuser = other\n")
    assert kinds() == ["older-code", "code"]


def test_caching_and_files_that_are_no_export_are_found(small: Path, tmp_path: Path):
    settings = load_settings(small / "settings.ini", {"GOLDENPATH_HOME": str(tmp_path / "home")})
    graph = read_pipeline(small / "pipelines" / "train.pipeline")
    export = export_pipeline(graph, small, tmp_path / "train.yaml", {})
    write_snapshot(export.snapshot, tmp_path / "home" / "code")
    text = export.file.read_text()
    export.file.write_text(text.replace("cachingOptions: {}", "cachingOptions: {enableCache: true}", 1))
    assert [trap.kind for trap in check_export(export.file, settings)] == ["caching"]
    for content in ("", "a: [", "a: 1", "- a"):
        export.file.write_text(content)
        (trap,) = check_export(export.file, settings)
        assert (trap.kind, "not a pipeline that KFP compiled" in trap.problem) == ("unreadable", True)
