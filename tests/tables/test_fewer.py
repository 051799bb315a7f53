"""`train_rows`: a sample of the training rows, by their hashes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from goldenpath.tables.fewer import lowest_kept
from tests.steps.test_data import made, side, visits


def test_fewer_training_rows_leave_every_other_row_where_it_was(tmp_path: Path) -> None:
    frame = visits(2_000)
    whole, before = made(frame, tmp_path / "whole")
    summary, run = made(frame, tmp_path / "fewer", train_rows=500)
    again, _ = made(frame.sample(frac=1, random_state=1), tmp_path / "again", train_rows=500)
    assert 450 <= summary.rows["train"] <= 500
    assert summary.rows["left_out"] == whole.rows["train"] - summary.rows["train"]
    assert sum(summary.rows.values()) == 2 * summary.rows["read"]
    for name in ("validation", "test"):
        pd.testing.assert_frame_equal(side(run, name), side(before, name))
    kept, every = side(run, "train"), side(before, "train")
    assert len(kept) == summary.rows["train"]
    assert len(kept.merge(every.drop_duplicates())) == len(kept)
    assert summary.fingerprint == again.fingerprint != whole.fingerprint
    assert summary.rows == again.rows


@pytest.mark.parametrize("most", [0, 10_000])
def test_no_row_is_left_out_if_there_are_no_more(most: int, tmp_path: Path) -> None:
    summary, _ = made(visits(), tmp_path, train_rows=most)
    assert "left_out" not in summary.rows


def test_equal_rows_stay_or_go_together() -> None:
    hashes = np.array([5, 9, 7, 7, 7, 1], dtype=np.uint64)
    assert lowest_kept(hashes, 1) == 9
    assert lowest_kept(hashes, 3) == 9
    assert lowest_kept(hashes, 4) == 7
    assert lowest_kept(np.array([3, 3, 3], dtype=np.uint64), 2) == 3
