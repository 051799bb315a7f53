"""What a batch takes beside reading its file: `python -m benchmarks.batch [--rows 2000000] [--turns 3]`.

Draws the example's synthetic rows into a Parquet file, trains a version on others, then measures in turns,
each in a process of its own: how pyarrow reads the file, a batch of it, and a folder of several such files,
which processes share. Imports are not counted. Prints a table, and a line of JSON.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.projects import project_copy
from benchmarks.scale import STEPS, Cost, Work, cost_of, middle, step_code, write_files
from goldenpath.measure.machine import machine
from goldenpath.text.text_table import TextTable

READ, FILE, FOLDER = "pyarrow.parquet.read_table", "batch, one file", "batch, a folder"
PUBLISHED = ("02_data", "05_train", "06_evaluate", "07_publish")
IMPORTS = """
import onnxruntime
from goldenpath import Project
from goldenpath.steps.batch import run_batch
"""
BATCH = """
project = Project()
run_batch(project, {source!r}, {output!r}, project.registry.versions()[-1])
"""


def works_on(parquet: Path, files: Path, outputs: Path) -> dict[str, Work]:
    "List what is measured, in order; `outputs` is a new folder."
    one = BATCH.format(source=str(parquet), output=str(outputs / "scores.parquet"))
    several = BATCH.format(source=str(files), output=f"{outputs}/scores/")
    return {
        READ: Work(
            "import pyarrow.dataset, pyarrow.parquet", f"pyarrow.parquet.read_table({str(parquet)!r})"
        ),
        FILE: Work(IMPORTS, one),
        FOLDER: Work(IMPORTS, several),
    }


def measure(folder: Path, rows: int, files: int, turns: int) -> dict[str, Cost]:
    "Measure everything in turns; the median of each figure."
    _, parquet = write_files(folder, rows)
    (folder / "files").mkdir()
    for number in range(files):
        shutil.copy(parquet, folder / "files" / f"{number}.parquet")
    project, home = project_copy(folder / "project"), folder / "home"
    linear = {"GOLDENPATH_CANDIDATES": "linear", "GOLDENPATH_CHOOSE": "linear"}
    cost_of(Work(STEPS, "".join(map(step_code, PUBLISHED)), linear), project, home)
    costs: dict[str, list[Cost]] = {READ: [], FILE: [], FOLDER: []}
    for turn in range(turns):
        for name, work in works_on(parquet, folder / "files", folder / f"turn {turn}").items():
            costs[name].append(cost_of(work, project, home))
        shutil.rmtree(folder / f"turn {turn}")
    return {name: middle(every_turn) for name, every_turn in costs.items()}


def ratios(costs: dict[str, Cost], files: int) -> dict[str, float]:
    "Compare with reading the same rows, by the clock and by processor time."
    compared = {}
    for name, times in ((FILE, 1), (FOLDER, files)):
        compared[f"{name} / read_table"] = costs[name].seconds / costs[READ].seconds / times
        compared[f"{name} / read_table, processor"] = costs[name].processor / costs[READ].processor / times
    return compared


def main() -> None:
    "Measure, and print."
    parser = argparse.ArgumentParser(description="What a batch takes beside reading its file.")
    parser.add_argument("--rows", type=int, default=2_000_000, help="synthetic rows of a file")
    parser.add_argument("--files", type=int, default=8, help="files of the folder")
    parser.add_argument("--turns", type=int, default=3, help="how often each is measured")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        costs = measure(Path(folder), wanted.rows, wanted.files, wanted.turns)
    show(costs, wanted.rows, wanted.files)


def show(costs: dict[str, Cost], rows: int, files: int) -> None:
    "Print both tables, and all figures as one line."
    table = TextTable(f"{rows:,} rows a file, {files} files in the folder; {machine()}")
    for header in ("", "seconds", "rows/s", "processor", "MB"):
        table.add_column(header, justify="right" if header else "left")
    for name, cost in costs.items():
        speed = rows * (files if name == FOLDER else 1) / cost.seconds
        figures = (f"{cost.seconds:.2f}", f"{speed:,.0f}", f"{cost.processor:.2f}", f"{cost.megabytes:,.0f}")
        table.add_row(name, *figures)
    compared = TextTable("ratios")
    compared.add_column("")
    compared.add_column("times", justify="right")
    for name, ratio in ratios(costs, files).items():
        compared.add_row(name, f"{ratio:.2f}")
    Console().print(table, compared)
    figures_of = {name: vars(cost) for name, cost in costs.items()}
    print(json.dumps({"rows": rows, "files": files, "costs": figures_of, "ratios": ratios(costs, files)}))


if __name__ == "__main__":
    main()
