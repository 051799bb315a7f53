"""How time and memory grow with the rows: `python -m benchmarks.scale [--rows 1000000] [--turns 3] [--run]`.

Draws the example's synthetic rows into a CSV and a Parquet file, then measures in turns, each in a process of
its own: how pandas and pyarrow read the files, the steps of data and training, and a plain script from the
file to a fitted model. Imports are not counted. With `--run` also `goldenpath run` as a whole, once, with all
that it starts. Prints a table, and a line of JSON.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from rich.console import Console

from benchmarks.projects import project_copy
from goldenpath.errors import BadInput
from goldenpath.measure.machine import machine
from goldenpath.steps.stand_in import BLOCK, draw_stand_in
from goldenpath.text.text_table import TextTable

SEED = 42
MEASURED = """
import json, os, resource, time
{imports}
used = lambda: sum(os.times()[:4])
started, before = time.perf_counter(), used()
{code}
seconds, processor = time.perf_counter() - started, used() - before
most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps([seconds, processor, most / 1024]))
"""
STEPS = """
import goldenpath.inference.engines, pandas, pyarrow.parquet, skl2onnx, sklearn.linear_model
from goldenpath.project import open_step
from goldenpath.steps.data import make_data
from goldenpath.steps.train import train
"""
DATA = """
with open_step("02_data") as step:
    make_data(step)
"""
TRAIN = """
with open_step("05_train") as step:
    train(step, seed=1)
