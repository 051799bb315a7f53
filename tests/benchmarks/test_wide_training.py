"""What training plans with is what it takes, measured over all of its processes."""

import sys
from pathlib import Path
from subprocess import DEVNULL, Popen

import pytest

from benchmarks.process_tree import watch
from goldenpath.measure.machine import cores
from goldenpath.model import build_pipeline
from goldenpath.records import Layout
from goldenpath.runs.memory import PACKAGE_BYTES, bytes_held, bytes_of_fit
from tests.helpers.project import PROJECT
from tests.helpers.wide_training import NAMES, NUMBERS

FITS = 4  # on three folds and on all rows


@pytest.mark.slow(seconds=15)
def test_the_plan_for_a_wide_table_is_what_training_takes(tmp_path: Path) -> None:
    rows, layout = 300_000, Layout(text=(), number=tuple(NAMES))
    pipeline = build_pipeline(layout, 0, "binary", "boosting")
    processes = min(cores(), FITS) + 1  # of the fits, and the step's own
    fitting = (processes - 1) * bytes_of_fit(pipeline, rows, NUMBERS.spec, layout)
    planned = bytes_held(rows, layout) + fitting + processes * PACKAGE_BYTES
    command = [sys.executable, "-m", "tests.helpers.wide_training", str(tmp_path), str(rows)]
    with Popen(command, cwd=PROJECT, stdout=DEVNULL) as process:
        megabytes = watch(process)
    assert process.returncode == 0
    assert (tmp_path / "runs/r/leaderboard.json").exists()
    assert planned / 2 <= megabytes * 2**20 <= planned
