"""The benchmark of scale adds up what a process starts, and draws what it measured."""

import sys
from pathlib import Path
from subprocess import PIPE, Popen

from benchmarks.process_tree import tree_of, watch
from benchmarks.scale import CALLS, Cost, draw, ratios, seconds_of

CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"


def test_the_memory_of_a_process_includes_what_it_started() -> None:
    with Popen([sys.executable, "-c", CHILD], stdin=PIPE, stdout=PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        assert len(tree_of(process.pid)) == 2
        process.stdin.write(b"\n")
        process.stdin.close()
        assert watch(process) >= 0


def test_ratios_and_the_picture_name_every_step(tmp_path: Path) -> None:
    names = (*CALLS, "pandas.read_csv", "pyarrow.parquet.read_table", "02_data, Parquet", "plain script")
    costs = {name: Cost(2.0, 1.0, 100.0) for name in names}
    assert ratios(costs)["03_explore and 06_evaluate / 02_data"] == 2
    assert ratios(costs)["02_data and 05_train / pandas.read_csv"] == 2
    whole = costs | {"goldenpath run": Cost(9.0, 7.0, 300.0)}
    assert ratios(whole)["goldenpath run / pandas.read_csv, processor"] == 7
    draw({1_000_000: seconds_of(whole), 4_000_000: seconds_of(whole)}, tmp_path / "scale.png")
    assert (tmp_path / "scale.png").read_bytes().startswith(b"\x89PNG")
