"""A run of a pipeline in a process of its own, killed outright with all that works in it."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from goldenpath.cluster.resume import processes_in
from goldenpath.runs.run import list_runs, read_json
from tests.helpers.patience import wait_until


def goldenpath(project: Path, *words: str) -> "subprocess.Popen[str]":
    "Start `goldenpath` in a project."
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}
    return subprocess.Popen(
        [sys.executable, "-m", "goldenpath", *words],
        cwd=project,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(program: "subprocess.Popen[str]") -> str:
    "Wait for a program that must end well, and return what it said."
    text, _ = program.communicate(timeout=500)
    assert program.returncode == 0, text
    return text


def kill_in(step: str, program: "subprocess.Popen[str]", project: Path) -> Path:
    "Kill the program and all that works in its run as soon as a step of it has begun; the run's folder."
    runs = project / "volume" / "runs"

    def begun() -> Path | None:
        if program.poll() is not None:
            raise AssertionError(f"it ended before {step}: {program.stdout and program.stdout.read()}")
        newest = list_runs(runs)[-1:]
        note = read_json(newest[0] / "steps" / f"{step}.json") if newest else {}
        return newest[0] if note.get("status") == "running" else None

    folder = wait_until(begun)
    for process in (program.pid, *processes_in(folder.name)):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    program.communicate(timeout=60)
    return folder
