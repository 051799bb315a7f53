"""Fewer rows of a Parquet file, or as many as wanted of a stream, written as training rows are."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from goldenpath.schema.contract import Contract
from goldenpath.tables.reader import Chunk
from goldenpath.tables.triage import needed_frame
from goldenpath.tables.writer import as_table, parquet_schema
from goldenpath.volume import faults

if TYPE_CHECKING:
    import pandas as pd

SPREAD = 10  # of a file that a sample is taken from, at least


def number_of_rows(file: Path) -> int:
    "Return the number of rows of a Parquet file, by its footer."
    return int(pq.read_metadata(file).num_rows)


def first_rows(file: Path, number: int) -> "pd.DataFrame":
    "Read the first rows of a Parquet file; the row groups behind them are not read. Raises VolumeFault."
    with faults(file), pq.ParquetFile(file) as source:
        held = np.cumsum([source.metadata.row_group(g).num_rows for g in range(source.num_row_groups)])
        groups = range(min(int(np.searchsorted(held, number)) + 1, len(held)))
        rows: pd.DataFrame = source.read_row_groups(list(groups)).slice(0, number).to_pandas()
    return rows


def sample_file(file: Path, sample: Path, number: int, seed: int) -> None:
    "Write rows of a Parquet file, drawn at random from row groups that are drawn at random."
    source, random = pq.ParquetFile(file), np.random.default_rng(seed)
    groups = random.permutation(source.num_row_groups)
    held = np.cumsum([source.metadata.row_group(group).num_rows for group in groups])
    enough = max(int(np.searchsorted(held, number)) + 1, SPREAD)
    table = source.read_row_groups(sorted(groups[:enough].tolist()))
    places = np.sort(random.choice(table.num_rows, number, replace=False))
    pq.write_table(table.take(places), sample)


def write_clean(
    chunks: Iterable[Chunk],
    contract: Contract,
    file: Path,
    number: int,  # of rows; fewer if the chunks hold fewer
) -> None:
    "Write the clean rows of chunks whose outcome is known, until there are enough."
    names = {*(field.name for field in contract.fields), contract.target.column, contract.spec.weight}
    with ExitStack() as stack:
        writer = None
        for chunk in chunks:
            frame = needed_frame(chunk, names)
            clean = contract.check(frame[contract.outcome_known(frame)]).clean[:number]
            schema = parquet_schema(clean)
            writer = writer or stack.enter_context(pq.ParquetWriter(file, schema))
            writer.write_table(as_table(clean, schema))
            number -= len(clean)
            if not number:
                break
