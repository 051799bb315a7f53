"""Tests that are ended from outside leave nothing behind that they started."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.patience import LONG, wait_until
from tests.helpers.project import PROJECT

WAITING = """
import os, subprocess, time
from pathlib import Path

def test_waits_for_ever():
    program = subprocess.Popen(["sleep", "300"])
    try:
        Path("staged").write_text(str(program.pid))
        os.rename("staged", "started")
        time.sleep(300)
    finally:
        program.terminate()
        program.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])  # the second one ends xdist's workers
def test_what_a_test_started_ends_with_it(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "test_waiting.py").write_text(WAITING)
    python = f"exec {sys.executable} -m pytest -p tests.conftest -p no:cacheprovider ."
    command = ["sh", "-c", f"trap '' INT; {python}"]  # as a shell starts a job in the background
    environ = {**os.environ, "PYTHONPATH": str(PROJECT)}
    tests = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL)
    try:
        pid = tmp_path / "started"
        wait_until(lambda: pid.exists() or tests.poll() is not None)
        tests.send_signal(number)
        assert tests.wait(LONG) == 2  # interrupted
    finally:
        tests.kill()
        tests.wait()
    assert not Path("/proc", pid.read_text()).exists()
