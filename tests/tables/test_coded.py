"""Parquet that stores values once is read that way, and batches are put together within bounds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from goldenpath.tables import coded
from goldenpath.tables.reader import LEVELS, Chunk, as_strings, read_chunks

ROWS = 3_000


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "name": [f"person {number} of many" for number in rng.permutation(ROWS)],
            " sex ": rng.choice(["f", "m", None], ROWS),
            "ward": pd.Categorical(rng.choice(["a", "b"], ROWS)),
            "age": rng.integers(0, 99, ROWS),
        }
    )


def chunks_of(frame: pd.DataFrame, tmp_path: Path, group: int) -> list[Chunk]:
    file = tmp_path / "rows.parquet"
    frame.to_parquet(file, row_group_size=group)
    return list(read_chunks(str(file)))


def test_texts_that_repeat_are_codes_and_others_are_as_they_were(frame: pd.DataFrame, tmp_path: Path) -> None:
    [chunk] = chunks_of(frame, tmp_path, ROWS)
    assert chunk.texts == ("sex",)
    assert chunk.batch.column("sex").type == LEVELS
    assert not pa.types.is_dictionary(chunk.batch.column("name").type)
    assert chunk.batch.column("ward").to_pylist() == frame["ward"].tolist()


def test_batches_of_several_row_groups_are_one_with_the_rows_in_order(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coded, "ROWS_TOGETHER", 1_500)
    frame[" sex "] = np.repeat([None, "f", "m"], ROWS // 3)  # the row groups have other values
    chunks = chunks_of(frame, tmp_path, 500)
    assert [len(chunk.rows) for chunk in chunks] == [1_500, 1_500]
    assert np.concatenate([chunk.rows for chunk in chunks]).tolist() == list(range(1, ROWS + 1))
    read = pd.concat([as_strings(chunk.batch).to_pandas() for chunk in chunks], ignore_index=True)
    assert read.equals(frame.rename(columns=str.strip).astype({"ward": read["ward"].dtype}))
    assert len(set(chunks[0].batch.column("sex").dictionary.to_pylist())) == 1
    assert chunks[1].batch.column("sex").dictionary.to_pylist() == ["f", "m"]


def test_wide_rows_are_read_fewer_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coded, "BYTES_TOGETHER", 80_000)
    wide = pd.DataFrame(np.random.default_rng(1).normal(size=(ROWS, 10)))
    chunks = chunks_of(wide.rename(columns=str), tmp_path, ROWS)
    assert 2 < len(chunks) < 8
    assert max(len(chunk.rows) for chunk in chunks) <= 1_000


def test_a_parquet_file_without_row_groups_has_no_rows(tmp_path: Path) -> None:
    schema = pa.schema([("a", pa.string())])
    pq.ParquetWriter(tmp_path / "empty.parquet", schema).close()
    assert list(read_chunks(str(tmp_path / "empty.parquet"))) == []
