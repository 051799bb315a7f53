"""How fast the server answers, against the floor of the same app: `make bench`.

The floor is a route that reads the body and returns a constant: what the web server and Flask cost. Floor and
prediction are measured in turns, so that what else happens on the machine hits both; the ratio is the median
over the turns. One worker on one core, wrk on the other.
"""

import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.environments import serving_python, size_of
from benchmarks.load import Load, Started, started, write_bodies, wrk
from benchmarks.projects import PROJECT, REAL_ROWS, as_joblib, project_copy, trained
from goldenpath.contract import CONTRACT
from goldenpath.measure.stopwatch import in_words
from goldenpath.schema.frames import json_rows
from goldenpath.steps.stand_in import draw_stand_in

DISTINCT = 5_000
CONNECTIONS = (1, 16)
WIDTH = 110  # characters, so that the table keeps one line for each row in a log as well
SERVE = [sys.executable, "-m", "serving", "--listen", "{address}"]


@dataclass(frozen=True)
class Goal:
    "What a scenario must reach."

    p50: float  # at most so many times the floor's, at 1 connection
    rate: float  # at least this share of the floor's, at 16 connections


@dataclass(frozen=True)
class Scenario:
    "One line of the table."

    name: str
    project: Path
    bodies: Path
    settings: dict[str, str]
    goal: Goal | None = None
    path: str = "/predict"


@dataclass(frozen=True)
class Row:
    "What was measured at one number of connections."

    scenario: Scenario
    connections: int
    floor: Load
    answer: Load
    p50_ratio: float
    rate_ratio: float


def measure(scenario: Scenario, server: Started, turns: int, seconds: int) -> list[Row]:
    "Floor and answer in turns, at each number of connections."
    return [turn_about(scenario, server, connections, turns, seconds) for connections in CONNECTIONS]


def turn_about(scenario: Scenario, server: Started, connections: int, turns: int, seconds: int) -> Row:
    "Return the medians over the turns."
    floors, answers = [], []
    for _ in range(turns):
        floors.append(wrk(f"{server.url}/floor", scenario.bodies, connections, seconds))
        answers.append(wrk(f"{server.url}{scenario.path}", scenario.bodies, connections, seconds))
    pairs = list(zip(answers, floors, strict=True))
    return Row(
        scenario,
        connections,
        middle(floors),
        middle(answers),
        statistics.median(answer.p50 / floor.p50 for answer, floor in pairs),
        statistics.median(answer.rate / floor.rate for answer, floor in pairs),
    )


def middle(loads: Sequence[Load]) -> Load:
    "Return the median of each figure."
    names = ("rate", "p50", "p99")
    values = {name: statistics.median(getattr(load, name) for load in loads) for name in names}
    return Load(**values, failed=sum(load.failed for load in loads))


def serve(scenario: Scenario, *options: str, pin: bool = True) -> Any:  # a context manager of Started
    "Start the scenario's server and yield it once it is ready."
    first = (scenario.path, scenario.bodies.open("rb").readline())
    variables = {f"GOLDENPATH_{key.upper()}": value for key, value in scenario.settings.items()}
    return started([*SERVE, *options], first, scenario.project, pin, **variables)


def distinct_records() -> list[dict[str, Any]]:
    "Different records, drawn from the contract's levels by their published shares."
    drawn = draw_stand_in(40 * DISTINCT, 1)[[field.name for field in CONTRACT.fields]].drop_duplicates()
    assert len(drawn) >= DISTINCT
    return json_rows(CONTRACT.fields, drawn.head(DISTINCT))


def rows_in_order() -> list[dict[str, Any]]:
    "Return the real rows in file order if they are beside the project, else synthetic rows."
    names = [field.name for field in CONTRACT.fields]
    if not REAL_ROWS.exists():
        return json_rows(CONTRACT.fields, draw_stand_in(20_000, 2)[names])
    rows = pd.read_csv(REAL_ROWS, usecols=[*names, CONTRACT.target.column], dtype="category")
    return json_rows(CONTRACT.fields, CONTRACT.check(rows).clean)


def scenarios(folder: Path) -> list[Scenario]:
    "Both projects, trained, and what is asked of them."
    source = {"GOLDENPATH_SOURCE": str(REAL_ROWS)} if REAL_ROWS.exists() else {}
    own = trained(project_copy(folder / "own"), **source)
    example = trained(project_copy(folder / "example", "breast_cancer"))
    distinct = distinct_records()
    some = write_bodies(folder / "distinct", distinct)
    numbers = pd.read_csv(example / "data" / "breast_cancer.csv").iloc[:, :30]
    wide = write_bodies(folder / "wide", numbers.to_dict("records"))
    in_order = write_bodies(folder / "in_order", rows_in_order())
    thousands = write_bodies(
        folder / "thousands", [distinct[at : at + 1000] for at in range(0, DISTINCT, 1000)]
    )
    off, on = {"memo": "0"}, {"memo": "50000"}
    return [
        Scenario(f"/predict, memo off, {DISTINCT:,} distinct records", own, some, off, Goal(1.8, 0.65)),
        Scenario("/predict, memo off, 30 numeric columns", example, wide, off, Goal(2.2, 0.55)),
        Scenario("/predict, memo on, rows in file order", own, in_order, on, Goal(1.4, 0.85)),
        Scenario("/predict by scikit-learn", own, some, {"memo": "0", "fast_path": "no"}),
        Scenario("/predict/batch of 1,000 records", own, thousands, off, path="/predict/batch"),
    ]


