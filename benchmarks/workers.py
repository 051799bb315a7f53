"""What a second worker of Ray saves: `python -m benchmarks.workers [--rows 10000000] [--turns 3]`.

Draws the example's synthetic rows, then lets a cluster of one worker, and one of two, each worker with one
core, read them as `02_data` does and score them as `goldenpath batch` does, as files of a folder. Connecting
to the cluster counts, and so does the start of the workers. They are processes of this machine, which needs a
core for each and a little of one for the driver. Efficiency is what one worker takes, divided by twice what
two take. Prints a table, and a line of JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.csv
from rich.console import Console

from benchmarks.projects import PROJECT, program, project_copy
from benchmarks.scale import drawn
from goldenpath.errors import GoldenpathError
from goldenpath.measure.environments import ray_python
from goldenpath.measure.machine import machine
from goldenpath.text.text_table import TextTable

FILES = 8  # of the batch
TRAINED_ROWS = 20_000  # of the version that scores
WORK = """
import json, sys, time
from goldenpath.project import Project, open_step
from goldenpath.steps.batch import run_batch
from goldenpath.steps.data import make_data
files, output = sys.argv[1:]
started = time.perf_counter()
with open_step("02_data") as step:
    make_data(step)
read = time.perf_counter()
run_batch(Project(), files, output)
print(json.dumps([read - started, time.perf_counter() - read]))
"""


@dataclass(frozen=True)
class Seconds:
    "What the same work took with one worker, and with two."

    one: float
    two: float

    @property
    def efficiency(self) -> float:
        return self.one / (2 * self.two)


def write_rows_and_files(folder: Path, rows: int) -> tuple[Path, Path]:
    "Write so many synthetic rows into one CSV file, and the same into a folder of several."
    csv, files, written = folder / "rows.csv", folder / "files", 0
    files.mkdir()
    with ExitStack() as stack:
        writers: dict[Path, Any] = {}
        for batch in drawn(rows):
            for file in (csv, files / f"{written * FILES // rows}.csv"):
                if file not in writers:
                    writers[file] = stack.enter_context(pyarrow.csv.CSVWriter(file, batch.schema))
                writers[file].write_batch(batch)
            written += batch.num_rows
    return csv, files


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
        yield line.strip()
    finally:
        process.stdin.close()
        process.wait()


def work(project: Path, address: str, csv: Path, files: Path, output: Path) -> list[float]:
    "Read, then score, on the cluster; the seconds of both. Raises GoldenpathError if it fails."
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}
    settings = {
        "PYTHONPATH": str(project),
        "GOLDENPATH_COMPUTE": "ray",
        "GOLDENPATH_COMPUTE_ADDRESS": address,
        "GOLDENPATH_SOURCE": str(csv),
        "GOLDENPATH_FEEDBACK": "off",
    }
    command = [str(ray_python(PROJECT)), "-c", WORK, str(files), str(output)]
    done = subprocess.run(command, cwd=project, env=clean | settings, capture_output=True, text=True)
    if done.returncode:
        raise GoldenpathError(f"the work failed: {(done.stdout + done.stderr)[-1500:]}")
    return list(json.loads(done.stdout.splitlines()[-1]))


def measure(folder: Path, rows: int, turns: int) -> dict[str, Seconds]:
    "Measure both works with one worker and with two, in turns; the medians."
    csv, files = write_rows_and_files(folder, rows)
    project = project_copy(folder / "project")
    program(project, "-m", "goldenpath", "run", GOLDENPATH_SYNTHETIC_ROWS=str(TRAINED_ROWS))
    seconds: dict[int, list[list[float]]] = {1: [], 2: []}
    for turn in range(turns):
        for count, lines in seconds.items():
            with nodes(count) as address:
                lines.append(work(project, address, csv, files, folder / f"scores {turn} {count}"))
    one, two = ([statistics.median(figures) for figures in zip(*seconds[n], strict=True)] for n in (1, 2))
    return {name: Seconds(*both) for name, *both in zip(("02_data", "batch"), one, two, strict=True)}


def main() -> None:
    "Measure, and print."
    parser = argparse.ArgumentParser(description="What a second worker of Ray saves.")
    parser.add_argument("--rows", type=int, default=10_000_000, help="synthetic rows")
    parser.add_argument("--turns", type=int, default=3, help="how often each is measured")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(Path(folder), wanted.rows, wanted.turns)
    table = TextTable(f"{wanted.rows:,} rows; {machine()}")
    for header in ("", "one worker, s", "two workers, s", "efficiency"):
        table.add_column(header, justify="right" if header else "left")
    for name, both in seconds.items():
        table.add_row(name, f"{both.one:.1f}", f"{both.two:.1f}", f"{both.efficiency:.2f}")
    Console().print(table)
    print(json.dumps({name: [both.one, both.two, both.efficiency] for name, both in seconds.items()}))


if __name__ == "__main__":
    main()
