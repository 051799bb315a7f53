"""Some rows of a file, or of a stream, as a file of their own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from goldenpath.schema.contract import Binary, Contract, Record
from goldenpath.tables.reader import Chunk
from goldenpath.tables.some_rows import SPREAD, first_rows, number_of_rows, sample_file, write_clean


class Visit(Record):
    ward: Literal["north", "south"]
    age: int


VISITS = Contract(Visit, Binary("died", positive="yes", negative="no"))


def test_a_sample_holds_each_row_at_most_once_and_comes_from_many_places(tmp_path: Path) -> None:
    file, sample = tmp_path / "all.parquet", tmp_path / "some.parquet"
    rows = pd.DataFrame({"number": np.arange(10_000), "level": pd.Categorical(["a", "b"] * 5_000)})
    rows.to_parquet(file, row_group_size=100)
    for number in (1, 999, 9_999):
        sample_file(file, sample, number, seed=1)
        drawn = pd.read_parquet(sample)
        assert number_of_rows(sample) == number == drawn["number"].nunique()
        assert drawn.dtypes.equals(rows.dtypes)
        assert drawn["number"].is_monotonic_increasing
    sample_file(file, sample, 500, seed=1)
    assert len(set(pd.read_parquet(sample)["number"] // 100)) == SPREAD
    sample_file(file, tmp_path / "same.parquet", 500, seed=1)
    assert pq.read_table(tmp_path / "same.parquet").equals(pq.read_table(sample))


def test_of_the_first_rows_no_more_is_read_than_the_row_groups_that_hold_them(tmp_path: Path) -> None:
    file = tmp_path / "all.parquet"
    rows = pd.DataFrame({"number": np.arange(300), "level": pd.Categorical(["a", "b", "c"] * 100)})
    rows.to_parquet(file, row_group_size=100)
    assert all(first_rows(file, number).equals(rows.head(number)) for number in (1, 100, 101, 300, 900))
    third = pq.read_metadata(file).row_group(2).column(0)
    content = bytearray(file.read_bytes())
    content[third.dictionary_page_offset or third.data_page_offset] ^= 0xFF
    file.write_bytes(content)
    assert first_rows(file, 150).equals(rows.head(150))
    with pytest.raises(OSError, match="page"):
        pd.read_parquet(file)


def chunk(start: int, rows: int) -> Chunk:
    "Return rows of which every third one has no outcome, and every fifth one no valid ward."
    numbers = np.arange(start, start + rows)
    frame = pd.DataFrame({"age": numbers, "other": "x"})
    frame["ward"] = np.where(numbers % 5 == 0, "east", "north")
    frame["died"] = np.where(numbers % 3 == 0, "", "yes")
    return Chunk("drawn", numbers, pa.RecordBatch.from_pandas(frame, preserve_index=False), (), 0.0)


def test_clean_rows_with_an_outcome_are_written_until_there_are_enough(tmp_path: Path) -> None:
    file = tmp_path / "clean.parquet"
    read: list[int] = []

    def chunks() -> Iterator[Chunk]:
        for start in range(0, 300, 30):
            read.append(start)
            yield chunk(start, 30)

    write_clean(chunks(), VISITS, file, 20)
    ages = [number for number in range(60) if number % 3 and number % 5][:20]
    written = pd.read_parquet(file)
    assert written["age"].tolist() == ages
    assert set(written) == {"ward", "age", "died"}
    assert read == [0, 30]
