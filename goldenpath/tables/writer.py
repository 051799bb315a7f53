"""Clean rows into one Parquet file for each side of the split, with a tally of what went where."""

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from goldenpath.schema.contract import Contract
from goldenpath.tables.split import SIDES
from goldenpath.tables.suspicions import warn_of_suspicions
from goldenpath.tables.triage import SortedChunk

_REJECTED = pa.schema(
    [("file", pa.string()), ("row", pa.int64())]
    + [(name, pa.string()) for name in ("column", "value", "reason")]
)


def parquet_schema(
    clean: pd.DataFrame,  # any clean frame of the contract
) -> pa.Schema:
    "Return the types on disk, the same for every chunk."
    schema = pa.Schema.from_pandas(clean, preserve_index=False)
    category = pa.dictionary(pa.int32(), pa.string())
    kinds = [category if pa.types.is_dictionary(column.type) else column.type for column in schema]
    return pa.schema(list(zip(schema.names, kinds, strict=True)), metadata=schema.metadata)


@dataclass
class Tally:
    "What was counted on the way through the rows."

    read: int = 0
    set_aside: int = 0
    rejected: int = 0  # rows, not problems
    outcomes: np.ndarray = field(default_factory=lambda: np.zeros((len(SIDES), 2), int))  # (side, outcome)
    broken: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # rows by (column, value, reason)
    hashes: list[list[np.ndarray]] = field(default_factory=lambda: [[] for _ in SIDES])

    def add(self, tidy: SortedChunk, places: np.ndarray) -> None:
        "Count one chunk; `places` is (m,), the position of each row's outcome."
        self.read += tidy.read
        self.set_aside += tidy.set_aside
        self.rejected += tidy.rejected["row"].nunique()
        self.broken.update(tidy.rejected[["column", "value", "reason"]].itertuples(index=False, name=None))
        np.add.at(self.outcomes, (tidy.sides, places), 1)
        for side, hashes in enumerate(self.hashes):
            hashes.append(tidy.hashes[tidy.sides == side])

    def fingerprint(self) -> str:
        "sha256 over the sorted row hashes of train, validation and test: the same rows, the same mark."
        mark = sha256()
        for hashes in self.hashes:
            mark.update(np.sort(np.concatenate(hashes)).astype("<u8").tobytes() + b"|")
        return mark.hexdigest()

    def counts(self) -> dict[str, int]:
        "Rows read, of each side, set aside and rejected; the last five add up to the first."
        sides = dict(zip(SIDES, self.outcomes.sum(axis=1).tolist(), strict=True))
        return {"read": self.read, **sides, "set_aside": self.set_aside, "rejected": self.rejected}


def write_rows(
    chunks: Iterable[SortedChunk],
    contract: Contract,
    folder: Path,  # that exists
) -> Tally:
    "Write the rows of every chunk into the four files of a folder."
    target = contract.target
    tally = Tally(outcomes=np.zeros((len(SIDES), max(len(target.outcomes), 1)), int))
    with ExitStack() as stack:
        rejected = stack.enter_context(pq.ParquetWriter(folder / "rejected.parquet", _REJECTED))
        writers: list[pq.ParquetWriter] = []
        for tidy in chunks:
            schema = parquet_schema(tidy.clean)
            if not writers:
                files = [folder / f"{side}.parquet" for side in SIDES]
                writers = [stack.enter_context(pq.ParquetWriter(file, schema)) for file in files]
            clean = as_table(tidy.clean, schema)
            for side, writer in enumerate(writers):
                writer.write_table(clean.take(np.flatnonzero(tidy.sides == side)))
            rejected.write_table(as_table(tidy.rejected, _REJECTED))
            tally.add(tidy, target.places(tidy.clean[target.column]))
    if writers:
        warn_of_suspicions(folder / "train.parquet", contract)
    return tally


def as_table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    "Convert a frame; one thread, because starting others for each chunk takes longer than they save."
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False, nthreads=1)


def as_batch(frame: pd.DataFrame, schema: pa.Schema) -> pa.RecordBatch:
    "One batch: pandas may hold a text column in several pieces, which RecordBatch.from_pandas cannot take."
    columns = [column.combine_chunks() for column in as_table(frame, schema).columns]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
