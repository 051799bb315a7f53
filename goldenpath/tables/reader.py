"""Read CSV and Parquet files of any size, from a path or a URL, as a stream of record batches.

Each problem of a file is a BadInput of one line that names the file and the fix; it never repeats
the content of a row.
"""

import csv
import io
import lzma
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from goldenpath.errors import BadInput
from goldenpath.tables.ahead import read_ahead
from goldenpath.tables.coded import coded_columns, joined_batches, rows_together
from goldenpath.tables.endings import compression, is_parquet
from goldenpath.tables.file_kind import refuse_other_kind
from goldenpath.tables.sources import find_files, first_line, is_remote, place_named
from goldenpath.text.spelling import nearest_word

CSV_BLOCK = 8 * 2**20  # bytes of CSV that are parsed at a time
LEVELS = pa.dictionary(pa.int32(), pa.string())  # of a CSV column: each value once, and where it stands
MEASURED_ROWS = 500  # of a batch, for the progress
BATCH = 65_536  # rows of Parquet that are read at a time
DEFINED_IN = "notebooks/01_contract.ipynb"
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
BROKEN = (pa.ArrowInvalid, OSError, EOFError, UnicodeDecodeError, zlib.error, lzma.LZMAError, BadZipFile)


@dataclass(frozen=True)
class Chunk:
    "Some rows of one file, as written there; column names are stripped."

    file: str
    rows: NDArray[
        np.int64
    ]  # (n,) number of each row in its file, counted from 1, header and blank lines aside
    batch: pa.RecordBatch  # n rows; from a CSV file every column is text, "" where empty
    ragged: tuple[tuple[int, int], ...]  # (row, cells) of the CSV rows that have too few or too many cells
    done: float  # share of the file that is read, 0 to 1
    texts: tuple[str, ...] = ()  # columns that are text in the file, and LEVELS here


def read_columns(file: str) -> tuple[str, ...]:
    "Read the column names of a file, stripped. Raises BadInput as `read_chunks` does."
    with opened(file) as stream:
        names = _parquet_names(stream, file) if is_parquet(file) else _csv_names(stream, file)
    return _stripped(names, file)


def read_chunks(
    file: str,
    needed: tuple[str, ...] = (),  # columns that are required
) -> Generator[Chunk, None, None]:
    """Stream one file in its own order.

    Raises BadInput for a file that is missing, empty, not UTF-8, cut off, lacks a column or has one twice.
    """
    names, chunks = (_parquet_names, parquet_chunks) if is_parquet(file) else (_csv_names, csv_chunks)
    with opened(file) as stream:
        require_columns(file, _stripped(names(stream, file), file), needed)
        yield from chunks(stream, file)


def read_source(
    source: str,  # a file, a folder, a glob or a URL
    needed: tuple[str, ...],  # columns that each file must have
) -> Iterator[Chunk]:
    "Stream the rows of all files behind a source, in order of their names. Raises as `read_chunks` does."
    yield from read_ahead(chunk for file in find_files(source) for chunk in read_chunks(file, needed))


def as_strings(batch: pa.RecordBatch) -> pa.RecordBatch:
    "Return the same rows with text as plain strings, which a file or a frame of its own is made of."
    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def require_headers(source: str, needed: tuple[str, ...]) -> None:
    "Look into the headers of all files. Raises BadInput for a missing column; remote files are not fetched."
    for file in find_files(source):
        if not is_remote(file):
            require_columns(file, read_columns(file), needed)


def require_columns(file: str, header: tuple[str, ...], needed: tuple[str, ...]) -> None:
    "Check that the columns exist. Raises BadInput that names the first missing one and a likely cause."
    missing = next((name for name in needed if name not in header), None)
    if missing is None:
        return
    if len(header) == 1 and (sign := next((sign for sign in DELIMITERS if sign in header[0]), None)):
        raise BadInput(
            f"{file}: columns seem to be separated by {DELIMITERS[sign]}; save the file with commas"
        )
    close = nearest_word(missing, header)
    hint = f"did you mean '{close}'?" if close else f"found {', '.join(header[:12])}"
    raise BadInput(f"{file}: column '{missing}' is missing ({hint}); see {DEFINED_IN}")


