"""How time and memory grow with the rows: `python -m benchmarks.scale --rows 1e6,4e6,25e6 --run`.

Draws the example's synthetic rows into a CSV and a Parquet file, then measures in turns, each in a process of
its own: how pandas and pyarrow read the files, each step of the pipeline, and a plain script from the file to
a fitted model. Imports are not counted. With `--run` also `goldenpath run` as a whole, once, with all that it
starts. Prints a table for each number of rows, and a line of JSON; `--picture FILE` draws time against rows.
"""

import argparse
import itertools
import json
import os
import shutil
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

from benchmarks.process_tree import watch
from benchmarks.projects import project_copy
from goldenpath.errors import BadInput
from goldenpath.measure.machine import machine
from goldenpath.steps.stand_in import BLOCK, draw_stand_in
from goldenpath.text.text_table import TextTable

SEED = 42
MEASURED = """
import json, os, time
{imports}
used = lambda: sum(os.times()[:4])
started, before = time.perf_counter(), used()
{code}
print(json.dumps([time.perf_counter() - started, used() - before]))
"""
STEPS = """
import goldenpath.inference.engines, matplotlib.figure, pandas, pyarrow.parquet, skl2onnx, skops.io
import sklearn.linear_model
from goldenpath.project import open_step
from goldenpath.steps.contrast import contrast
from goldenpath.steps.data import make_data
from goldenpath.steps.evaluate import evaluate
from goldenpath.steps.explore import explore
from goldenpath.steps.publish import publish
from goldenpath.steps.train import train
"""
STEP = """
with open_step({name!r}) as step:
    {call}
"""
CALLS = {
    "02_data": "make_data(step)",
    "03_explore": "explore(step, 'race_ethnicity_combined', 'age_group')",
    "05_train": "train(step, seed=1)",
    "06_evaluate": "evaluate(step)",
    "07_publish": "publish(step)",
    "09_contrast": "contrast(step)",
}
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
RUN = "subprocess.run([sys.executable, '-m', 'goldenpath', 'run', '--again'], check=True)"


@dataclass(frozen=True)
class Cost:
    "What one process took."

    seconds: float
    processor: float  # seconds of it and of its children
    megabytes: float  # the most that it and its children held together


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
    home: str = ""  # folder of runs, shared by steps that follow each other; "": one of its own


def cost_of(work: Work, folder: Path, home: Path) -> Cost:
    "Run code in a process of its own. Raises BadInput with the end of its output if it fails."
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}
    places = {"PYTHONPATH": str(folder), "GOLDENPATH_HOME": str(home)}
    code = MEASURED.format(imports=work.imports, code=work.code)
    with tempfile.TemporaryFile("w+") as output:
        everything = {**clean, **places, **work.settings}
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=folder, env=everything, stdout=output, stderr=output
        )
        megabytes = watch(process)
        output.seek(0)
        lines = output.read().splitlines()
    if process.returncode:
        raise BadInput(f"a measured process failed: {' '.join(lines)[-1500:]}")
    seconds, processor = json.loads(next(line for line in reversed(lines) if line.startswith("[")))
    return Cost(seconds, processor, megabytes)


def works_on(csv: Path, parquet: Path) -> dict[str, Work]:
    "List what is measured, in order."
    from_csv, from_parquet = ({"GOLDENPATH_SOURCE": str(file)} for file in (csv, parquet))
    linear = {"GOLDENPATH_CANDIDATES": "linear", "GOLDENPATH_CHOOSE": "linear"}
    return {
        "pandas.read_csv": Work("import pandas", f"pandas.read_csv({str(csv)!r})"),
        "pyarrow.parquet.read_table": Work(
            "import pyarrow.parquet", f"pyarrow.parquet.read_table({str(parquet)!r})"
        ),
        "02_data, Parquet": Work(STEPS, step_code("02_data"), from_parquet),
        **{name: Work(STEPS, step_code(name), from_csv | linear, "steps") for name in CALLS},
        "plain script": Work(PLAIN, SCRIPT.format(file=str(csv))),
    }


