"""A row's side: the same hash everywhere and for ever, and what the split setting allows."""

import hashlib
import re
import struct
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from goldenpath.errors import BadInput
from goldenpath.settings import Settings
from goldenpath.steps.data import side_of
from goldenpath.tables.reader import read_chunks
from goldenpath.tables.rowhash import canonical, hash_rows
from goldenpath.tables.split import DateSplit, HashSplit, parse_split

NOVEMBER, DECEMBER = date(2020, 11, 1), date(2020, 12, 1)
TEXTS = pa.record_batch(
    {"day": ["2020-03-30", "", "x"], "sex": ["Female", "Male", ""], "n": ["1", "2.50", ""]}
)


def hashes_of(file: Path) -> np.ndarray:
    return np.concatenate([hash_rows(chunk.batch) for chunk in read_chunks(str(file))])


def test_row_hashes_never_change_with_a_library() -> None:
    pinned = [6886001983845832479, 6478905226887811569, 578147010510213760]
    assert hash_rows(TEXTS).tolist() == pinned


def test_the_hash_is_what_its_documentation_says() -> None:
    mask = 2**64 - 1

    def mix(value: int) -> int:
        value = (value + 0x9E3779B97F4A7C15) & mask
        value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & mask
        value = ((value ^ value >> 27) * 0x94D049BB133111EB) & mask
        return value ^ value >> 31

    def text(word: str) -> int:
        return struct.unpack("<Q", hashlib.blake2b(word.encode(), digest_size=8).digest())[0]

    def number(value: float) -> int:
        return mix(struct.unpack("<Q", struct.pack("<d", value))[0])

    second = mix((mix(text("Male") ^ text("sex")) + mix(number(2.5) ^ text("n"))) & mask)
    assert hash_rows(TEXTS)[1] == second


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2020/03/30", "2020-03-30"),
        ("2020-03-30 00:00:00", "2020-03-30"),
        ("2020-03-30T00:00:00.000", "2020-03-30"),
        (" Male", "Male "),
        ("1", "1.0"),
        ("1e3", "1000"),
        ("-0.0", "0"),
        ("True", "true"),
        ("NaN", ""),
    ],
)
def test_two_spellings_of_one_value_are_one_row(one: str, other: str) -> None:
    first, second = hash_rows(pa.record_batch({"a": [one, other]}))
    assert first == second


@pytest.mark.parametrize(
    ("one", "other"),
    [("1234567890123456789", "1234567890123456788"), ("a", "b"), ("1", "-1"), ("male", "Male")],
)
def test_two_values_are_two_rows(one: str, other: str) -> None:
    first, second = hash_rows(pa.record_batch({"a": [one, other]}))
    assert first != second


def test_a_value_counts_in_its_own_column_only() -> None:
    yes_no = hash_rows(pa.record_batch({"a": ["yes"], "b": ["no"]}))
    no_yes = hash_rows(pa.record_batch({"a": ["no"], "b": ["yes"]}))
    assert yes_no[0] != no_yes[0]


def test_lists_and_bytes_are_hashed_too() -> None:
    batch = pa.record_batch({"list": [[1, 2], [1, 3]], "bytes": [b"\xff", b"\xff"]})
    assert len(set(hash_rows(batch).tolist())) == 2


def test_canonical_text_keeps_a_time_of_day() -> None:
    assert canonical(pa.array(["2020/03/30 12:00:00"])).to_pylist() == ["2020-03-30 12:00:00"]


def test_csv_and_parquet_of_the_same_rows_hash_alike(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "day": pd.to_datetime("2020-01-01") + pd.to_timedelta(random.integers(0, 400, 500), unit="D"),
            "level": pd.Categorical(random.choice(["a", "b, c", 'quo"te'], 500)),
            "float": random.normal(0, 1e3, 500),
            "single": random.normal(0, 1, 500).astype("float32"),
            "whole": random.integers(-(10**12), 10**12, 500),
            "flag": random.random(500) < 0.5,
        }
    )
    frame.loc[::7, ["day", "float"]] = None
    frame.to_csv(tmp_path / "rows.csv", index=False)
    frame.to_parquet(tmp_path / "rows.parquet")
    assert (hashes_of(tmp_path / "rows.csv") == hashes_of(tmp_path / "rows.parquet")).all()


def test_order_of_rows_and_columns_and_blanks_in_the_header_do_not_count(
    real_rows: Path, tmp_path: Path
) -> None:
    frame = pd.read_csv(real_rows, dtype=str, keep_default_na=False)
    dates = ["cdc_case_earliest_dt", "cdc_report_dt", "pos_spec_dt", "onset_dt"]
    slashed = frame.assign(**{name: frame[name].str.replace("-", "/") for name in dates})
    may_2021 = slashed.rename(columns={"cdc_case_earliest_dt": "cdc_case_earliest_dt "})
    may_2021.iloc[::-1, ::-1].to_csv(tmp_path / "may.csv", index=False)
    assert (hashes_of(tmp_path / "may.csv")[::-1] == hashes_of(real_rows)).all()