@contextmanager
def opened(file: str) -> Iterator[Any]:
    "Open a file for reading; a remote one is fetched to disk first, because Parquet has to seek."
    with ExitStack() as stack:
        with place_named(file):
            local = _fetched(file, stack.enter_context(TemporaryDirectory())) if is_remote(file) else file
            packed = stack.enter_context(fsspec.open(local, "rb"))
        refuse_other_kind(packed, file, ".parquet" if is_parquet(file) else compression(file))
        yield packed if is_parquet(file) else stack.enter_context(_unpacked(local, file))


@contextmanager
def _unpacked(local: str, file: str) -> Iterator[Any]:
    with place_named(file):
        unpacked = fsspec.open(local, "rb", compression="infer").open()
    with unpacked as stream:
        if compression(file):
            with _faults_named(file):
                refuse_other_kind(stream, file, "")
        yield stream


def _fetched(url: str, folder: str) -> str:
    filesystem, path = fsspec.core.url_to_fs(url)
    local = Path(folder, Path(url.partition("?")[0]).name)
    filesystem.get_file(path, str(local))
    return str(local)


def _stripped(names: list[str], file: str) -> tuple[str, ...]:
    stripped = tuple(name.strip() for name in names)
    twice = next((name for name in stripped if stripped.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"{file}: column '{twice}' is in the header twice; rename or remove one")
    return stripped


# --- CSV


def _csv_names(stream: Any, file: str) -> list[str]:
    """Read the header alone; the stream is at its beginning again afterwards.

    Arrow gets a copy of the header's bytes: on the stream itself it would keep reading ahead in a thread of
    its own, and move the place at which the rows are read from next.
    """
    with _faults_named(file):
        header = io.BytesIO(csv_header(stream))
        with pa.csv.open_csv(header, parse_options=_parsing(lambda row: "skip")) as reader:
            return list(reader.schema.names)


def csv_header(stream: Any) -> bytes:
    "Return the bytes of the header row, and of blank lines before it; the stream is at its beginning again."
    lines = stream.read(CSV_BLOCK).splitlines(keepends=True)
    stream.seek(0)
    rows = csv.reader(line.decode("latin-1") for line in lines)  # which keeps every byte
    next((row for row in rows if row), None)
    return b"".join(lines[: rows.line_num])


def _parsing(on_ragged_row: Callable[[Any], str]) -> pa.csv.ParseOptions:
    return pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=on_ragged_row)


def csv_chunks(stream: Any, file: str) -> Iterator[Chunk]:
    "Stream the rows of a CSV file, or of a part of one behind its header, numbered from 1."
    names = _csv_names(stream, file)
    stripped, size, last, read = _stripped(names, file), _size(stream, file), 0, 0
    ragged: list[tuple[int, int]] = []

    def skip(row: Any) -> str:
        ragged.append((row.number - 1, row.actual_columns))  # the header is number 1
        return "skip"

    with _faults_named(file), _csv_reader(stream, names, skip) as reader:
        for batch in reader:
            rows, bad = _number_rows(last, batch.num_rows, ragged)
            last = int(rows[-1]) if len(rows) else last
            read += _bytes_of(batch)
            done = min(1.0, read / size) if size else 0.0
            yield Chunk(file, rows, batch.rename_columns(list(stripped)), bad, done, stripped)
    if ragged:  # those after the last good row
        yield Chunk(file, np.empty(0, np.int64), _no_rows(stripped), tuple(ragged), 1.0, stripped)


def _csv_reader(stream: Any, names: list[str], on_ragged_row: Callable[[Any], str]) -> Any:
    "Every column as text, because what a value means is the contract's business."
    return pa.csv.open_csv(
        stream,
        # One thread: only then does Arrow number the rows that it hands to the handler.
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=CSV_BLOCK),
        parse_options=_parsing(on_ragged_row),
        convert_options=pa.csv.ConvertOptions(column_types=dict.fromkeys(names, LEVELS)),
    )


