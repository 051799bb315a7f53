"""How the commands speak: results on stdout, progress and errors on stderr, paths short enough to copy."""

import os
import sys
from pathlib import Path

from rich.console import Console, RenderableType
from rich.table import Table

from goldenpath.rails.pipeline import Outcome, again
from goldenpath.rails.pipelines.executed import Step


def show(what: RenderableType, err: bool = False) -> None:
    "Print on a terminal as wide as it is; elsewhere 110 columns, so that a log does not break tables."
    stream = sys.stderr if err else sys.stdout
    Console(file=stream, width=None if stream.isatty() else 110, highlight=False).print(what)


def say(text: str) -> None:
    "One line of progress on stderr, as it is."
    print(text, file=sys.stderr, flush=True)


def table(title: str, *columns: str, numbers: tuple[str, ...] = ()) -> Table:
    "A table whose `numbers` columns stand to the right."
    made = Table(title=title, title_justify="left")
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in numbers else "left",
            overflow="fold",
            no_wrap=column == "run",  # an id is there to be copied
        )
    return made


def near(path: Path) -> str:
    "The path from here where that is shorter: what JupyterLab opens, and what one copies."
    return min(str(path), os.path.relpath(path), key=len)


class Progress:
    "A line for each step: what runs now (on a terminal only), and what it took when it is done."

    def __init__(self, steps: list[str]) -> None:
        self._places = {name: place for place, name in enumerate(steps, 1)}
        self._width = max(map(len, steps), default=0)

    def __call__(self, step: Step) -> None:
        place = f"[{self._places.get(step.name, '?')}/{len(self._places)}]"
        line = f"{place} {step.name:{self._width}}"
        if step.status == "running":
            self._running(line)
        else:
            status = "" if step.status == "done" else step.status
            say(f"{self._clear()}{line} {step.seconds:6.1f} s  {status}".rstrip())

    def _running(self, line: str) -> None:
        if sys.stderr.isatty():
            print(f"{line}      ...", end="", file=sys.stderr, flush=True)

    def _clear(self) -> str:
        return "\r\x1b[K" if sys.stderr.isatty() else ""


def tell_failure(outcome: Outcome) -> None:
    "Which cell, what it said, where to look, how to run it again."
    failure = outcome.failure
    assert failure is not None
    say(f"error: {failure.step} failed in cell [{failure.cell}]: {failure.kind}: {failure.message}")
    if failure.origin:
        say(f"  written in         {failure.origin}")
    say(f"  executed notebook  {near(failure.file)}")
    say(f"  as a page          {near(failure.file.with_suffix('.html'))}")
    say(f"  run it again       {again(failure, outcome.run)}")
