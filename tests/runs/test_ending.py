"""How a run stands, by the notes of its steps."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from goldenpath.programs import is_alive
from goldenpath.runs.ending import RUN_STEPS, planned_steps, run_state, whereabouts
from goldenpath.runs.run import Run, steps_of

NAME = "20261121T000000Z-abcdef"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("ELYRA_RUNTIME_ENV", raising=False)
    monkeypatch.delenv(RUN_STEPS, raising=False)
    (tmp_path / NAME).mkdir()
    return tmp_path / NAME


@pytest.fixture
def pipeline(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    "Return the folder of a run of a pipeline that says which steps it has."
    monkeypatch.setenv("ELYRA_RUNTIME_ENV", "local")
    monkeypatch.setenv(RUN_STEPS, "02_data 05_train")
    return folder


def noted(folder: Path, step: str, status: str, **more: str) -> str:
    "Note how a step stands; how the run stands then."
    Run(folder.name, folder, step).note(status, **more)
    return run_state(folder, steps_of(folder))


def changed(folder: Path, step: str, **values: object) -> str:
    "Change what a step noted; how the run stands then."
    file = folder / "steps" / f"{step}.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))
    return run_state(folder, steps_of(folder))


def long_ago(folder: Path) -> str:
    "Make all notes two days old; how the run stands then."
    for file in (folder / "steps").iterdir():
        os.utime(file, (file.stat().st_mtime - 172_800,) * 2)
    return run_state(folder, steps_of(folder))


@pytest.fixture(scope="module")
def dead() -> int:
    "Return the number of a process that has ended."
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_step_on_its_own_is_a_whole_run(folder: Path):
    assert noted(folder, "05_train", "running") == "running"
    assert noted(folder, "05_train", "done") == "done"


def test_a_pipeline_is_over_after_its_last_step_and_not_between_two(pipeline: Path):
    assert noted(pipeline, "02_data", "running") == "running"
    assert noted(pipeline, "02_data", "done") == "running"
    assert noted(pipeline, "05_train", "running") == "running"
    assert noted(pipeline, "05_train", "done") == "done"


def test_a_step_that_fails_ends_a_run_until_it_is_resumed(pipeline: Path):
    noted(pipeline, "02_data", "done")
    assert noted(pipeline, "05_train", "failed", reason="ValueError: no rows") == "failed"
    assert noted(pipeline, "05_train", "running") == "running"
    assert noted(pipeline, "05_train", "done") == "done"


def test_a_training_that_is_not_due_is_no_failure(pipeline: Path):
    assert noted(pipeline, "12_retrain", "failed", reason="NotDue: the promise is kept") == "done"


def test_a_step_whose_process_is_gone_was_killed(pipeline: Path, dead: int):
    noted(pipeline, "02_data", "done")
    noted(pipeline, "05_train", "running")
    assert changed(pipeline, "05_train", pid=dead) == "killed"
    assert noted(pipeline, "05_train", "running") == "running"


def test_a_process_of_another_machine_counts_as_at_work_for_a_day(pipeline: Path, dead: int):
    noted(pipeline, "05_train", "running")
    assert changed(pipeline, "05_train", pid=dead, host="elsewhere") == "running"
    assert long_ago(pipeline) == "killed"


def test_a_pipeline_that_went_silent_between_two_steps_was_killed(pipeline: Path):
    noted(pipeline, "02_data", "done")
    assert long_ago(pipeline) == "killed"


def test_a_step_that_works_for_days_here_is_at_work(pipeline: Path):
    noted(pipeline, "05_train", "running")
    assert long_ago(pipeline) == "running"


def test_a_notebook_that_stopped_outside_its_step_ends_the_run(pipeline: Path):
    noted(pipeline, "02_data", "done")
    papermill = {"start_time": "2026-11-21T00:00:00+00:00", "end_time": "x", "duration": 1, "exception": True}
    (pipeline / "notebooks").mkdir()
    (pipeline / "notebooks" / "02_data.ipynb").write_text(json.dumps({"metadata": {"papermill": papermill}}))
    assert run_state(pipeline, steps_of(pipeline)) == "failed"


# A pipeline that does not say which steps it has, as one that was started from Elyra's editor


@pytest.mark.parametrize(
    ("done", "state"),
    [
        (["02_data"], "running"),
        (["02_data", "03_explore", "05_train", "06_evaluate", "07_publish"], "running"),
        (["02_data", "03_explore", "05_train", "06_evaluate", "07_publish", "09_contrast"], "done"),
        (["10_batch"], "done"),
        (["11_monitor"], "done"),
        (["12_retrain"], "done"),  # in pods, what follows opens a run of its own
    ],
)
def test_without_a_list_the_report_or_a_step_that_nobody_continues_is_the_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch, done: list[str], state: str
):
    monkeypatch.setenv("ELYRA_RUNTIME_ENV", "kfp")
    assert [noted(folder, step, "done") for step in done][-1] == state
    assert long_ago(folder) == "done"


# What is noted


def test_notes_of_older_states_are_of_a_run_that_is_over(folder: Path):
    (folder / "steps").mkdir()
    (folder / "steps" / "02_data.json").write_text('{"status": "done", "seconds": 1}')
    assert run_state(folder, steps_of(folder)) == "done"
    (folder / "steps" / "05_train.json").write_text('{"status": "running"}')
    assert run_state(folder, steps_of(folder)) == "running"


def test_a_step_notes_its_process_and_the_pipeline_that_it_is_in():
    here = {"host": socket.gethostname(), "pid": os.getpid()}
    assert whereabouts({}) == {**here, "pipeline": None}
    assert whereabouts({"ELYRA_RUNTIME_ENV": "kfp"}) == {**here, "pipeline": []}
    steps = planned_steps(["02_data", "my_plot", "05_train"])
    both = whereabouts({"ELYRA_RUNTIME_ENV": "kfp", RUN_STEPS: steps})
    assert both == {**here, "pipeline": ["02_data", "05_train"]}


@pytest.fixture
def ended() -> Iterator[int]:
    "Yield the number of a process that has ended, and that nobody has waited for yet."
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield process.pid
    process.communicate()


def test_a_process_is_alive_until_it_ends(dead: int, ended: int):
    assert is_alive(os.getpid())
    assert not is_alive(dead)
    assert not is_alive(ended)
