"""The rows of a source, read, checked and hashed by the workers of an engine, part by part."""

import time
from collections.abc import Callable, Iterator
from functools import partial

from goldenpath.compute.engine import Compute
from goldenpath.tables.parts import FilePart, file_parts, work_on_part
from goldenpath.tables.progress import EVERY
from goldenpath.tables.reader import Chunk
from goldenpath.tables.sources import find_files
from goldenpath.tables.writer import SortedTables

_MEGABYTE = 2**20


def sorted_apart(
    compute: Compute,
    source: str,  # a file, a folder, a glob or a URL, which the workers reach under the same name
    needed: tuple[str, ...],  # columns that each file must have
    sort: Callable[[Chunk], SortedTables],
    part_mb: int,  # megabytes of a part
    tell: Callable[[str], None],
) -> Iterator[SortedTables]:
    """Yield what was sorted, in the order of the files and of their rows.

    Raises BadInput as `read_source` does, WorkersLost.
    """
    parts = [part for file in find_files(source) for part in file_parts(file, part_mb * _MEGABYTE)]
    work = partial(work_on_part, work=sort, needed=needed)
    file, offset, rows, last = "", 0, 0, time.monotonic()
    tell(f"reading {source} on the workers, in {len(parts):,} part{'s' if len(parts) > 1 else ''}")
    for done, (part, pieces) in enumerate(zip(parts, compute.map(work, parts, tell=tell), strict=True), 1):
        file, offset = (part.file, 0) if part.file != file else (file, offset)
        for piece in pieces:
            yield piece.numbered_from(offset)
        read = sum(piece.tally.read for piece in pieces)
        offset, rows = offset + read, rows + read
        if time.monotonic() - last > EVERY:
            last = time.monotonic()
            tell(f"reading {FilePart(file)}: {done:,} of {len(parts):,} parts, {rows:,} rows so far")