def _number_rows(
    last: int,  # number of the row before this batch
    count: int,  # good rows in this batch
    ragged: list[tuple[int, int]],  # rows that were skipped; those within this batch are taken out
) -> tuple[NDArray[np.int64], tuple[tuple[int, int], ...]]:
    "Numbers of the good rows, and the skipped rows between them: Arrow parses ahead of what it delivers."
    skipped = np.array([row for row, _ in ragged], dtype=np.int64)
    numbers = np.arange(last + 1, last + 1 + count + len(ragged), dtype=np.int64)
    rows = numbers[~np.isin(numbers, skipped)][:count]
    here = int(np.searchsorted(skipped, rows[-1])) if count else 0
    bad = tuple(ragged[:here])
    del ragged[:here]
    return rows, bad


def _no_rows(names: tuple[str, ...]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], pa.schema([(name, LEVELS) for name in names]))


def _bytes_of(batch: pa.RecordBatch) -> int:
    "About what a batch took in its file, judged by its first rows: text and one separator for each cell."
    first = as_strings(batch.slice(0, MEASURED_ROWS))
    offsets = 3 * first.num_rows * first.num_columns  # Arrow has 4 bytes for each, the separator is one
    return int((first.nbytes - offsets) * batch.num_rows / max(first.num_rows, 1))


def _size(stream: Any, file: str) -> int:
    "Bytes to read; 0 if unknown before the file is unpacked."
    if compression(file):
        return 0
    size = stream.seek(0, 2)
    stream.seek(0)
    return int(size)


# --- Parquet


def _parquet_names(stream: Any, file: str) -> list[str]:
    with _faults_named(file):
        return list(pa.parquet.ParquetFile(stream).schema_arrow.names)


def parquet_chunks(
    stream: Any,
    file: str,
    groups: list[int] | None = None,  # row groups to read; None: all
) -> Iterator[Chunk]:
    "Stream the rows of a Parquet file, or of some of its row groups, numbered from 1."
    last = 0
    with _faults_named(file):
        table = pa.parquet.ParquetFile(stream)
        metadata, stripped = table.metadata, _stripped(table.schema_arrow.names, file)
        coded = coded_columns(table)
        texts, most = tuple(name.strip() for name in coded), rows_together(metadata)
        table = pa.parquet.ParquetFile(stream, metadata=metadata, read_dictionary=coded)
        batches = table.iter_batches(min(BATCH, most), row_groups=groups)
        for batch in joined_batches(batches, most):
            rows = np.arange(last + 1, last + 1 + batch.num_rows, dtype=np.int64)
            last += batch.num_rows
            batch = batch.rename_columns(list(stripped))
            yield Chunk(file, rows, batch, (), last / metadata.num_rows, texts)


# --- what can be wrong


@contextmanager
def _faults_named(file: str) -> Iterator[None]:
    "Render Arrow's error as one line that names the file."
    try:
        yield
    except BROKEN as fault:
        raise BadInput(_explain(file, first_line(fault))) from None


def _explain(file: str, fault: str) -> str:
    # Arrow stops at a row of the wrong length only where it cannot hand it over as text.
    if "UTF8" in fault or "utf-8" in fault or "columns, got" in fault:
        return f"{file} is not UTF-8 text; convert it: iconv -f WINDOWS-1252 -t UTF-8"
    if "Empty CSV file" in fault:
        return f"{file} is empty: it has no header and no rows"
    if "straddling" in fault:
        return f"{file} has a row of more than {CSV_BLOCK // 2**20} MB: is a quote opened and never closed?"
    if is_parquet(file):
        return f"{file} is cut off or no Parquet file; copy or write it again ({fault})"
    return f"{file} cannot be read as CSV: {fault}"
