"""How fast the server answers, against two floors: `make bench`.

The bare floor is a WSGI function on the same web server that reads the body and returns a constant. Flask's
floor is a route of our application that does the same through Flask. Floors and prediction are measured in
turns, so that what else happens on the machine hits all of them; a ratio is the median over the turns. One
worker on one core, wrk on the other. At last requests come on a schedule, whether the server keeps up or not.
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
from rich.console import Console
from rich.table import Table

from benchmarks.environments import serving_python, size_of
from benchmarks.load import Load, Started, started, wrk
from benchmarks.open_load import open_load
from benchmarks.projects import PROJECT, as_joblib
from benchmarks.scenarios import Scenario, scenarios
from goldenpath.measure.stopwatch import in_words

CONNECTIONS = (1, 16)
SHARES = (0.5, 0.8)  # of what the server can, when requests come on a schedule
WIDTH = 110  # characters, so that the table keeps one line for each row in a log as well
SERVE = [sys.executable, "-m", "serving", "--listen", "{address}"]


@dataclass(frozen=True)
class Row:
    "What was measured at one number of connections."

    scenario: Scenario
    connections: int
    answer: Load
    floors: dict[str, Load]  # by name
    p50_ratios: dict[str, float]  # of the answer to each floor
    rate_ratios: dict[str, float]


def measure(scenario: Scenario, servers: tuple[Started, Started], turns: int, seconds: int) -> list[Row]:
    "Measure floors and answer in turns, at each number of connections; `servers` are ours and the bare one."
    return [turn_about(scenario, servers, connections, turns, seconds) for connections in CONNECTIONS]


def turn_about(
    scenario: Scenario, servers: tuple[Started, Started], connections: int, turns: int, seconds: int
) -> Row:
    "Return the medians over the turns."
    ours, bare = servers
    urls = {"bare": f"{bare.url}/", "Flask": f"{ours.url}/floor", "": f"{ours.url}{scenario.path}"}
    loads: dict[str, list[Load]] = {name: [] for name in urls}
    for _ in range(turns):
        for name, url in urls.items():
            loads[name].append(wrk(url, scenario.bodies, connections, seconds))
    answers = loads.pop("")

    def ratios(figure: str) -> dict[str, float]:
        ours = [getattr(answer, figure) for answer in answers]
        theirs = {name: [getattr(floor, figure) for floor in floors] for name, floors in loads.items()}
        return {
            name: statistics.median(answer / floor for answer, floor in zip(ours, figures, strict=True))
            for name, figures in theirs.items()
        }

    floors = {name: middle(each) for name, each in loads.items()}
    return Row(scenario, connections, middle(answers), floors, ratios("p50"), ratios("rate"))


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


def serve_bare(scenario: Scenario) -> Any:  # a context manager of Started
    "Start the floor of every WSGI application and yield it once it is ready."
    first = ("/", scenario.bodies.open("rb").readline())
    return started([*SERVE, "--bare"], first, scenario.project)


def as_table(rows: Sequence[Row]) -> Table:
    "Every figure, and whether it reaches its goal."
    title = (
        "one worker, one core, at 1 and 16 connections; ratios to the floors are of p50 at 1, of rates at 16"
    )
    table = Table(title=title)
    for name in ("what", "at", "requests/s", "p50", "p99", "x bare", "x Flask", "goal"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for row in rows:
        load = row.answer
        table.add_row(
            row.scenario.name,
            str(row.connections),
            f"{load.rate:,.0f}",
            in_words(load.p50),
            in_words(load.p99),
            *(f"{ratio:.2f}" for ratio in shown(row).values()),
            verdict(row),
        )
    return table


def shown(row: Row) -> dict[str, float]:
    "Return the ratios to both floors that count at this number of connections."
    return row.p50_ratios if row.connections == 1 else row.rate_ratios


def verdict(row: Row) -> str:
    "`<= 2.0: yes`, for the ratio to the bare floor."
    goal, ratio = row.scenario.goal, shown(row)["bare"]
    if goal is None:
        return ""
    if row.connections == 1:
        return f"<= {goal.p50}: {'yes' if ratio <= goal.p50 else 'NO'}"
    return f">= {goal.rate}: {'yes' if ratio >= goal.rate else 'NO'}"


def on_schedule(console: Console, row: Row, seconds: int) -> None:
    "Send requests at shares of the rate at 16 connections, timed from when each should have been sent."
    scenario = row.scenario
    with serve(scenario) as server:
        for share in SHARES:
            rate = share * row.answer.rate
            load = open_load(f"{server.url}{scenario.path}", scenario.bodies, rate, seconds)
            times = f"p50 {in_words(load.p50)}, p99 {in_words(load.p99)}, {load.failed} failed"
            console.print(f"on a schedule, {share:.0%} of that rate, {load.rate:,.0f} requests/s: {times}")


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
    "--turns", default=9, show_default=True, help="Times that floors and answer are measured in turn."
)
@click.option("--seconds", default=1, show_default=True, help="Length of one measurement.")
@click.option("--only", default="", help="Measure the scenarios whose name contains this.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there as well.")
def main(turns: int, seconds: int, only: str, file: Path | None) -> None:
    "Measure the real server against the bare floor and Flask's."
    console = Console(width=max(WIDTH, Console().width))
    with tempfile.TemporaryDirectory() as name:
        console.print("training both projects (a minute or two) ...")
        chosen = [one for one in scenarios(Path(name)) if only in one.name]
        rows: list[Row] = []
        for scenario in chosen:
            console.print(f"measuring {scenario.name} ...")
            with serve(scenario) as ours, serve_bare(scenario) as bare:
                rows += measure(scenario, (ours, bare), turns, seconds)
        console.print(as_table(rows))
        for row in rows:
            if "1,000 records" in row.scenario.name:
                console.print(
                    f"{row.scenario.path} at {row.connections}: {row.answer.rate * 1000:,.0f} records/s"
                )
        loads = [load for row in rows for load in (row.answer, *row.floors.values())]
        console.print(f"failed requests: {sum(load.failed for load in loads)}")
        on_schedule(console, rows[CONNECTIONS.index(16)], 10 * seconds)
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
        "floors": {
            name: {
                "requests_per_s": floor.rate,
                "p50_s": floor.p50,
                "p50_ratio": row.p50_ratios[name],
                "rate_ratio": row.rate_ratios[name],
            }
            for name, floor in row.floors.items()
        },
    }


if __name__ == "__main__":
    main()
