"""A file in parts that can be read apart: ranges of bytes of a CSV file, row groups of a Parquet file.

The parts of a CSV file begin and end where rows do, by the rules that Arrow parses by: a quote opens a cell
only at its beginning, and a line break within quotes ends no row.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from io import SEEK_CUR, SEEK_SET, RawIOBase
from pathlib import PurePath
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from goldenpath.tables.endings import compression, is_parquet
from goldenpath.tables.reader import Chunk, csv_chunks, csv_header, opened, parquet_chunks, read_chunks
from goldenpath.tables.sources import is_remote

Worked = TypeVar("Worked")

SCANNED = 4 * 2**20  # bytes that are looked at together
QUOTE, COMMA, NEWLINE, RETURN = b'",\n\r'
ROW_BYTES = 100  # about what a row of Parquet takes in a CSV file


@dataclass(frozen=True)
class FilePart:
    "Some rows of one file; `start` 0 and `end` 0 are the whole of it."

    file: str
    start: int = 0  # first byte, or first row group
    end: int = 0  # behind the last one

    def __str__(self) -> str:
        name = PurePath(self.file).name
        if not self.end:
            return name
        if is_parquet(self.file):
            return f"{name}, row groups {self.start:,} to {self.end - 1:,}"
        return f"{name}, bytes {self.start:,} to {self.end:,}"


def file_parts(
    file: str,
    size: int,  # bytes of a part, at least; of Parquet, what they would take as CSV
) -> list[FilePart]:
    "Divide a file; a compressed or remote one is one part. Raises BadInput as `read_chunks` does."
    if compression(file) or is_remote(file):
        return [FilePart(file)]
    with opened(file) as stream:
        ends = _group_ends(stream, size) if is_parquet(file) else list(row_ends(stream, size))
    starts = [0, *ends[:-1]]
    return [FilePart(file, start, end) for start, end in zip(starts, ends, strict=True)] or [FilePart(file)]


def read_part(part: FilePart, needed: tuple[str, ...] = ()) -> Generator[Chunk, None, None]:
    "Stream the rows of a part, numbered from 1 within it. Raises BadInput as `read_chunks` does."
    if not part.end:
        yield from read_chunks(part.file, needed)
        return
    with opened(part.file) as stream:
        if is_parquet(part.file):
            yield from parquet_chunks(stream, part.file, list(range(part.start, part.end)))
            return
        header = b"" if part.start == 0 else csv_header(stream)
        yield from csv_chunks(FileSlice(stream, header, part.start, part.end), part.file)


def work_on_part(
    part: FilePart,
    work: Callable[[Chunk], Worked],
    needed: tuple[str, ...] = (),
) -> list[Worked]:
    "Read a part and work on each of its chunks."
    return [work(chunk) for chunk in read_part(part, needed)]


def _group_ends(stream: Any, size: int) -> list[int]:
    "Row groups behind which a part ends: (m,) increasing, the last one is the number of groups."
    metadata = pa.parquet.ParquetFile(stream).metadata
    ends, rows = [], 0
    for group in range(metadata.num_row_groups):
        rows += metadata.row_group(group).num_rows
        if rows * ROW_BYTES >= size or group == metadata.num_row_groups - 1:
            ends.append(group + 1)
            rows = 0
    return ends


def row_ends(stream: Any, size: int) -> Iterator[int]:
    "Yield places in a CSV file, about `size` bytes apart, at which a row ends; the last is its end."
    header, quotes = len(csv_header(stream)), Quotes()
    stream.seek(header)
    at, wanted, last = header, max(size, header), 0
    while block := stream.read(SCANNED):
        data = np.frombuffer(block, np.uint8)
        turns = quotes.turns(data)
        while wanted < at + len(data):
            end = _row_end(data, turns, quotes.began_inside, max(wanted - at, 0))
            if end is None:
                break
            last = at + end
            yield last
            wanted = last + size
        at += len(data)
    if at > last:
        yield at


def _row_end(data: NDArray[np.uint8], turns: NDArray[np.intp], inside: bool, start: int) -> int | None:
    "Find the first line break from `start` on that is not within quotes; return the place behind it."
    breaks = np.flatnonzero(data[start:] == NEWLINE) + start
    free = (np.searchsorted(turns, breaks) + inside) % 2 == 0
    return int(breaks[free.argmax()]) + 1 if free.any() else None


class Quotes:
    "Where quoted text begins and ends, block by block."

    def __init__(self) -> None:
        self.began_inside = False  # of the block that was looked at last
        self._inside, self._before, self._closed = False, NEWLINE, False

    def turns(self, data: NDArray[np.uint8]) -> NDArray[np.intp]:
        "Return the places (m,) in a block at which quoted text begins or ends, in turn."
        self.began_inside = self._inside
        places = np.flatnonzero(data == QUOTE)
        opening = places[1:] if self._inside else places
        opening = opening[::2]
        before = data[opening - 1]
        if len(opening) and opening[0] == 0:
            before[0] = QUOTE if self._closed else self._before
        usual = np.isin(before, (COMMA, NEWLINE, RETURN, QUOTE))
        lone = len(opening) and opening[0] == 0 and self._before == QUOTE and not self._closed
        if not usual.all() or lone:
            places = self._one_by_one(data, places)
        self._inside = bool((len(places) + self.began_inside) % 2)
        closed_last = len(places) > 0 and places[-1] == len(data) - 1
        self._closed = bool(closed_last and not self._inside)
        self._before = int(data[-1])
        return places

    def _one_by_one(self, data: NDArray[np.uint8], places: NDArray[np.intp]) -> NDArray[np.intp]:
        "Leave out quotes within a cell that began without one: they are text."
        inside, closed, kept = self._inside, -1 if self._closed else -2, []
        for place in places.tolist():
            before = data[place - 1] if place else self._before
            if inside:
                inside, closed = False, place
            elif closed == place - 1 or before in (COMMA, NEWLINE, RETURN):
                inside = True
            else:
                continue
            kept.append(place)
        return np.array(kept, dtype=np.intp)


class FileSlice(RawIOBase):
    "A file that consists of a header, and of a range of bytes of another file."

    def __init__(self, stream: Any, header: bytes, start: int, end: int) -> None:
        self._stream, self._header, self._start, self._end = stream, header, start, end
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        base = {SEEK_SET: 0, SEEK_CUR: self._at}.get(whence, len(self))
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def __len__(self) -> int:
        return len(self._header) + self._end - self._start

    def read(self, size: int = -1) -> bytes:
        stop = len(self) if size < 0 else min(self._at + size, len(self))
        data = self._header[self._at : stop]
        if (begin := max(self._at, len(self._header))) < stop:
            self._stream.seek(self._start + begin - len(self._header))
            data += self._stream.read(stop - begin)
        self._at += len(data)
        return data
