"""A run that failed or was killed continues where it stopped, with the result of an unbroken run."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from goldenpath.cli import cli
from goldenpath.cluster.invocation import INVOCATION
from goldenpath.cluster.resume import find_resumable, processes_in, remaining_in
from goldenpath.errors import BadInput
from goldenpath.runs.candidate import open_candidate
from goldenpath.runs.run import list_runs, read_json, steps_of
from goldenpath.settings import Settings, load_settings
from tests.helpers.killed_run import finish, goldenpath, kill_in
from tests.helpers.patience import wait_until
from tests.helpers.quick_project import make_quick_project, of_result
from tests.helpers.small_project import TRAIN, exported, make_project, step
from tests.helpers.trained_run import trained

WAITING = f"""import time

while (step.project.home / "wait").exists():
    time.sleep(0.05)
{TRAIN}"""


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any], str]:
    "Return a project, its run, what 02_data noted before a kill, and what was said when the run was resumed."
    project = make_project(tmp_path_factory.mktemp("resumed") / "project")
    (project / "notebooks" / "05_train.ipynb").write_text(step("05_train", "train", WAITING))
    (project / "volume").mkdir()
    (project / "volume" / "wait").touch()
    run = kill_in("05_train", goldenpath(project, "run", "--set", "SEED=7"), project)
    (project / "volume" / "wait").unlink()
    (run / "candidate").mkdir()
    (run / "candidate" / "half").touch()
    before = steps_of(run)["02_data"]
    return project, run, before, finish(goldenpath(project, "run", "--resume"))


@pytest.fixture
def settings(resumed: tuple[Path, Path, dict[str, Any], str]) -> Settings:
    return load_settings(resumed[0] / "settings.ini", {})


def test_a_killed_run_continues_after_the_steps_that_are_done(resumed):
    _, run, before, text = resumed
    assert f"run {run.name} continues; done before: 02_data" in text
    assert {name: note["status"] for name, note in steps_of(run).items()} == {
        "02_data": "done",
        "05_train": "done",
    }
    assert steps_of(run)["02_data"] == before
    assert len(read_json(run / INVOCATION)["resumed"]) == 1


def test_it_continues_with_the_variables_that_it_began_with(resumed):
    run = resumed[1]
    assert (run / "candidate" / "model.txt").read_text() == "1 7"
    assert steps_of(run)["05_train"]["parameters"] == {"seed": 7}


def test_what_a_killed_step_left_half_done_is_removed(resumed):
    assert [file.name for file in (resumed[1] / "candidate").iterdir()] == ["model.txt"]


def test_the_notebooks_of_the_steps_that_were_done_stay_as_executed(resumed):
    executed = json.loads((resumed[1] / "notebooks" / "02_data.ipynb").read_text())
    assert executed["metadata"]["papermill"]["end_time"]
    assert executed["cells"][-1]["outputs"]


def test_a_run_that_is_done_has_nothing_to_resume(resumed, settings):
    with pytest.raises(BadInput, match=f"run {resumed[1].name} is done, and nothing changed since"):
        remaining_in(find_resumable(settings), settings)


@pytest.fixture(autouse=True)
def without_requirements(monkeypatch: pytest.MonkeyPatch) -> None:
    "Take a variable of the tests away, which a run in a program of its own does not have."
    monkeypatch.delenv("GOLDENPATH_TEST_REQUIRE", raising=False)


@pytest.fixture
def kept(resumed: tuple[Path, Path, dict[str, Any], str], tmp_path: Path) -> Iterator[Path]:
    "Return the project, which the test may change."
    project = resumed[0]
    shutil.copytree(project, tmp_path / "kept", symlinks=True, ignore=shutil.ignore_patterns("volume"))
    yield project
    for name in ("notebooks", "goldenpath", "settings.ini"):
        part = tmp_path / "kept" / name
        shutil.rmtree(project / name) if part.is_dir() else (project / name).unlink()
        shutil.move(part, project / name)


def test_a_step_whose_code_changed_runs_again_with_all_that_follow(kept, settings):
    run = find_resumable(settings)
    (kept / "notebooks" / "05_train.ipynb").write_text(step("05_train", "train", TRAIN))
    assert remaining_in(run, settings).again == {"05_train": "its code changed"}
    module = kept / "goldenpath" / "steps" / "data.py"
    cells = step("02_data", "data", 'step.run.output("data/train.parquet").write_text("3")', answer=3)
    (kept / "notebooks" / "02_data.ipynb").write_text(cells)
    module.write_text(exported("data", 3))
    remaining = remaining_in(run, settings)
    assert remaining.again == {"02_data": "its code changed", "05_train": "02_data runs again"}
    assert (remaining.names, remaining.done) == (["02_data", "05_train"], ())


def test_a_step_runs_again_if_a_module_changed_that_it_imports_and_no_other_does(kept, settings):
    module = kept / "goldenpath" / "steps" / "train.py"
    module.write_text(module.read_text() + "\nMORE = 1\n")
    notebook = kept / "notebooks" / "05_train.ipynb"
    notebook.write_text(notebook.read_text().replace("return 1", "return 1\\n\\nMORE = 1"))
    assert remaining_in(find_resumable(settings), settings).again == {"05_train": "its code changed"}
    (kept / "goldenpath" / "volume.py").write_text("from os import *\n")  # imported by way of others
    assert list(remaining_in(find_resumable(settings), settings).again) == ["02_data", "05_train"]


def test_every_step_runs_again_if_the_settings_or_the_variables_changed(kept, settings, monkeypatch):
    run = find_resumable(settings)
    monkeypatch.setenv("GOLDENPATH_BOOTSTRAP", "7")
    assert remaining_in(run, settings).again["02_data"] == "settings changed"
    monkeypatch.delenv("GOLDENPATH_BOOTSTRAP")
    (kept / "settings.ini").write_text("[any]\nmodel = small\nuser = tester\nseed = 3\n")
    assert remaining_in(run, settings).again["02_data"] == "settings changed"


def test_a_run_that_is_still_at_work_is_not_resumed(resumed, settings, monkeypatch):
    monkeypatch.setattr("goldenpath.cluster.resume._ENDS_WITHIN", 0.0)
    with subprocess.Popen(["sleep", "60"], env={"RUN_ID": resumed[1].name}) as program:
        wait_until(lambda: processes_in(resumed[1].name))  # its environment is there a moment after its start
        with pytest.raises(BadInput, match=f"is still at work in process {program.pid}: wait for it, or end"):
            find_resumable(settings)
        program.kill()
    assert processes_in(resumed[1].name) == []


def test_what_cannot_be_resumed_is_told(resumed, settings, tmp_path):
    with pytest.raises(BadInput, match="there is no run 'nonsense'"):
        find_resumable(settings, "nonsense")
    empty = settings.model_copy(update={"home": str(tmp_path)})
    with pytest.raises(BadInput, match="no pipeline was run yet"):
        find_resumable(empty)
    (tmp_path / "runs" / "20261121T000000Z-abcdef").mkdir(parents=True)
    with pytest.raises(BadInput, match="abcdef is not of a pipeline: `goldenpath step` runs a step again"):
        find_resumable(empty, "abcdef")


def test_a_compiled_model_that_a_killed_evaluation_refused_is_judged_again(home):
    run = trained(home)
    compiled, refused = run.folder / "candidate" / "model.onnx", run.output("refused/model.onnx")
    compiled.rename(refused)
    assert open_candidate(run).paths.fast is not None
    assert compiled.is_file()
    assert not refused.exists()


@pytest.mark.parametrize("words", [["--set", "SEED=8"], ["--until", "05_train"], ["pipelines/a.pipeline"]])
def test_resume_takes_no_variables_steps_or_pipeline(words):
    result = CliRunner().invoke(cli, ["run", *words, "--resume"])
    assert result.exit_code == 2
    assert "continues with the pipeline, the variables and the steps that the run began with" in result.output


@pytest.mark.slow(seconds=110)
def test_a_run_that_is_killed_in_each_of_its_steps_ends_like_an_unbroken_one(tmp_path):
    one, other = (make_quick_project(tmp_path / name) for name in ("unbroken", "killed"))
    finish(goldenpath(one, "run", "--until", "06_evaluate"))
    [unbroken] = list_runs(one / "volume" / "runs")
    words: tuple[str, ...] = ("--set", "REQUESTS=30")
    for name in ("02_data", "03_explore", "05_train", "06_evaluate", "07_publish", "09_contrast"):
        run = kill_in(name, goldenpath(other, "run", *words), other)
        words = ("--resume",)
    text = finish(goldenpath(other, "run", "--resume"))
    assert f"run {run.name} continues; done before: 02_data, 03_explore, 05_train, 06_evaluate" in text
    assert list_runs(other / "volume" / "runs") == [run]
    assert {note["status"] for note in steps_of(run).values()} == {"done"}
    assert of_result(run) == of_result(unbroken)
    version = read_json(run / "training.json")["version"]
    published = {"version": version, "already": False, "champion": True, "note": ""}
    assert read_json(run / "published.json") == published
    assert (run / "report.html").is_file()
