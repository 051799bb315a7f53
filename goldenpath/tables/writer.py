"""Clean rows into one Parquet file for each side of the split, with a tally of what went where."""

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from goldenpath.schema.contract import Contract
from goldenpath.tables.reader import Chunk
from goldenpath.tables.split import SIDES, DateSplit, HashSplit
from goldenpath.tables.suspicions import warn_of_suspicions
from goldenpath.tables.triage import Placement, SortedChunk, sort_chunk

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
    left_out: int = 0  # training rows beyond `train_rows`
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

    @classmethod
    def of(cls, contract: Contract) -> "Tally":
        "Begin to count rows of a contract."
        return cls(outcomes=np.zeros((len(SIDES), max(len(contract.target.outcomes), 1)), int))

    def include(self, other: "Tally") -> None:
        "Add what was counted of other rows."
        self.read += other.read
        self.set_aside += other.set_aside
        self.rejected += other.rejected
        self.outcomes = self.outcomes + other.outcomes
        self.broken.update(other.broken)
        for hashes, more in zip(self.hashes, other.hashes, strict=True):
            hashes.extend(more)

    def fingerprint(self) -> str:
        "sha256 over the sorted row hashes of train, validation and test: the same rows, the same mark."
        mark = sha256()
        for hashes in self.hashes:
            mark.update(np.sort(np.concatenate(hashes)).astype("<u8").tobytes() + b"|")
        return mark.hexdigest()

    def counts(self) -> dict[str, int]:
        "Rows read, of each side, set aside, rejected, and left out if any are: these add up to the first."
        sides = dict(zip(SIDES, self.outcomes.sum(axis=1).tolist(), strict=True))
        counts = {"read": self.read, **sides, "set_aside": self.set_aside, "rejected": self.rejected}
        return counts | ({"left_out": self.left_out} if self.left_out else {})


@dataclass(frozen=True)
class SortedTables:
    "A sorted chunk as it is written: small enough to travel between processes."

    sides: tuple[pa.Table, ...]  # clean rows of train, validation and test
    rejected: pa.Table
    tally: Tally

    def numbered_from(self, offset: int) -> "SortedTables":
        "Return the same rows, numbered as those behind `offset` rows of their file."
        column = self.rejected.schema.get_field_index("row")
        rows = pc.add(self.rejected["row"], offset)
        return replace(self, rejected=self.rejected.set_column(column, self.rejected.schema[column], rows))


def as_tables(tidy: SortedChunk, contract: Contract) -> SortedTables:
    "Divide a chunk by side, and count it."
    target = contract.target
    tally = Tally.of(contract)
    tally.add(tidy, target.places(tidy.clean[target.column]))
    clean = as_table(tidy.clean, parquet_schema(tidy.clean))
    sides = tuple(clean.take(np.flatnonzero(tidy.sides == side)) for side in range(len(SIDES)))
    return SortedTables(sides, as_table(tidy.rejected, _REJECTED), tally)


def sort_into_tables(
    chunk: Chunk,
    contract: Contract,
    split: HashSplit | DateSplit,
    place: Placement,
) -> SortedTables:
    "Sort a chunk, and divide it by side."
    return as_tables(sort_chunk(chunk, contract, split, place), contract)


def write_rows(
    chunks: Iterable[SortedChunk],
    contract: Contract,
    folder: Path,  # that exists
) -> Tally:
    "Write the rows of every chunk into the four files of a folder."
    return write_tables((as_tables(tidy, contract) for tidy in chunks), contract, folder)


def write_tables(
    tables: Iterable[SortedTables],
    contract: Contract,
    folder: Path,  # that exists
) -> Tally:
    "Write what was sorted, here or elsewhere, into the four files of a folder."
    tally = Tally.of(contract)
    with ExitStack() as stack:
        rejected = stack.enter_context(pq.ParquetWriter(folder / "rejected.parquet", _REJECTED))
        writers: list[pq.ParquetWriter] = []
        for piece in tables:
            if not writers:
                files = [folder / f"{side}.parquet" for side in SIDES]
                schema = piece.sides[0].schema
                writers = [stack.enter_context(pq.ParquetWriter(file, schema)) for file in files]
            for writer, side in zip(writers, piece.sides, strict=True):
                writer.write_table(side)
            rejected.write_table(piece.rejected)
            tally.include(piece.tally)
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