"""
PLAIN = """
import pandas
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
"""
SCRIPT = """
rows = pandas.read_csv({file!r}).query("death_yn in ('Yes', 'No')")
columns = ["current_status", "sex", "age_group", "race_ethnicity_combined", "hosp_yn", "icu_yn", "medcond_yn"]
model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression(max_iter=1000))
model.fit(rows[columns].fillna(""), rows["death_yn"] == "Yes")
"""
RUN = "subprocess.run([sys.executable, '-m', 'goldenpath', 'run'], check=True)"


@dataclass(frozen=True)
class Cost:
    "What one process took."

    seconds: float
    processor: float  # seconds of it and of its children
    megabytes: float  # the most that it, or one of its children, held


def write_files(folder: Path, rows: int) -> tuple[Path, Path]:
    "Write so many synthetic rows as CSV and as Parquet; every column is text."
    csv, parquet = folder / "rows.csv", folder / "rows.parquet"
    batches = drawn(rows)
    first = next(batches)
    with (
        pa.csv.CSVWriter(csv, first.schema) as as_csv,
        pa.parquet.ParquetWriter(parquet, first.schema) as as_parquet,
    ):
        for batch in itertools.chain([first], batches):
            as_csv.write_batch(batch)
            as_parquet.write_batch(batch)
    return csv, parquet


def drawn(rows: int) -> Iterator[pa.RecordBatch]:
    "Draw synthetic rows, a block at a time."
    for start in range(0, rows, BLOCK):
        frame = draw_stand_in(min(BLOCK, rows - start), (SEED, start)).astype(str)
        yield pa.RecordBatch.from_pandas(pd.DataFrame(frame), preserve_index=False)


@dataclass(frozen=True)
class Work:
    "What is measured in a process of its own."

    imports: str
    code: str
    settings: dict[str, str] = field(default_factory=dict)  # variables


def cost_of(work: Work, folder: Path, home: Path) -> Cost:
    "Run code in a process of its own. Raises BadInput with the end of its output if it fails."
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}
    places = {"PYTHONPATH": str(folder), "GOLDENPATH_HOME": str(home)}
    code = MEASURED.format(imports=work.imports, code=work.code)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**clean, **places, **work.settings},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BadInput(f"a measured process failed: {(done.stdout + done.stderr)[-1500:]}")
    return Cost(*json.loads(done.stdout.splitlines()[-1]))


def works_on(csv: Path, parquet: Path) -> dict[str, Work]:
    "List what is measured, in order."
    from_csv, from_parquet = ({"GOLDENPATH_SOURCE": str(file)} for file in (csv, parquet))
    linear = {"GOLDENPATH_CANDIDATES": "linear", "GOLDENPATH_CHOOSE": "linear"}
    return {
        "pandas.read_csv": Work("import pandas", f"pandas.read_csv({str(csv)!r})"),
        "pyarrow.parquet.read_table": Work(
            "import pyarrow.parquet", f"pyarrow.parquet.read_table({str(parquet)!r})"
        ),
        "02_data, CSV": Work(STEPS, DATA, from_csv),
        "02_data, Parquet": Work(STEPS, DATA, from_parquet),
        "02_data and 05_train, linear": Work(STEPS, DATA + TRAIN, from_csv | linear),
        "plain script": Work(PLAIN, SCRIPT.format(file=str(csv))),
    }


def measure(folder: Path, rows: int, turns: int, whole: bool) -> dict[str, Cost]:
    "Measure everything in turns; the median of each figure."
    csv, parquet = write_files(folder, rows)
    project = project_copy(folder / "project")
    works = works_on(csv, parquet)
    costs: dict[str, list[Cost]] = {name: [] for name in works}
    for turn in range(turns):
        for place, (name, work) in enumerate(works.items()):
            costs[name].append(cost_of(work, project, folder / f"home {turn} {place}"))
    if whole:
        run = Work("import subprocess, sys", RUN, {"GOLDENPATH_SOURCE": str(csv)})
        costs["goldenpath run"] = [cost_of(run, project, folder / "home")]
    return {name: middle(every_turn) for name, every_turn in costs.items()}


def middle(costs: list[Cost]) -> Cost:
    "Return the median of each figure."
    figures = zip(*((cost.seconds, cost.processor, cost.megabytes) for cost in costs), strict=True)
    return Cost(*map(statistics.median, figures))


def ratios(costs: dict[str, Cost]) -> dict[str, float]:
    "Compare by the clock; the whole run by processor time."
    csv, parquet = costs["pandas.read_csv"], costs["pyarrow.parquet.read_table"]
    both, plain = costs["02_data and 05_train, linear"], costs["plain script"]
    compared = {
        "02_data, CSV / pandas.read_csv": costs["02_data, CSV"].seconds / csv.seconds,
        "02_data, Parquet / pyarrow": costs["02_data, Parquet"].seconds / parquet.seconds,
        "02_data and 05_train / pandas.read_csv": both.seconds / csv.seconds,
        "02_data and 05_train / plain script": both.seconds / plain.seconds,
    }
    if whole := costs.get("goldenpath run"):
        compared["goldenpath run / pandas.read_csv, processor"] = whole.processor / csv.processor
    return compared


def main() -> None:
    "Measure, and print."
    parser = argparse.ArgumentParser(description="How time and memory grow with the rows.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="synthetic rows")
    parser.add_argument("--turns", type=int, default=3, help="how often each is measured")
    parser.add_argument("--run", action="store_true", help="also `goldenpath run` as a whole")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        costs = measure(Path(folder), wanted.rows, wanted.turns, wanted.run)
    show(costs, wanted.rows)


def show(costs: dict[str, Cost], rows: int) -> None:
    "Print both tables, and all figures as one line."
    table = TextTable(f"{rows:,} rows; {machine()}")
    for header in ("", "seconds", "processor", "MB"):
        table.add_column(header, justify="right" if header else "left")
    for name, cost in costs.items():
        table.add_row(name, f"{cost.seconds:.2f}", f"{cost.processor:.2f}", f"{cost.megabytes:,.0f}")
    compared = TextTable("ratios")
    compared.add_column("")
    compared.add_column("times", justify="right")
    for name, ratio in ratios(costs).items():
        compared.add_row(name, f"{ratio:.2f}")
    console = Console()
    console.print(table, compared)
    print(
        json.dumps({"rows": rows, "costs": {n: vars(c) for n, c in costs.items()}, "ratios": ratios(costs)})
    )


if __name__ == "__main__":
    main()
