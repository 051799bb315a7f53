"""How the commands speak: results on stdout, progress and errors on stderr, paths short enough to copy."""

import os
import shutil
import sys
from pathlib import Path

from rich.console import Console, RenderableType

from goldenpath.cluster.invocation import INVOCATION
from goldenpath.cluster.run import RunOutcome, again
from goldenpath.registry.retention import Plan
from goldenpath.runs.executed import StepProgress
from goldenpath.text.plain import one_line, put, say
from goldenpath.text.text_table import TextTable, styled

__all__ = ["Progress", "near", "put", "say", "show", "styled", "table", "tell_failure", "tell_plan"]

CLEAR = "\r\x1b[K"  # the line, on a terminal
LINE_EVERY = 30.0  # seconds between two lines about a running step in a log


def show(what: RenderableType, err: bool = False) -> None:
    "Print on a terminal as wide as it is; elsewhere 110 columns, so that a log does not break tables."
    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else 110
    Console(file=stream, width=width, highlight=False, markup=False, emoji=False).print(what)


def table(title: str, *columns: str, numbers: tuple[str, ...] = ()) -> TextTable:
    "Make a table with its `numbers` columns aligned to the right."
    made = TextTable(title, title_justify="left")
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in numbers else "left",
            overflow="fold",
            no_wrap=column == "run",  # an id is there to be copied
        )
    return made


def near(path: Path) -> str:
    "Return the path relative to the working folder if that is shorter."
    return min(str(path), os.path.relpath(path), key=len)


class Progress:
    """A line for each step: what it took when it is done, and before that how far it is.

    A terminal shows the running step in one line that is written again and again; elsewhere, as in a log,
    there is a line every half minute.
    """

    def __init__(self, steps: list[str]) -> None:
        self._places = {name: place for place, name in enumerate(steps, 1)}
        self._width = max(map(len, steps), default=0)
        self._terminal = sys.stderr.isatty()
        self._said: dict[str, int] = {}  # half minutes that were already said, by step

    def __call__(self, step: StepProgress) -> None:
        place = f"[{self._places.get(step.name, '?')}/{len(self._places)}]"
        line = f"{place} {step.name:{self._width}} {step.seconds:6.1f} s  "
        if step.status == "running":
            self._running(step, f"{line}{step.doing or '...'}")
        else:
            if self._terminal:
                print(CLEAR, end="", file=sys.stderr)
            say(f"{line}{'' if step.status == 'done' else step.status}".rstrip())

    def _running(self, step: StepProgress, line: str) -> None:
        halves = int(step.seconds // LINE_EVERY)
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"{CLEAR}{one_line(line)[:width]}", end="", file=sys.stderr, flush=True)
        elif halves > self._said.get(step.name, 0):
            self._said[step.name] = halves
            say(line)


def tell_failure(outcome: RunOutcome) -> None:
    "Which cell, what it said, where to look, how to run it again."
    failure = outcome.failure
    assert failure is not None
    say(f"error: {failure.step} failed in cell [{failure.cell}]: {failure.kind}: {failure.message}")
    if failure.origin:
        say(f"  written in         {failure.origin}")
    say(f"  executed notebook  {near(failure.file)}")
    say(f"  as a page          {near(failure.file.with_suffix('.html'))}")
    say(f"  with its inputs    goldenpath debug {outcome.run.name}")
    say(f"  run it again       {again(failure, outcome)}")
    if (outcome.run / INVOCATION).is_file():
        say(f"  resume after a fix goldenpath run --resume {outcome.run.name}")


def tell_plan(plan: Plan, done: bool) -> None:
    "One line for each thing."
    lines = [f"{'moved' if done else 'move'} aside: {name}" for name in plan.aside]
    lines += [f"{'brought' if done else 'bring'} back: {name}" for name in plan.back]
    lines += [
        f"{'deleted' if done else 'delete'}: {item.name}, aside since {item.since:%Y-%m-%d}"
        for item in plan.gone
    ]
    deleted = {item.name for item in plan.gone}
    swept = [path for path in plan.attachments if path.name not in deleted]
    lines += [f"{'swept' if done else 'sweep'}: {near(path)}" for path in (*swept, *plan.litter)]
    for line in lines:
        put(line)
    if plan.empty:
        say("nothing to do")
    elif not done:
        say("this was a dry run; --yes does it")
