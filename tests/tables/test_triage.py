"""Rows find their side by their key or by the contract's event time, and bring weight and target along."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from goldenpath.errors import BadInput
from goldenpath.schema.contract import Classes, Contract, Quantity
from goldenpath.steps.data import side_of
from goldenpath.tables.reader import Chunk
from goldenpath.tables.rowhash import hash_rows
from goldenpath.tables.split import SIDES, HashSplit, parse_split
from goldenpath.tables.triage import needed_columns, sort_chunk
from goldenpath.tables.writer import write_rows
from tests.helpers.contracts import VISITS, Visit

BY_KEY = parse_split("hash 0.6 0.2 0.2 by key")
TARGET = Quantity("stay", unit="days", lower=0)


def visits(count: int, **changes: Any) -> Chunk:
    "Make a chunk of visits: three of each patient, on different days."
    places = np.arange(count)
    columns = {
        "patient": [f"patient {place // 3}" for place in places],
        "day": np.datetime_as_string(np.datetime64("2024-01-01") + places, unit="D"),
        "ward": np.where(places % 2, "north", "south"),
        "visits": "2",
        "stay": places.astype(str),
        **changes,
    }
    batch = pa.RecordBatch.from_pandas(pd.DataFrame(columns), preserve_index=False)
    return Chunk("visits.csv", places + 1, batch, (), 1.0)


def test_all_rows_of_one_key_are_on_one_side_and_the_shares_are_kept() -> None:
    tidy = sort_chunk(visits(9_000), VISITS, BY_KEY, side_of)
    assert tidy.rejected.empty
    sides = pd.Series(tidy.sides).groupby(tidy.clean["patient"].astype(str).to_numpy())
    assert sides.nunique().eq(1).all()
    assert np.bincount(tidy.sides) / 9_000 == pytest.approx([0.6, 0.2, 0.2], abs=0.03)
    apart = sort_chunk(visits(9_000), VISITS, parse_split("hash 0.6 0.2 0.2"), side_of)
    assert pd.Series(apart.sides).groupby(tidy.clean["patient"].astype(str).to_numpy()).nunique().max() > 1


def test_the_side_of_a_key_depends_on_nothing_but_the_key() -> None:
    long, other = visits(3_000), visits(3_000, stay="7", ward="north")
    sides = [sort_chunk(chunk, VISITS, BY_KEY, side_of).sides for chunk in (long, other)]
    assert (sides[0] == sides[1]).all()
    assert (sort_chunk(visits(300), VISITS, BY_KEY, side_of).sides == sides[0][:300]).all()
    assert (sort_chunk(long, VISITS, BY_KEY, side_of).hashes == hash_rows(long.batch)).all()


def test_rows_without_a_key_are_divided_one_by_one() -> None:
    class Anonymous(Visit):
        patient: str | None = None

    contract = Contract(Anonymous, TARGET, key="patient", event_time="day", weight="visits")
    tidy = sort_chunk(visits(3_000, patient=None), contract, BY_KEY, side_of)
    assert np.bincount(tidy.sides) / 3_000 == pytest.approx([0.6, 0.2, 0.2], abs=0.03)


def test_a_split_by_key_needs_a_contract_with_a_key() -> None:
    keyless = Contract(Visit, TARGET)
    with pytest.raises(BadInput, match=r"keeps the rows of one key together, but the contract names no key"):
        needed_columns(keyless, BY_KEY)
    with pytest.raises(BadInput, match="names no key"):
        sort_chunk(visits(3), keyless, BY_KEY, side_of)


def test_event_time_in_the_split_is_the_contracts_column() -> None:
    split = parse_split("event_time 2024-01-05 2024-01-08")
    tidy = sort_chunk(visits(10), VISITS, split, side_of)
    assert tidy.sides.tolist() == [0] * 4 + [1] * 3 + [2] * 3
    assert needed_columns(VISITS, split) == ("patient", "day", "ward", "stay", "visits")
    unnamed = Contract(Visit, TARGET)
    assert needed_columns(unnamed, split)[-1] == "event_time"  # then a column of the source


def test_a_source_must_have_weight_and_key_once_they_matter() -> None:
    assert needed_columns(VISITS, BY_KEY) == ("patient", "day", "ward", "stay", "visits")
    assert isinstance(BY_KEY, HashSplit)
    assert needed_columns(VISITS, replace(BY_KEY, by_key=False)) == needed_columns(VISITS, BY_KEY)


def test_what_is_written_holds_weight_and_target_and_the_outcomes_are_counted(tmp_path: Path) -> None:
    target = Classes("stay", levels=("0", "1", "2"))
    contract = Contract(Visit, target, key="patient", weight="visits")
    stay = np.resize(["0", "1", "1", "2"], 1_000)
    tidy = sort_chunk(visits(1_000, stay=stay), contract, parse_split("hash 0.6 0.2 0.2"), side_of)
    tally = write_rows([tidy], contract, tmp_path)
    assert tally.outcomes.shape == (len(SIDES), 3)
    assert tally.outcomes.sum(axis=0).tolist() == [250, 500, 250]
    written = pd.concat([pd.read_parquet(tmp_path / f"{side}.parquet") for side in SIDES])
    assert contract.weights(written).tolist() == [2.0] * 1_000
    assert np.bincount(contract.outcomes(written)).tolist() == [250, 500, 250]
    assert written["patient"].nunique() == 334


def test_the_rows_of_a_quantity_are_counted_as_one_outcome(tmp_path: Path) -> None:
    tally = write_rows([sort_chunk(visits(600), VISITS, BY_KEY, side_of)], VISITS, tmp_path)
    assert tally.outcomes.shape == (len(SIDES), 1)
    assert tally.outcomes.sum() == 600
