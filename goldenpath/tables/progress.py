"""Show how far long work is: a bar on a terminal, a plain line now and then in notebooks and logs."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from goldenpath.text.durations import seconds_in_words
from goldenpath.text.plain import one_line, say

if TYPE_CHECKING:
    from goldenpath.tables.reader import Chunk

Item = TypeVar("Item")

EVERY = 10.0  # seconds between two lines where there is no terminal


class Standing(NamedTuple):
    "How far work is after an item."

    part: str  # what `share` is of: a file's name, or empty if it is of all
    where: str  # in words
    share: float  # 0 to 1
    rows: int  # of this item


def shown(
    chunks: "Iterable[Chunk]",  # in order of their files
    doing: str,  # what is done to them, such as "reading"
    tell: Callable[[str], None] | None = None,  # takes a line now and then; None: stderr, a terminal's bar
) -> "Iterator[Chunk]":
    "Hand the chunks on, and show which file is worked on, how far it is, and how fast."

    def standing(chunk: "Chunk") -> Standing:
        name = one_line(chunk.file.rpartition("/")[2])
        return Standing(name, name, chunk.done, len(chunk.rows))

    return _shown(chunks, doing, standing, tell)


def shown_files(
    results: Iterable[tuple[int, Item]],  # place of a file, and what became of it
    doing: str,
    sizes: Sequence[float],  # of the files, in any unit
    rows_of: Callable[[Item], int],
) -> Iterator[tuple[int, Item]]:
    "Hand results on as files are done, in any order, and show how far all of them are, and how fast."
    done: list[float] = []

    def standing(result: tuple[int, Item]) -> Standing:
        done.append(sizes[result[0]])
        share = sum(done) / sum(sizes) if all(sizes) else len(done) / len(sizes)
        return Standing("", f"{len(done):,} of {len(sizes):,} files", share, rows_of(result[1]))

    return _shown(results, doing, standing, None)


def silent(line: str) -> None:
    "Show nothing."


def _shown(
    items: Iterable[Item],
    doing: str,
    standing: Callable[[Item], Standing],
    tell: Callable[[str], None] | None,
) -> Iterator[Item]:
    if tell is None and sys.stderr.isatty():
        return _as_bar(items, doing, standing)
    return _as_lines(items, doing, standing, tell or say)


def _as_bar(items: Iterable[Item], doing: str, standing: Callable[[Item], Standing]) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[pace]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task, pace = progress.add_task(doing, total=1.0, pace=""), Pace()
        for item in items:
            yield item
            now = standing(item)
            words = pace.after(now)
            progress.update(task, description=f"{doing} {now.where}", completed=now.share, pace=words)


def _as_lines(
    items: Iterable[Item], doing: str, standing: Callable[[Item], Standing], tell: Any
) -> Iterator[Item]:
    pace, last = Pace(), time.monotonic()
    for item in items:
        yield item
        now = standing(item)
        words = pace.after(now)
        if time.monotonic() - last > EVERY:
            last = time.monotonic()
            tell(f"{doing} {now.where}: {now.share:.0%}, {words}")


class Pace:
    "How fast work goes, and how long it will take."

    def __init__(self) -> None:
        self._rows, self._part = 0, ""
        self._begun = self._part_begun = self._last = time.monotonic()

    def after(self, now: Standing) -> str:
        "Return rows, rows per second and the time that is left, in words."
        if now.part != self._part:
            self._part, self._part_begun = now.part, self._last
        self._last = time.monotonic()
        self._rows += now.rows
        words = f"{self._rows:,} rows, {self._rows / max(self._last - self._begun, 1e-9):,.0f}/s"
        if now.share > 0:
            left = (self._last - self._part_begun) * (1 - now.share) / now.share
            words += f", {seconds_in_words(left)} left{' in this file' if now.part else ''}"
        return words


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