def step_code(name: str) -> str:
    "Return the code that runs one step."
    return STEP.format(name=name, call=CALLS[name])


def measure(folder: Path, rows: int, turns: int, whole: bool) -> dict[str, Cost]:
    "Measure everything in turns; the median of each figure."
    csv, parquet = write_files(folder, rows)
    project = project_copy(folder / "project")
    works = works_on(csv, parquet)
    costs: dict[str, list[Cost]] = {name: [] for name in works}
    for turn in range(turns):
        for place, (name, work) in enumerate(works.items()):
            home = folder / f"home {turn} {work.home or place}"
            costs[name].append(cost_of(work, project, home))
        for home in folder.glob(f"home {turn} *"):
            shutil.rmtree(home)
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
    data, plain = costs["02_data"].seconds, costs["plain script"].seconds
    both = data + costs["05_train"].seconds
    judged = sum(costs[name].seconds for name in ("03_explore", "06_evaluate"))
    compared = {f"{name} / pandas.read_csv": costs[name].seconds / csv.seconds for name in CALLS}
    compared |= {
        "02_data, Parquet / pyarrow": costs["02_data, Parquet"].seconds / parquet.seconds,
        "02_data and 05_train / pandas.read_csv": both / csv.seconds,
        "02_data and 05_train / plain script": both / plain,
        "03_explore and 06_evaluate / 02_data": judged / data,
        "03_explore, 06_evaluate and 09_contrast / 02_data": (judged + costs["09_contrast"].seconds) / data,
    }
    if whole := costs.get("goldenpath run"):
        compared["goldenpath run / pandas.read_csv, processor"] = whole.processor / csv.processor
    return compared


def main() -> None:
    "Measure, and print."
    parser = argparse.ArgumentParser(description="How time and memory grow with the rows.")
    parser.add_argument("--rows", default="1e6", help="synthetic rows: a number, or several by comma")
    parser.add_argument("--turns", type=int, default=3, help="how often each is measured")
    parser.add_argument("--run", action="store_true", help="also `goldenpath run` as a whole")
    parser.add_argument("--picture", type=Path, help="file for time against rows, such as scale.png")
    parser.add_argument("--folder", help="for the files that are made; default: the system's for such files")
    wanted = parser.parse_args()
    measured: dict[int, dict[str, Cost]] = {}
    for rows in (int(float(text)) for text in wanted.rows.split(",")):
        with tempfile.TemporaryDirectory(dir=wanted.folder) as folder:
            measured[rows] = measure(Path(folder), rows, wanted.turns, wanted.run)
        show(measured[rows], rows)
    if wanted.picture:
        draw({rows: seconds_of(costs) for rows, costs in measured.items()}, wanted.picture)


def seconds_of(costs: dict[str, Cost]) -> dict[str, float]:
    "Choose what the picture shows."
    shown = ("goldenpath run", "02_data", "03_explore", "05_train", "06_evaluate", "09_contrast")
    return {name: costs[name].seconds for name in (*shown, "pandas.read_csv") if name in costs}


def draw(seconds: dict[int, dict[str, float]], file: Path) -> None:
    "Draw time against rows, both logarithmic; a line along the dots grows as the rows do."
    from goldenpath.report.plots import CLASS_COLOURS, GREY, new_figure

    figure, axes = new_figure("Time against rows", 8, 5)
    rows = sorted(seconds)
    for name, colour in zip(seconds[rows[0]], CLASS_COLOURS, strict=False):
        axes.plot(rows, [seconds[number][name] for number in rows], "o-", color=colour, label=name)
    first = seconds[rows[0]]["pandas.read_csv"]
    axes.plot(rows, [first * number / rows[0] for number in rows], ":", color=GREY, label="as the rows do")
    axes.set(xscale="log", yscale="log", xlabel="rows of the CSV file", ylabel="seconds")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1e6:g} million")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(color=GREY, alpha=0.2)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(file, dpi=110)


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
