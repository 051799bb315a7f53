"""What a second worker of Ray saves: `python -m benchmarks.workers [--rows 20000000] [--turns 1]`.

Draws the example's synthetic rows into the files of a folder, then lets a cluster of one worker, and one of
two, each bound to one core, read them as `02_data` does and score them as `goldenpath batch` does. Connecting
to the cluster counts, and so does the start of the workers. They are processes of this machine, which needs a
core for each and a little of one for the driver. Efficiency is what one worker takes, divided by twice what
two take. Prints a table, with the processor time of the driver, and a line of JSON.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import pyarrow.csv
from rich.console import Console

from benchmarks.process_tree import tree_of
from benchmarks.projects import PROJECT, program, project_copy
from benchmarks.scale import drawn
from goldenpath.errors import GoldenpathError
from goldenpath.measure.environments import ray_python
from goldenpath.measure.machine import machine
from goldenpath.text.text_table import TextTable

FILES = 8
TRAINED_ROWS = 20_000  # of the version that scores
WORK = """
import json, os, sys, time
from goldenpath.project import Project, open_step
from goldenpath.steps.batch import run_batch
from goldenpath.steps.data import make_data
used = lambda: sum(os.times()[:2])
started, before = time.perf_counter(), used()
with open_step("02_data") as step:
    make_data(step)
read, between = time.perf_counter(), used()
run_batch(Project(), sys.argv[1], sys.argv[2])
print(json.dumps([read - started, time.perf_counter() - read, between - before, used() - between]))
"""


@dataclass(frozen=True)
class Seconds:
    "What the same work took with one worker, and with two."

    one: float
    two: float
    driver: float  # processor time, with two

    @property
    def efficiency(self) -> float:
        return self.one / (2 * self.two)


def write_files(folder: Path, rows: int) -> None:
    "Write so many synthetic rows into several CSV files."
    folder.mkdir()
    with ExitStack() as stack:
        writers: dict[Path, Any] = {}
        written = 0
        for batch in drawn(rows):
            file = folder / f"{written * FILES // rows}.csv"
            if file not in writers:
                writers[file] = stack.enter_context(pyarrow.csv.CSVWriter(file, batch.schema))
            writers[file].write_batch(batch)
            written += batch.num_rows


@contextmanager
def nodes(count: int) -> Iterator[str]:
    "Start a cluster of so many workers, and yield its address."
    command = [str(ray_python(PROJECT)), "-m", "goldenpath.compute.ray_nodes", str(count)]
    process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        line = next((line for line in process.stdout if ":" in line), "")
        if not line:
            raise GoldenpathError("no cluster of Ray has started")
        bind_workers(process.pid)
        yield line.strip()
    finally:
        process.stdin.close()
        process.wait()


def bind_workers(cluster: int) -> None:
    "Give each worker node one core, as the limit of a pod does; the first node is the head."
    raylets = [pid for pid in sorted(tree_of(cluster)) if name_of(pid) == "raylet"]
    for raylet, core in zip(raylets[1:], cycle(sorted(os.sched_getaffinity(0))), strict=False):
        for pid in tree_of(raylet):
            for thread in Path(f"/proc/{pid}/task").glob("*"):
                os.sched_setaffinity(int(thread.name), {core})


def name_of(pid: int) -> str:
    "Return the name of a program."
    return Path(f"/proc/{pid}/comm").read_text().strip()


def work(project: Path, address: str, files: Path, output: Path) -> list[float]:
    "Read, then score, on the cluster; seconds, and those of the driver. Raises GoldenpathError if it fails."
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}
    settings = {
        "PYTHONPATH": str(project),
        "GOLDENPATH_COMPUTE": "ray",
        "GOLDENPATH_COMPUTE_ADDRESS": address,
        "GOLDENPATH_SOURCE": str(files),
        "GOLDENPATH_FEEDBACK": "off",
    }
    command = [str(ray_python(PROJECT)), "-c", WORK, str(files), str(output)]
    done = subprocess.run(command, cwd=project, env=clean | settings, capture_output=True, text=True)
    if done.returncode:
        raise GoldenpathError(f"the work failed: {(done.stdout + done.stderr)[-1500:]}")
    return list(json.loads(done.stdout.splitlines()[-1]))


def measure(folder: Path, rows: int, turns: int) -> dict[str, Seconds]:
    "Measure both works with one worker and with two, in turns; the medians."
    files, output = folder / "files", folder / "scores"
    write_files(files, rows)
    project = project_copy(folder / "project")
    program(project, "-m", "goldenpath", "run", GOLDENPATH_SYNTHETIC_ROWS=str(TRAINED_ROWS))
    figures: dict[int, list[list[float]]] = {1: [], 2: []}
    for _ in range(turns):
        for count, lines in figures.items():
            with nodes(count) as address:
                lines.append(work(project, address, files, output))
            shutil.rmtree(output)
    one, two = ([statistics.median(column) for column in zip(*figures[n], strict=True)] for n in (1, 2))
    return {name: Seconds(one[n], two[n], two[n + 2]) for n, name in enumerate(("02_data", "batch"))}


def main() -> None:
    "Measure, and print."
    parser = argparse.ArgumentParser(description="What a second worker of Ray saves.")
    parser.add_argument("--rows", type=int, default=20_000_000, help="synthetic rows")
    parser.add_argument("--turns", type=int, default=1, help="how often each is measured")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(Path(folder), wanted.rows, wanted.turns)
    table = TextTable(f"{wanted.rows:,} rows; {machine()}")
    for header in ("", "one worker, s", "two workers, s", "efficiency", "driver, s"):
        table.add_column(header, justify="right" if header else "left")
    for name, both in seconds.items():
        times = (f"{seconds:.1f}" for seconds in (both.one, both.two))
        table.add_row(name, *times, f"{both.efficiency:.2f}", f"{both.driver:.1f}")
    Console().print(table)
    print(json.dumps({name: [both.one, both.two, both.efficiency] for name, both in seconds.items()}))


if __name__ == "__main__":
    main()
