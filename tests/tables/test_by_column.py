"""Rows that are too many to be held are looked at one column at a time, with the same result."""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from goldenpath.feedback.profiling import profile_fields
from goldenpath.registry.manifest import DataSummary
from goldenpath.runs.run import Run
from goldenpath.schema.contract import Binary, Contract, Record
from goldenpath.settings import Settings
from goldenpath.steps.explore import Explored, explore
from goldenpath.tables import by_column
from goldenpath.tables.by_column import ColumnsOfFile, read_clean
from goldenpath.tables.counted import CountedRows
from tests.helpers.trained_run import step_in


class Stay(Record):
    ward: Literal["north", "south"]
    age: Literal["young", "old"]
    size: float | None = None
    name: str


STAYS = Contract(Stay, Binary("back", positive="yes", negative="no"), key="name", weight="days")


def stays() -> pd.DataFrame:
    random = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "ward": random.choice(["north", "south"], 600),
            "age": random.choice(["young", "old"], 600),
            "size": np.where(random.random(600) < 0.1, np.nan, random.normal(size=600)),
            "name": [f"person {place % 200}" for place in range(600)],
            "days": random.integers(1, 9, 600),
            "back": random.choice(["yes", "no"], 600),
        }
    )
    return STAYS.check(frame).clean


def explored(folder: Path, rows: pd.DataFrame) -> Explored:
    step = step_in(Run("run", folder, "03_explore"), Settings(), STAYS)
    rows.to_parquet(step.run.output("data/train.parquet"))
    fields = {"source": "drawn rows", "synthetic": True, "fingerprint": "", "split": "", "rows": {}}
    step.save("data/summary.json", DataSummary(**fields, seconds=0))
    return explore(step, "ward", "age")


def test_exploring_many_rows_by_column_shows_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = explored(tmp_path / "whole", stays())
    monkeypatch.setattr(by_column, "MANY_VALUES", 1)
    singly = explored(tmp_path / "singly", stays())
    pd.testing.assert_frame_equal(singly.profile, whole.profile)
    assert singly.findings == whole.findings
    assert set(singly.figures) == set(whole.figures) == {"rates", "unfilled", "groups"}


def test_a_profile_by_column_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = stays()
    asked = []

    def read(names: list[str] | None) -> pd.DataFrame:
        asked.append(names)
        return rows if names is None else rows[names]

    assert read_clean(read, len(rows), STAYS.spec).frame is rows
    monkeypatch.setattr(by_column, "MANY_VALUES", 1)
    counted: CountedRows = read_clean(read, len(rows), STAYS.spec)
    assert isinstance(counted.frame, ColumnsOfFile)
    assert profile_fields(STAYS, counted.frame, counted.count) == profile_fields(STAYS, rows)
    assert counted.number == len(rows)
    assert asked[0] is None
    assert all(names and len(names) == 1 for names in asked[1:])
