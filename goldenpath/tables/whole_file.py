"""Write a table so that it appears only when it is complete: beside its place first, then renamed onto it."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from goldenpath.errors import BadInput, VolumeFault
from goldenpath.tables.rowhash import as_text

WRITERS = {".csv": pa.csv.CSVWriter, ".parquet": pa.parquet.ParquetWriter}


@contextmanager
def whole_table(
    path: Path,  # ends in .csv or .parquet
    schema: pa.Schema,
) -> Iterator[Callable[[pa.RecordBatch], None]]:  # takes the batches in order
    """Stream record batches into one file, which replaces `path` at the end or never.

    Raises BadInput for another ending, VolumeFault where the folder cannot be written or is full.
    """
    is_csv = ending(path) == ".csv"
    schema = pa.schema([_as_printed(column) for column in schema]) if is_csv else schema
    with _whole_file(path) as partial, WRITERS[ending(path)](partial, schema) as writer:
        yield lambda batch: writer.write_batch(_fitting(batch, schema))


def ending(path: Path) -> str:
    "Return the file's ending, which is its format. Raises BadInput if the format cannot be written."
    if path.suffix not in WRITERS:
        raise BadInput(f"{path} ends in '{path.suffix}'; tables are written as .csv or .parquet")
    return path.suffix


@contextmanager
def _whole_file(path: Path) -> Iterator[Path]:
    "Yield a name beside `path`; what is written there becomes `path`, or is removed after an error."
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        _flush(partial)
        partial.replace(path)
    except OSError as fault:
        raise VolumeFault(f"{path} cannot be written: {fault.strerror or fault}") from None
    finally:
        with suppress(OSError):  # renamed away, or its folder was never there
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
