"""What keeping feedback costs: one server for each value of the setting, measured in turns.

What else happens on the machine hits all of them, so a ratio is the median over the turns. One worker on one
core, wrk on the other. `python -m benchmarks.feedback`.
"""

import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.load import Load, wrk
from benchmarks.scenarios import Scenario, scenarios
from benchmarks.serving import WIDTH, middle, serve
from goldenpath.measure.stopwatch import in_words

OFF = "off"
GOALS = {
    OFF: 1.0,
    "counts": 0.97,
    "scores": 0.95,
    "records": 0.92,
}  # least share of the rate without feedback
MOST_MEMORY = 10e6  # bytes more than without


def measure(scenario: Scenario, connections: int, turns: int, seconds: int) -> tuple[Table, bool]:
    "Load the servers in turns; the table, and whether each reaches its goal."
    with ExitStack() as stack:
        servers = {
            mode: stack.enter_context(
                serve(replace(scenario, settings={**scenario.settings, "feedback": mode}))
            )
            for mode in GOALS
        }
        loads: dict[str, list[Load]] = {mode: [] for mode in GOALS}
        for _ in range(turns):
            for mode, server in servers.items():
                loads[mode].append(wrk(f"{server.url}{scenario.path}", scenario.bodies, connections, seconds))
        memory = {mode: server.memory() for mode, server in servers.items()}
    return as_table(scenario, connections, loads, memory)


def as_table(
    scenario: Scenario, connections: int, loads: dict[str, list[Load]], memory: dict[str, int]
) -> tuple[Table, bool]:
    "Every figure, and whether all goals are reached."
    table, reached = Table(title=f"{scenario.name}, {connections} connections, one worker on one core"), True
    for name in ("feedback", "requests/s", "of off (quartiles)", "p50", "p99", "failed", "memory", "goal"):
        table.add_column(name, justify="left" if name == "feedback" else "right")
    for mode, goal in GOALS.items():
        ratios = [load.rate / off.rate for load, off in zip(loads[mode], loads[OFF], strict=True)]
        low, ratio, high = statistics.quantiles(ratios, n=4)
        load, more = middle(loads[mode]), memory[mode] - memory[OFF]
        good = ratio >= goal and more <= MOST_MEMORY and not load.failed
        reached &= good
        table.add_row(
            mode,
            f"{load.rate:,.0f}",
            f"{ratio:.3f} ({low:.3f} to {high:.3f})",
            in_words(load.p50),
            in_words(load.p99),
            str(load.failed),
            f"{more / 1e6:+.1f} MB",
            f">= {goal}: {'yes' if good else 'NO'}",
        )
    return table, reached


@click.command()
@click.option(
    "--turns", default=15, show_default=True, help="Times that each server is measured, at least 2."
)
@click.option("--seconds", default=1, show_default=True, help="Length of one measurement.")
@click.option("--connections", default=16, show_default=True)
@click.option("--only", default="/predict, memo off", show_default=True, help="Part of the scenarios' names.")
def main(turns: int, seconds: int, connections: int, only: str) -> None:
    "Measure what the setting `feedback` costs."
    console = Console(width=max(WIDTH, Console().width))
    with tempfile.TemporaryDirectory() as name:
        console.print("training both projects (a minute or two) ...")
        tables = [
            measure(scenario, connections, turns, seconds)
            for scenario in scenarios(Path(name))
            if only in scenario.name
        ]
        for table, _ in tables:
            console.print(table)
    sys.exit(not all(reached for _, reached in tables))


if __name__ == "__main__":
    main()
