"""A sample of the training rows, by the hash that also divides rows: no row changes sides, and it repeats."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from goldenpath.schema.contract import Contract
from goldenpath.tables.split import SIDES
from goldenpath.tables.writer import Tally

TRAIN = SIDES.index("train")


def keep_most(
    tally: Tally,  # of the rows that were written; changed where rows are left out
    file: Path,  # the training rows
    contract: Contract,
    most: int,  # training rows; 0: all
) -> None:
    "Leave out training rows beyond a number: those with the lowest hashes."
    hashes = np.concatenate(tally.hashes[TRAIN]) if tally.hashes[TRAIN] else np.empty(0, np.uint64)
    if not 0 < most < len(hashes):
        return
    kept = hashes >= lowest_kept(hashes, most)
    tally.outcomes[TRAIN] = write_some(file, kept, contract)
    tally.hashes[TRAIN] = [hashes[kept]]
    tally.left_out = len(hashes) - int(kept.sum())


def lowest_kept(hashes: NDArray[np.uint64], most: int) -> np.uint64:
    "Return the hash from which on at most so many rows are left; equal rows stay or go together."
    highest = np.sort(hashes)[::-1]
    if highest[most] < highest[most - 1]:
        return np.uint64(highest[most - 1])
    above = highest[highest > highest[most]]
    return np.uint64(above[-1] if len(above) else highest[0])


def write_some(file: Path, kept: NDArray[np.bool_], contract: Contract) -> NDArray[np.intp]:
    "Write the file again with the rows that are kept; how many there are of each outcome."
    source, part, target = pq.ParquetFile(file), file.with_suffix(".part"), contract.target
    outcomes, at = np.zeros(max(len(target.outcomes), 1), dtype=np.intp), 0
    with pq.ParquetWriter(part, source.schema_arrow) as writer:
        for group in range(source.num_row_groups):
            table = source.read_row_group(group)
            rows = table.filter(pa.array(kept[at : at + table.num_rows]))
            at += table.num_rows
            writer.write_table(rows)
            places = target.places(rows.select([target.column]).to_pandas()[target.column])
            outcomes += np.bincount(places, minlength=len(outcomes))
    os.replace(part, file)
    return outcomes
