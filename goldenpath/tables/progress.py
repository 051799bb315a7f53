"""Show how far long work is: a bar on a terminal, a plain line now and then in notebooks and logs."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from goldenpath.text.plain import one_line, say

if TYPE_CHECKING:
    from goldenpath.tables.reader import Chunk

Item = TypeVar("Item")

EVERY = 10.0  # seconds between two lines where there is no terminal


def shown(
    chunks: "Iterable[Chunk]",  # in order of their files
    doing: str,  # what is done to them, such as "reading"
    tell: Callable[[str], None] | None = None,  # takes a line now and then; None: stderr, a terminal's bar
) -> "Iterator[Chunk]":
    "Hand the chunks on, and show which file is worked on, how far it is, and how many rows."
    if tell is None and sys.stderr.isatty():
        return _as_bar(chunks, doing)
    return _as_lines(chunks, doing, tell or say)


def _as_bar(chunks: "Iterable[Chunk]", doing: str) -> "Iterator[Chunk]":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task, rows = progress.add_task(doing, total=1.0, rows=0), 0
        for chunk in chunks:
            yield chunk
            rows += len(chunk.rows)
            progress.update(task, description=f"{doing} {_name(chunk)}", completed=chunk.done, rows=rows)


def _as_lines(chunks: "Iterable[Chunk]", doing: str, tell: Callable[[str], None]) -> "Iterator[Chunk]":
    rows, last = 0, time.monotonic()
    for chunk in chunks:
        yield chunk
        rows += len(chunk.rows)
        if time.monotonic() - last > EVERY:
            last = time.monotonic()
            tell(f"{doing} {_name(chunk)}: {chunk.done:.0%} of the file, {rows:,} rows so far")


def _name(chunk: "Chunk") -> str:
    return one_line(chunk.file.rpartition("/")[2])


def counted(
    items: Sequence[Item],
    doing: str,  # what is done to them, such as "deleting"
) -> Iterator[Item]:
    "Hand the items on, and show on stderr how many of them are done."
    return _counted_as_bar(items, doing) if sys.stderr.isatty() else _counted_as_lines(items, doing)


def _counted_as_bar(items: Sequence[Item], doing: str) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    doing_column = TextColumn("{task.description}", markup=False)
    columns = (doing_column, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(items, description=one_line(doing))


def _counted_as_lines(items: Sequence[Item], doing: str) -> Iterator[Item]:
    last = time.monotonic()
    for done, item in enumerate(items):
        if time.monotonic() - last > EVERY:
            last = time.monotonic()
            say(f"{doing}: {done:,} of {len(items):,}")
        yield item