def as_table(rows: Sequence[Row]) -> Table:
    "Every figure, and whether it reaches its goal."
    table = Table(title="one worker, one core, at 1 and 16 connections")
    for name in ("what", "at", "requests/s", "p50", "p99", "p50 / floor", "rate / floor", "goal"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for row in rows:
        load = row.answer
        table.add_row(
            row.scenario.name,
            str(row.connections),
            f"{load.rate:,.0f}",
            in_words(load.p50),
            in_words(load.p99),
            f"{row.p50_ratio:.2f}",
            f"{row.rate_ratio:.2f}",
            verdict(row),
        )
    return table


def verdict(row: Row) -> str:
    "`<= 1.8: yes`, for the figure that has a goal at this number of connections."
    goal = row.scenario.goal
    if goal is None:
        return ""
    if row.connections == 1:
        return f"<= {goal.p50}: {'yes' if row.p50_ratio <= goal.p50 else 'NO'}"
    return f">= {goal.rate}: {'yes' if row.rate_ratio >= goal.rate else 'NO'}"


def further(console: Console, chosen: Sequence[Scenario], seconds: int) -> None:
    "Measure start, memory, two workers and size, which have no no-op counterpart."
    main = chosen[0]
    with serve(main) as server:
        wrk(f"{server.url}/predict", main.bodies, 16, seconds)
        console.print(f"process start to first answer: {in_words(server.seconds)}")
        console.print(f"memory of a worker after the load: {server.memory() / 1e6:.0f} MB")
    for workers in ("1", "2"):
        with serve(main, "--workers", workers, pin=False) as server:
            load = wrk(f"{server.url}/predict", main.bodies, 16, seconds)
            console.print(f"{workers} worker(s) on all cores, wrk among them: {load.rate:,.0f} requests/s")
    console.print(f"loading the model on every request: {naively(main, seconds)}")
    size = size_of(serving_python())
    console.print(f"installed size of the serving environment: {size / 1e6:.0f} MB")


def naively(scenario: Scenario, seconds: int) -> str:
    "Measure the same model in a service that loads it on every request."
    with tempfile.TemporaryDirectory() as folder:
        pipeline = as_joblib(scenario.project, Path(folder))
        command = [sys.executable, "-m", "benchmarks.naive", str(pipeline), "{address}"]
        with started(command, ("/predict", scenario.bodies.open("rb").readline()), PROJECT) as server:
            load = wrk(f"{server.url}/predict", scenario.bodies, 1, seconds)
    return f"{load.rate:,.0f} requests/s, p50 {in_words(load.p50)} (at 1 connection)"


@click.command()
@click.option(
    "--turns", default=9, show_default=True, help="Times that floor and answer are measured in turn."
)
@click.option("--seconds", default=1, show_default=True, help="Length of one measurement.")
@click.option("--only", default="", help="Measure the scenarios whose name contains this.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there as well.")
def main(turns: int, seconds: int, only: str, file: Path | None) -> None:
    "Measure the real server against the floor of the same app."
    console = Console(width=max(WIDTH, Console().width))
    with tempfile.TemporaryDirectory() as name:
        console.print("training both projects (a minute or two) ...")
        chosen = [one for one in scenarios(Path(name)) if only in one.name]
        rows: list[Row] = []
        for scenario in chosen:
            console.print(f"measuring {scenario.name} ...")
            with serve(scenario) as server:
                rows += measure(scenario, server, turns, seconds)
        console.print(as_table(rows))
        for row in rows:
            if row.scenario.path == "/predict/batch":
                console.print(f"batches at {row.connections}: {row.answer.rate * 1000:,.0f} records/s")
        failed = sum(row.answer.failed + row.floor.failed for row in rows)
        console.print(f"failed requests: {failed}")
        further(console, chosen, seconds)
    if file:
        file.write_text(json.dumps([figures(row) for row in rows], indent=2))
    sys.exit(any("NO" in verdict(row) for row in rows))


def figures(row: Row) -> dict[str, Any]:
    "One row as JSON."
    return {
        "what": row.scenario.name,
        "connections": row.connections,
        "requests_per_s": row.answer.rate,
        "p50_s": row.answer.p50,
        "p99_s": row.answer.p99,
        "floor_requests_per_s": row.floor.rate,
        "floor_p50_s": row.floor.p50,
        "p50_ratio": row.p50_ratio,
        "rate_ratio": row.rate_ratio,
    }


if __name__ == "__main__":
    main()
