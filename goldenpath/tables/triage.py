"""From a chunk of source rows to clean rows: set aside, reject, or give each its side of the split."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from goldenpath.errors import BadInput
from goldenpath.schema.contract import Contract
from goldenpath.tables.reader import Chunk
from goldenpath.tables.rowhash import NO_CELLS, as_text, canonical, hash_rows
from goldenpath.tables.split import DateSplit, HashSplit

# (split, hashes, days): (n,) index into SIDES, -1 if a row cannot be placed; the rule is that of 02_data
Placement = Callable[[HashSplit | DateSplit, np.ndarray, np.ndarray | None], np.ndarray]


def needed_columns(
    contract: Contract,
    split: HashSplit | DateSplit,
) -> tuple[str, ...]:  # names that a source must have
    "List the contract's required fields, the target, the weight, and the column to split by."
    spec, split = contract.spec, named_split(contract, split)
    required = [column.name for column in contract.fields if not column.optional]
    key = spec.key if isinstance(split, HashSplit) and split.by_key else ""
    others = (spec.target.column, spec.weight, key, split.column)
    return (*required, *(name for name in dict.fromkeys(others) if name and name not in required))


def named_split(
    contract: Contract,
    split: HashSplit | DateSplit,
) -> HashSplit | DateSplit:
    "Replace `event_time` by the contract's column. Raises BadInput for a split by a key that there is not."
    spec = contract.spec
    if isinstance(split, HashSplit) and split.by_key and not spec.key:
        raise BadInput(
            f"split = '{split}' keeps the rows of one key together, but the contract names no key; "
            "write `Contract(..., key=COLUMN)` in notebooks/01_contract.ipynb, or leave `by key` out"
        )
    if isinstance(split, DateSplit) and split.column == "event_time" and spec.event_time:
        return replace(split, column=spec.event_time)
    return split


@dataclass(frozen=True)
class SortedChunk:
    "The rows of one chunk, each where it belongs."

    clean: pd.DataFrame  # (m, contract's columns and target)
    sides: np.ndarray  # (m,) index into SIDES
    hashes: np.ndarray  # (m,) uint64, of the whole source row
    rejected: pd.DataFrame  # one line for each problem: file, row, column, value, reason
    read: int
    set_aside: int


def sort_chunk(
    chunk: Chunk,
    contract: Contract,
    split: HashSplit | DateSplit,
    place: Placement,
) -> SortedChunk:
    "Set aside, reject or place every row of a chunk."
    split = named_split(contract, split)
    fields = (column.name for column in contract.fields)
    frame = needed_frame(chunk, {*fields, *needed_columns(contract, split)})
    labeled = contract.outcome_known(frame)
    checked = contract.check(frame[labeled])
    here = np.searchsorted(chunk.rows, checked.clean.index.to_numpy())
    hashes = hash_rows(chunk.batch)
    by_key = isinstance(split, HashSplit) and split.by_key
    units = key_hashes(chunk.batch, contract.spec.key, hashes) if by_key else hashes
    days = days_of(chunk.batch, split.column)[here] if isinstance(split, DateSplit) else None
    sides = place(split, units[here], days)
    placed = sides >= 0
    rejected = pd.concat([checked.rejected, undated(checked.clean.index[~placed], split), ragged(chunk)])
    rejected.insert(0, "file", chunk.file)
    read = len(chunk.rows) + len(chunk.ragged)
    return SortedChunk(
        checked.clean[placed], sides[placed], hashes[here][placed], rejected, read, int((~labeled).sum())
    )


def key_hashes(
    batch: pa.RecordBatch,
    key: str,
    hashes: np.ndarray,  # (n,) uint64, of whole rows
) -> np.ndarray:  # (n,) uint64, of the keys; a row without a key keeps its own
    "Hash the keys, so that all rows of one key get the same side."
    keys = hash_rows(batch.select([key]))
    return np.where(keys == NO_CELLS, hashes, keys)


def needed_frame(
    chunk: Chunk,
    wanted: Collection[str],  # columns; those that the chunk lacks are left out
) -> pd.DataFrame:  # text as categories; index: the row's number in its file
    "Only the columns that are needed; what is text becomes categories at once."
    names = [name for name in chunk.batch.schema.names if name in wanted]
    frame: pd.DataFrame = chunk.batch.select(names).to_pandas(strings_to_categorical=True)
    return frame.set_axis(pd.Index(chunk.rows))


def days_of(
    batch: pa.RecordBatch,
    column: str,
) -> np.ndarray:  # (n,) datetime64[D], NaT where there is none
    "Parse the days of a column, in either date style."
    texts = canonical(as_text(batch.column(column))).to_pandas()
    days = pd.to_datetime(texts.str.slice(0, 10), format="%Y-%m-%d", errors="coerce")
    return np.asarray(days, dtype="datetime64[D]")


def undated(rows: pd.Index, split: HashSplit | DateSplit) -> pd.DataFrame:
    "Rejected rows: without a date they have no side."
    reason = {"column": split.column, "value": "", "reason": "must be a date, because the split is by it"}
    return pd.DataFrame({"row": rows, **reason})


def ragged(chunk: Chunk) -> pd.DataFrame:
    "Rejected rows: too few or too many cells."
    cells = chunk.batch.num_columns
    lines = [(row, "", "", f"has {count} cells, the header has {cells}") for row, count in chunk.ragged]
    return pd.DataFrame(lines, columns=["row", "column", "value", "reason"])
