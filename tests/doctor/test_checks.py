"""The doctor says what is good, what is worth knowing and what is bad, and never breaks down itself."""

import shutil
import sys

import pytest

from goldenpath.doctor import checks
from goldenpath.doctor.checks import Finding, examine
from goldenpath.doctor.workbench import CLUSTER
from goldenpath.errors import VolumeFault
from tests.helpers.small_project import DATA, make_project, step, write_pipeline


@pytest.fixture
def project(tmp_path, monkeypatch):
    "Return a sound small project as the working directory."
    folder = make_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


def found(what: str) -> Finding:
    return next(finding for finding in examine() if finding.what == what)


def test_a_sound_project_has_nothing_bad(project):
    findings = examine()
    assert [finding for finding in findings if finding.status == "bad"] == []
    assert {"settings", "Python", "home", "data", "exports", "pipeline train", "papermill", "fast path"} <= {
        finding.what for finding in findings
    }


def test_wrong_settings_are_the_first_and_only_finding(project):
    (project / "settings.ini").write_text("[any]\nworkers = many\n")
    finding = examine()
    assert [(one.what, one.status) for one in finding] == [("settings", "bad")]
    assert "workers = 'many' is not allowed" in finding[0].detail


def test_a_home_that_cannot_be_made_is_bad(project):
    (project / "volume").write_text("a file where the folder should be")
    finding = found("home")
    assert finding.status == "bad"
    assert f"home {project / 'volume'} cannot be made" in finding.detail


def test_missing_rows_are_worth_a_note_and_a_wrong_path_is_bad(project, monkeypatch):
    assert found("data").status == "note"
    monkeypatch.setenv("GOLDENPATH_SOURCE", "absent/*.csv")
    assert (found("data").status, found("data").detail) == (
        "bad",
        f"{project / 'absent/*.csv'} matches no file",
    )
    folder = project / "rows [2021]"
    folder.mkdir()
    for source in ("rows [2021]", "rows [2021]/a.csv", "rows [[]2021]/*.csv"):
        (folder / "a.csv").touch()
        monkeypatch.setenv("GOLDENPATH_SOURCE", source)
        assert found("data").status == "good"
        (folder / "a.csv").unlink()
        assert found("data").status == "bad"


def test_a_stale_export_is_bad_with_its_way_out(project):
    (project / "notebooks" / "02_data.ipynb").write_text(step("02_data", "data", DATA, answer=4))
    finding = found("exports")
    assert (finding.status, finding.remedy) == ("bad", "make export")
    assert "02_data.ipynb is newer" in finding.detail


def test_a_copy_among_the_notebooks_is_a_note(project):
    shutil.copy(project / "notebooks" / "02_data.ipynb", project / "notebooks" / "out.ipynb")
    finding = found("exports")
    assert (finding.status, finding.remedy) == ("note", "move it out of notebooks/")
    assert finding.detail.startswith(
        "notebooks/out.ipynb holds export cells of steps.data and is not exported"
    )


def test_a_trap_in_a_pipeline_is_bad(project):
    write_pipeline(project, ("02_data", "05_train", "06_evaluate"))
    assert found("pipeline train").status == "bad"


def test_missing_programs_are_named_with_what_follows(project, monkeypatch):
    monkeypatch.setattr(checks, "find_program", lambda name: None)
    findings = {finding.what: finding for finding in examine()}
    assert findings["papermill"].status == "bad"
    assert findings["elyra-pipeline"].status == "note"
    assert findings["nbdev-export"].status == "note"
    assert findings["granian"].status == "bad"


def test_without_onnxruntime_the_fast_path_is_a_note(project, monkeypatch):
    monkeypatch.setattr(checks, "_version", lambda package: "")
    assert found("fast path").status == "note"


def test_a_check_that_breaks_is_a_finding(project):
    def check_something(settings):
        raise VolumeFault("the volume is gone")
        yield

    assert examine((check_something,))[-1] == Finding(
        what="something", status="bad", detail="the volume is gone"
    )


def test_a_check_that_breaks_by_our_own_fault_is_a_finding_too(project):
    def check_something(settings):
        yield {}["absent"]

    finding = examine((check_something,))[-1]
    assert (finding.what, finding.status) == ("something", "bad")
    assert finding.detail == "this check broke: KeyError: 'absent'"


def test_where_no_jupyter_is_installed_every_check_still_answers(project, monkeypatch):
    shutil.rmtree(project / "notebooks")  # as in the serving image
    shutil.rmtree(project / "pipelines")
    for name in ("jupyter_core", "jupyter_core.paths"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(checks, "find_program", lambda name: None if name == "papermill" else name)
    findings = examine(CLUSTER)
    assert [finding for finding in findings if finding.status == "bad"] == []
    assert next(finding for finding in findings if finding.what == "papermill").status == "note"
