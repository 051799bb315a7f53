"""Text columns of Parquet read as they are stored: each value once, and where it stands.

Batches are put together until they are worth their overhead, because each ends with a row group of its file.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

ROWS_TOGETHER = 262_144  # of a batch, unless they are wide
BYTES_TOGETHER = 64 * 2**20  # of a batch, unpacked
MOST_PER_CODE = 4  # bytes of a cell, on average, of which a column is stored as codes rather than as texts


def coded_columns(
    parquet: Any,  # pyarrow.parquet.ParquetFile
) -> list[str]:
    "Name the text columns that are stored by their distinct values, as the first row group shows."
    if not parquet.metadata.num_row_groups:
        return []
    group = parquet.metadata.row_group(0)
    parts = map(group.column, range(group.num_columns))
    coded = {part.path_in_schema for part in parts if _is_coded(part, group.num_rows)}
    return [column.name for column in parquet.schema_arrow if column.name in coded and _is_text(column.type)]


def _is_coded(part: Any, rows: int) -> bool:
    return bool(part.has_dictionary_page and part.total_uncompressed_size < MOST_PER_CODE * rows)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def rows_together(
    metadata: Any,  # pyarrow.parquet.FileMetaData
) -> int:
    "Return how many rows a batch of this file may have, so that wide rows stay within memory."
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    width = sum(group.total_byte_size for group in groups) / max(metadata.num_rows, 1)
    return max(1, min(ROWS_TOGETHER, int(BYTES_TOGETHER / max(width, 1))))


def joined_batches(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    "Put batches together until they have so many rows; equal values have one code in each result."
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(part.num_rows for part in held) >= rows:
            yield _in_one(held)
            held = []
    if held:
        yield _in_one(held)


def _in_one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    table = pa.Table.from_batches(batches).unify_dictionaries()
    columns = [column.combine_chunks() for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, names=table.schema.names)