def test_a_longer_file_leaves_earlier_rows_where_they_were(real_rows: Path, tmp_path: Path) -> None:
    lines = real_rows.read_text("utf-8").splitlines(keepends=True)
    (tmp_path / "short.csv").write_text("".join(lines[:5001]), "utf-8")
    split = parse_split("hash 0.70 0.15 0.15")
    short, whole = hashes_of(tmp_path / "short.csv"), hashes_of(real_rows)
    assert (side_of(split, short) == side_of(split, whole)[:5000]).all()


def test_shares_come_out_as_the_setting_says() -> None:
    batch = pa.record_batch({"id": [f"row {i}" for i in range(50_000)]})
    sides = side_of(parse_split("hash 0.6 0.3 0.1"), hash_rows(batch))
    assert np.bincount(sides, minlength=3) / 50_000 == pytest.approx([0.6, 0.3, 0.1], abs=0.01)


def test_a_row_that_trained_before_trains_still_when_the_training_share_grows() -> None:
    hashes = hash_rows(pa.record_batch({"id": [f"row {i}" for i in range(5000)]}))
    few, many = (side_of(parse_split(text), hashes) for text in ("hash 0.6 0.2 0.2", "hash 0.8 0.1 0.1"))
    assert (many[few == 0] == 0).all()


def test_days_before_the_first_validation_day_train() -> None:
    split = parse_split("day 2020-11-01 2020-12-01")
    days = np.array(["2020-10-31", "2020-11-01", "2020-11-30", "2020-12-01", "NaT"], dtype="datetime64[D]")
    assert side_of(split, np.zeros(5, np.uint64), days).tolist() == [0, 1, 1, 2, -1]


def test_settings_are_read_as_they_are_meant() -> None:
    assert parse_split(" hash 0.70 0.15  .15") == HashSplit("hash 0.70 0.15  .15", (0.7, 0.15, 0.15))
    assert parse_split("hash 0.7 0.15 0.15 by key") == HashSplit(
        "hash 0.7 0.15 0.15 by key", (0.7, 0.15, 0.15), by_key=True
    )
    by_date = DateSplit("day of onset 2020-11-01 2020-12-01", "day of onset", NOVEMBER, DECEMBER)
    assert parse_split("day of onset 2020-11-01 2020-12-01") == by_date
    assert parse_split("hash 2020-11-01 2020-12-01").column == "hash"
    assert str(by_date) == by_date.text


@pytest.mark.parametrize("third", ["0.333", "0.3333333", ".33333333333333"])
def test_three_thirds_are_a_split(third: str) -> None:
    random = np.random.default_rng(3).integers(0, 2**64, 30_000, dtype=np.uint64)
    sides = side_of(parse_split(f"hash {third} {third} {third}"), random)
    assert np.bincount(sides) / 30_000 == pytest.approx([1 / 3] * 3, abs=0.01)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hash 0.7 0.3", "`hash` needs three shares"),
        ("hash", "`hash` needs three shares"),
        ("hash 0.7 0.15 0.15 by row", "`hash` needs three shares"),
        ("hash 0.7 0.1 0.1 0.1", "`hash` needs three shares"),
        ("hash 0.7 0.2 0.2", "the three shares add up to 1.1 instead of 1"),
        ("hash 0.33 0.33 0.33", "the three shares add up to 0.99 instead of 1"),
        ("hash 1 0 0", "each of the three shares must be above 0"),
        ("hash 0. 0. 1.", "each of the three shares must be above 0"),
        ("hash a b c", "'a' is not a number such as 0.15"),
        ("hash nan 0.5 0.5", "'nan' is not a number"),
        ("hash 1_0 0.5 0.5", "'1_0' is not a number"),
        ("hash -0.5 0.75 0.75", "'-0.5' is not a number"),
        ("x 2020-11-31 2020-12-01", "the calendar has no 2020-11-31"),
        ("day 2020-13-01 2020-12-01", "the calendar has no 2020-13-01"),
        ("day 20201101 20201201", "'20201101' is not a day such as 2020-11-01"),
        ("day 2020-11-01 2020-11-01", "must come after the first validation day"),
        ("day 2020-12-01 2020-11-01", "must come after the first validation day"),
        ("2020-11-01 2020-12-01", "neither `hash` and three shares nor a column and two days"),
        ("", "neither `hash` and three shares nor a column and two days"),
    ],
)
def test_a_split_that_is_none_is_refused_by_the_settings(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_split(text)
    said = f"^split = '{re.escape(text)}' is not allowed: .*{reason}.*; allowed: `hash 0.70 0.15 0.15`"
    with pytest.raises(BadInput, match=said):
        Settings().changed(split=text)
