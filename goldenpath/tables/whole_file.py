"""Write a table so that it appears only when it is complete: beside its place first, then renamed onto it."""

import glob
import os
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from goldenpath.errors import BadInput, VolumeFault
from goldenpath.tables.rowhash import as_text

ABANDONED_SECONDS = 600.0  # in which a process that is alive has written something
ENDINGS = (".csv", ".parquet")
STORED_SCHEMA = "ARROW:schema"  # the key under which Arrow looks for the types of a Parquet file's columns


@contextmanager
def whole_table(
    path: Path,  # ends in .csv or .parquet
    schema: pa.Schema,
    texts: Collection[str] = (),  # columns that are codes in the batches, and text for the file's readers
) -> Iterator[Callable[[pa.RecordBatch], None]]:  # takes the batches in order
    """Stream record batches into one file, which replaces `path` at the end or never.

    In Parquet each batch is a row group. Raises BadInput for another ending, VolumeFault where the folder
    cannot be written or is full.
    """
    writes = _csv_rows if ending(path) == ".csv" else _parquet_rows
    with _whole_file(path) as partial, writes(partial, schema, texts) as write:
        yield write


@contextmanager
def _csv_rows(
    file: Path, schema: pa.Schema, texts: Collection[str]
) -> Iterator[Callable[[pa.RecordBatch], None]]:
    schema = pa.schema([_as_printed(column) for column in schema])
    with pa.csv.CSVWriter(file, schema) as writer:
        yield lambda batch: writer.write_batch(_fitting(batch, schema))


@contextmanager
def _parquet_rows(
    file: Path, schema: pa.Schema, texts: Collection[str]
) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Write codes as codes, which takes half as long as writing texts.

    The lowest and highest text of a column are left out: to find them took as long as all the rest.
    """
    shown = pa.schema([pa.field(c.name, pa.string()) if c.name in texts else c for c in schema])
    coded = [column.name for column in schema if pa.types.is_dictionary(column.type)]
    others = [column.name for column in schema if column.name not in coded]
    writer = pa.parquet.ParquetWriter(file, schema, store_schema=False, write_statistics=others)
    with writer:
        writer.add_key_value_metadata({STORED_SCHEMA: b64encode(shown.serialize()).decode()})

        def write(batch: pa.RecordBatch) -> None:
            if batch.num_rows:
                writer.write_table(pa.Table.from_batches([_fitting(batch, schema)]), batch.num_rows)

        yield write


def ending(path: Path) -> str:
    "Return the file's ending, which is its format. Raises BadInput if the format cannot be written."
    if path.suffix not in ENDINGS:
        raise BadInput(f"{path} ends in '{path.suffix}'; tables are written as .csv or .parquet")
    return path.suffix


@contextmanager
def _whole_file(path: Path) -> Iterator[Path]:
    "Yield a name beside `path`; what is written there becomes `path`, or is removed after an error."
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        yield partial
        _flush(partial)
        partial.replace(path)
    except OSError as fault:
        raise VolumeFault(f"{path} cannot be written: {fault.strerror or fault}") from None
    finally:
        with suppress(OSError):  # renamed away, or its folder was never there
            partial.unlink()


def _sweep(path: Path) -> None:
    "Remove what was left here by a process that was killed, once it has not grown for a while."
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        with suppress(OSError):
            if partial.lstat().st_mtime < time.time() - ABANDONED_SECONDS:
                partial.unlink()


def _flush(path: Path) -> None:
    "On disk before it is renamed: a rename that survives a crash must not name an empty file."
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _as_printed(column: pa.Field) -> pa.Field:
    "Return the column's type in a CSV file: text if Arrow doesn't print it (categories, lists, bytes)."
    is_plain = pa.types.is_primitive(column.type) or pa.types.is_string(column.type)
    return column if is_plain else pa.field(column.name, pa.string())


def _fitting(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    "Convert the batch to the writer's types."
    return pa.RecordBatch.from_arrays(
        [_cast(column, kind) for column, kind in zip(batch.columns, schema.types, strict=True)], schema=schema
    )


def _cast(column: Any, kind: Any) -> Any:
    return column if column.type == kind else as_text(column).cast(kind)
