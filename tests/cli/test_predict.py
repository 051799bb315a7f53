"""`goldenpath predict` for each task: one line of JSON, and bars on standard error."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.patience import LONG
from tests.helpers.task_versions import TASKS, publish_task, task_project, task_records


@pytest.mark.parametrize("task", TASKS)
def test_the_answer_is_one_line_and_its_explanation_is_shown_as_bars(task: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    version = publish_task(home, task)
    [record] = task_records(task, 1)
    command = [sys.executable, "-m", "goldenpath", "predict", json.dumps(record), "--explain"]
    environ = {**os.environ, "GOLDENPATH_HOME": str(home)}
    project = task_project(tmp_path / "project", task)
    done = subprocess.run(
        command, cwd=project, env=environ, capture_output=True, text=True, timeout=LONG, check=False
    )
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    answer = json.loads(line)
    explanation = answer["explanation"]
    contract = TASKS[task].contract
    assert answer["key"] == record[contract.spec.key]
    assert (answer["version"], answer["path"]) == (version, "onnx")
    assert set(contract.target.outputs) < set(answer)
    head, *bars = done.stderr.partition("contributions to the ")[2].splitlines()
    assert head.startswith(explanation["of"])
    assert head.endswith(explanation["note"])
    fields = sorted(explanation["fields"], key=lambda name: -abs(explanation["fields"][name]))
    assert [text.split()[0] for text in bars] == fields
    largest = ("+" if explanation["fields"][fields[0]] > 0 else "-") * 30
    assert bars[0].split()[2] == largest
