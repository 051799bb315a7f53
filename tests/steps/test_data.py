"""From a source to the run's files: what is kept, set aside, rejected, and when the step refuses."""

import json
import re
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from goldenpath.contract import CONTRACT
from goldenpath.errors import BadInput
from goldenpath.registry.manifest import DataSummary
from goldenpath.runs.run import Run, steps_of
from goldenpath.schema.contract import Contract, Record, Target
from goldenpath.settings import Settings
from goldenpath.steps.data import make_data, open_source, side_of
from goldenpath.steps.stand_in import stand_in_chunks
from goldenpath.tables import reader
from goldenpath.tables.rowhash import hash_rows
from goldenpath.tables.split import SIDES, parse_split
from goldenpath.tables.triage import sort_chunk
from goldenpath.tables.writer import write_rows
from tests.helpers.trained_run import step_in


class Visit(Record):
    ward: Literal["north", "south", "east"]
    age: int | None = None
    note: str | None = None


VISITS = Contract(Visit, Target(column="died", positive="yes", negative="no", unknown=("?",)))


def visits(rows: int = 400) -> pd.DataFrame:
    "Good rows; `id` and `day` are columns that the contract does not know."
    random = np.random.default_rng(1)
    days = np.datetime64("2020-01-01") + (np.arange(rows) * 366 // rows).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "id": [f"v{i}" for i in range(rows)],
            "day": np.datetime_as_string(days),
            "ward": random.choice(["north", "south"], rows),
            "age": random.integers(0, 100, rows),
            "note": [f"note {i % 300}" for i in range(rows)],
            "died": random.choice(["yes", "no"], rows),
        }
    )


def made(frame: pd.DataFrame, folder: Path, **settings: object) -> tuple[DataSummary, Run]:
    "Write a frame as CSV and make data of it."
    folder.mkdir(exist_ok=True)
    frame.to_csv(folder / "visits.csv", index=False)
    run = Run("run", folder / "run", "02_data")
    return make_data(step_in(run, Settings(source=str(folder / "visits.csv"), **settings), VISITS)), run


def test_the_record_of_a_source_has_no_login_and_no_signature() -> None:
    address = "https://ada:pass@host/visits.csv?signature=secret"
    _, label = open_source(address, None, VISITS, Settings(source=address))
    assert label == "https://host/visits.csv"


def side(run: Run, name: str) -> pd.DataFrame:
    return pd.read_parquet(run.output(f"data/{name}.parquet"))


def test_every_row_is_somewhere_and_only_once(tmp_path: Path) -> None:
    frame = visits()
    frame.loc[:9, "died"] = "?"
    frame.loc[10:12, "ward"] = "west"
    summary, run = made(frame, tmp_path)
    assert (summary.rows["read"], summary.rows["set_aside"], summary.rows["rejected"]) == (400, 10, 3)
    assert sum(summary.rows[name] for name in (*SIDES, "set_aside", "rejected")) == 400
    assert {name: len(side(run, name)) for name in SIDES} == {name: summary.rows[name] for name in SIDES}
    assert json.loads(run.output("data/summary.json").read_text()) == summary.model_dump()


def test_rejected_rows_say_where_what_and_why(tmp_path: Path) -> None:
    frame = visits().astype({"age": object})
    frame.loc[4, "ward"] = "west"
    frame.loc[6, ["ward", "age"]] = ["", "old"]
    _, run = made(frame, tmp_path)
    rejected = side(run, "rejected")
    assert rejected[["row", "column", "value"]].values.tolist() == [
        [5, "ward", "west"],
        [7, "ward", ""],
        [7, "age", "old"],
    ]
    assert rejected["reason"][0] == "must be one of north, south, east"
    assert rejected["file"].unique().tolist() == [str(tmp_path / "visits.csv")]


def test_a_long_read_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("goldenpath.tables.progress.EVERY", -1.0)
    _, run = made(visits(), tmp_path)
    line = capsys.readouterr().out  # the notebook
    assert re.fullmatch(r"reading visits.csv: 100%, 400 rows, [\d,]+/s, 0 s left in this file\n", line)
    assert steps_of(run.folder)["02_data"]["doing"] == line.strip()  # the terminal


def test_only_the_needed_columns_are_kept_with_the_contracts_types(tmp_path: Path) -> None:
    _, run = made(visits(), tmp_path)
    train = side(run, "train")
    assert list(train.columns) == ["ward", "age", "note", "died"]
    assert train["ward"].cat.categories.tolist() == ["north", "south", "east"]
    assert train["died"].cat.categories.tolist() == ["no", "yes"]
    assert str(train["age"].dtype) == "Int64"
    assert VISITS.columns(train)["note"][0].startswith("note ")


def test_chunks_with_other_texts_make_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, run_of_whole = made(visits(4000), tmp_path / "whole")
    monkeypatch.setattr(reader, "CSV_BLOCK", 10_000)
    pieces, run_of_pieces = made(visits(4000), tmp_path / "pieces")
    assert pq.ParquetFile(run_of_pieces.output("data/train.parquet")).metadata.num_row_groups > 5
    assert pieces.fingerprint == whole.fingerprint
    texts = [side(run, "train").astype({"note": str, "ward": str}) for run in (run_of_whole, run_of_pieces)]
    pd.testing.assert_frame_equal(*texts)


def test_exact_duplicates_stay_on_one_side(tmp_path: Path) -> None:
    frame = visits()
    summary, _ = made(frame, tmp_path / "once")
    twice, _ = made(pd.concat([frame, frame]), tmp_path / "twice")
    assert {name: 2 * summary.rows[name] for name in SIDES} == {name: twice.rows[name] for name in SIDES}


def test_real_duplicates_stay_on_one_side(real_rows: Path) -> None:
    frame = pd.read_csv(real_rows, dtype=str, keep_default_na=False)
    hashes = hash_rows(pa.RecordBatch.from_pandas(frame, preserve_index=False))
    sides = pd.Series(side_of(parse_split("hash 0.70 0.15 0.15"), hashes))
    assert frame.duplicated().sum() > 1000
    assert sides.groupby(hashes).nunique().max() == 1
    assert len(np.unique(hashes)) == len(frame.drop_duplicates())


def test_a_larger_file_keeps_old_rows_on_their_side(tmp_path: Path) -> None:
    frame = visits(600)
    _, old = made(frame[:300], tmp_path / "old")
    _, new = made(frame.sample(frac=1, random_state=0), tmp_path / "new")
    for name in SIDES:
        before, after = (set(map(tuple, side(run, name).astype(str).to_numpy())) for run in (old, new))
        assert before <= after


def test_the_seed_never_changes_the_split(tmp_path: Path) -> None:
    one, _ = made(visits(), tmp_path, seed=1)
    other, _ = made(visits(), tmp_path, seed=2)
    assert one.fingerprint == other.fingerprint


def test_the_fingerprint_knows_the_rows_and_their_sides(tmp_path: Path) -> None:
    frame = visits()
    marks = [
        made(frame, tmp_path / "a")[0].fingerprint,
        made(frame.iloc[:-1], tmp_path / "b")[0].fingerprint,
        made(frame, tmp_path / "c", split="hash 0.60 0.20 0.20")[0].fingerprint,
        made(frame.assign(id=frame["id"] + "x"), tmp_path / "d")[0].fingerprint,
    ]
    assert len(set(marks)) == 4


def test_parquet_of_the_same_rows_is_the_same_data(tmp_path: Path) -> None:
    frame = visits().assign(day=lambda rows: pd.to_datetime(rows["day"]))
    summary, run = made(frame, tmp_path)
    frame.astype({"ward": "category"}).to_parquet(tmp_path / "visits.parquet")
    other = Run("other", tmp_path / "other", "02_data")
    again = make_data(step_in(other, Settings(source=str(tmp_path / "visits.parquet")), VISITS))
    assert again.fingerprint == summary.fingerprint
    pd.testing.assert_frame_equal(side(other, "test"), side(run, "test"))


def test_a_glob_reads_all_its_files(tmp_path: Path) -> None:
    frame = visits()
    whole, _ = made(frame, tmp_path / "whole")
    for part, rows in enumerate(np.array_split(np.arange(400), 3)):
        frame.iloc[rows].to_csv(tmp_path / f"part{part}.csv", index=False)
    run = Run("parts", tmp_path / "parts", "02_data")
    parts = make_data(step_in(run, Settings(source=str(tmp_path / "part*.csv")), VISITS))
    assert parts.fingerprint == whole.fingerprint


def test_may_2021_release_with_its_blank_and_slashes_is_read(real_rows: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(real_rows, dtype=str, keep_default_na=False)
    frame = frame.rename(columns={"cdc_case_earliest_dt": "cdc_case_earliest_dt "})
    frame.iloc[:, 0] = frame.iloc[:, 0].str.replace("-", "/")
    frame.loc[:99, "death_yn"] = "Missing"
    frame.to_csv(tmp_path / "may.csv", index=False)
    split = "cdc_case_earliest_dt 2020-11-01 2020-12-01"
    settings = Settings(source=str(tmp_path / "may.csv"), split=split)
    summary = make_data(step_in(Run("may", tmp_path / "run", "02_data"), settings))
    days = frame["cdc_case_earliest_dt "][100:]
    expected = [
        (days < "2020/11/01").sum(),
        days.between("2020/11/01", "2020/11/30").sum(),
        (days >= "2020/12/01").sum(),
    ]
    assert [summary.rows[name] for name in SIDES] == pytest.approx(expected, abs=2)
    assert (summary.rows["set_aside"], summary.rows["rejected"]) == (100, 2)


def test_real_rows_reject_the_two_levels_that_nobody_defined(real_rows: Path, tmp_path: Path) -> None:
    run = Run("real", tmp_path / "real", "02_data")
    summary = make_data(step_in(run, Settings(source=str(real_rows))))
    assert (summary.rows["read"], summary.rows["rejected"], summary.rows["set_aside"]) == (20_000, 2, 0)
    assert side(run, "rejected")[["column", "value"]].values.tolist() == [["hosp_yn", "OTH"]] * 2
    shares = [summary.rows[name] / 20_000 for name in SIDES]
    assert shares == pytest.approx([0.70, 0.15, 0.15], abs=0.01)
    assert not summary.synthetic


def test_rows_without_a_date_to_split_by_are_rejected(tmp_path: Path) -> None:
    frame = visits()
    frame.loc[:1, "day"] = ["", "soon"]
    summary, run = made(frame, tmp_path, split="day 2020-06-01 2020-09-01")
    assert summary.rows["rejected"] == 2
    assert side(run, "rejected")["reason"].unique().tolist() == ["must be a date, because the split is by it"]


@pytest.mark.parametrize("time", [" 13:45", "T13:45:00", " 00:00:00.0000000"])
def test_a_row_is_placed_by_its_day_whatever_the_time(time: str, tmp_path: Path) -> None:
    split = "day 2020-06-01 2020-09-01"
    days, _ = made(visits(), tmp_path / "days", split=split)
    times, _ = made(visits().assign(day=lambda rows: rows["day"] + time), tmp_path / "times", split=split)
    assert times.rows == days.rows


def test_rows_of_the_wrong_length_are_rejected(tmp_path: Path) -> None:
    file = tmp_path / "visits.csv"
    file.write_text(visits().to_csv(index=False) + "v900,2020-01-01\n", "utf-8")
    run = Run("run", tmp_path / "run", "02_data")
    summary = make_data(step_in(run, Settings(source=str(file)), VISITS))
    assert (summary.rows["read"], summary.rows["rejected"]) == (401, 1)
    line = side(run, "rejected").iloc[0]
    assert (line["row"], line["reason"]) == (401, "has 2 cells, the header has 6")


def refused(frame: pd.DataFrame, folder: Path, said: str, **settings: object) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        made(frame, folder, **settings)
    assert "\n" not in str(caught.value)


def test_too_many_rejected_rows_name_the_values_that_broke(tmp_path: Path) -> None:
    frame = visits()
    frame.loc[:19, "ward"] = "west"
    frame.loc[20:22, "ward"] = "up"
    said = (
        r"23 of 400 rows \(5\.8%\) break the contract, more than max_rejected = 0\.01: "
        r"ward 'west' must be one of .* \(20 rows\); ward 'up' .* \(3 rows\); see .*rejected\.parquet"
    )
    refused(frame, tmp_path, said)
    assert len(pd.read_parquet(tmp_path / "run" / "data" / "rejected.parquet")) == 23


def test_the_limit_is_a_setting(tmp_path: Path) -> None:
    frame = visits()
    frame.loc[:19, "ward"] = "west"
    assert made(frame, tmp_path, max_rejected=0.05)[0].rows["rejected"] == 20


def test_only_one_class_is_refused(tmp_path: Path) -> None:
    refused(visits().assign(died="no"), tmp_path, "'died' is never 'yes'; a model needs both outcomes")


def test_more_than_two_classes_are_refused(tmp_path: Path) -> None:
    frame = visits()
    frame.loc[::3, "died"] = "perhaps"
    refused(
        frame,
        tmp_path,
        "died 'perhaps' must be yes or no .* name further labels as unknown, .* in 01_contract",
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"died": {"yes": "Yes", "no": "No"}}, r"'died' .* \(nearest: 'Yes' for 'yes', 'No' for 'no'\)"),
        ({"died": {"no": " NO"}}, r"'died' .* which have ' NO' \(nearest: ' NO' for 'no'\); correct"),
        ({"died": {"yes": "1", "no": "0"}}, r"'died' .* which have '1', '0'; correct the contract"),
        ({"ward": {"north": "North", "south": "South"}}, "'ward' .*nearest: 'North' for 'north', 'South'"),
        ({"ward": {"north": "N", "south": "S"}, "died": {"yes": "maybe"}}, "'ward' in notebooks/01_"),
    ],
)
def test_names_that_no_row_has_are_wrong_names(
    changes: dict[str, dict[str, str]], says: str, tmp_path: Path
) -> None:
    frame = visits()
    frame.loc[:5, "died"] = "?"
    frame = frame.replace(changes)
    frame = pd.concat([frame, frame.loc[:3].assign(died="?")])
    refused(frame, tmp_path, f"the names of {says}")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"died": {"yes": "maybe"}, "ward": {"south": "hall"}},
            "name further labels as unknown, or all of them as levels",
        ),
        ({"ward": {"south": "South"}}, r"see .*rejected\.parquet"),
    ],
)
def test_names_that_some_rows_have_are_not_wrong(
    changes: dict[str, dict[str, str]], says: str, tmp_path: Path
) -> None:
    refused(visits().replace(changes), tmp_path, says)


def test_a_level_that_is_spelt_like_a_missing_outcome_is_not_a_wrong_name(tmp_path: Path) -> None:
    frame = visits().assign(died="no")
    frame.loc[:20, "ward"] = "Yes"
    refused(frame, tmp_path, r"see .*rejected\.parquet")


@pytest.mark.parametrize(("count", "end"), [(5, "'5';"), (6, r"'5', \.\.\.;")])
def test_of_many_values_the_most_frequent_are_named(count: int, end: str, tmp_path: Path) -> None:
    frame = visits(210)
    frame["ward"] = [str(value) for value in np.repeat(np.arange(1, 7), np.arange(60, 0, -10))]
    frame = frame[frame["ward"].astype(int) <= count]
    refused(frame, tmp_path, f"which have '1', '2', '3', '4', {end} correct the contract")


def test_rows_of_the_wrong_length_do_not_hide_wrong_names(tmp_path: Path) -> None:
    file = tmp_path / "visits.csv"
    rows = visits().replace({"died": {"yes": "1", "no": "0"}})
    file.write_text(rows.to_csv(index=False) + "v900,2020-01-01\n", "utf-8")
    with pytest.raises(BadInput, match=r"401 of 401 rows .* the names of 'died'"):
        make_data(step_in(Run("run", tmp_path / "run", "02_data"), Settings(source=str(file)), VISITS))


def test_an_outcome_that_one_side_lacks_is_refused(tmp_path: Path) -> None:
    frame = visits().assign(died="no")
    frame.loc[0, "died"] = "yes"
    refused(frame, tmp_path, "no 'yes' among the (train|validation|test) rows; use more rows or another")


def test_no_known_outcome_is_refused(tmp_path: Path) -> None:
    refused(visits().assign(died="?"), tmp_path, "none of 400 rows has a known outcome in 'died'")


def test_header_only_is_refused(tmp_path: Path) -> None:
    refused(visits().iloc[:0], tmp_path, r"visits\.csv has a header but no rows")


def test_parquet_without_rows_is_refused(tmp_path: Path) -> None:
    visits().iloc[:0].to_parquet(tmp_path / "none.parquet")
    with pytest.raises(BadInput, match=r"none\.parquet has a header but no rows"):
        make_data(
            step_in(
                Run("r", tmp_path / "run", "02_data"), Settings(source=str(tmp_path / "none.parquet")), VISITS
            )
        )


@pytest.mark.parametrize("column", ["ward", "died"])
def test_missing_column_is_refused(column: str, tmp_path: Path) -> None:
    refused(visits().drop(columns=column), tmp_path, f"column '{column}' is missing")


def test_a_stand_in_without_the_column_of_the_split_is_refused(tmp_path: Path) -> None:
    settings = Settings(source="synthetic", split="day 2020-06-01 2020-09-01")
    with pytest.raises(BadInput, match="the synthetic stand-in has no column 'day'; set `source`"):
        make_data(step_in(Run("run", tmp_path / "run", "02_data"), settings))


def test_a_column_that_the_last_file_lacks_is_refused_before_any_row_is_read(tmp_path: Path) -> None:
    visits().to_csv(tmp_path / "a.csv", index=False)
    visits().drop(columns="ward").to_csv(tmp_path / "b.csv", index=False)
    run = Run("run", tmp_path / "run", "02_data")
    with pytest.raises(BadInput, match=r"b\.csv: column 'ward' is missing"):
        make_data(step_in(run, Settings(source=str(tmp_path / "*.csv")), VISITS))
    assert not (tmp_path / "run" / "data").exists()


def test_missing_column_of_the_split_is_refused(tmp_path: Path) -> None:
    refused(
        visits(),
        tmp_path,
        r"column 'days' is missing \(did you mean 'day'\?\)",
        split="days 2020-06-01 2020-09-01",
    )


def test_optional_columns_may_be_absent(tmp_path: Path) -> None:
    _, run = made(visits().drop(columns=["age", "note"]), tmp_path)
    assert side(run, "train")[["age", "note"]].isna().all(axis=None)


def test_stand_in_for_another_contract_says_what_to_do() -> None:
    with pytest.raises(BadInput, match="has no column 'ward'; set `source` in settings"):
        next(stand_in_chunks(VISITS, 100, seed=1))


def test_stand_in_says_that_it_is_one(tmp_path: Path) -> None:
    settings = Settings(source="synthetic", synthetic_rows=5000, seed=3)
    summary = make_data(step_in(Run("drawn", tmp_path / "drawn", "02_data"), settings))
    assert summary.synthetic
    assert summary.source == "synthetic stand-in (5,000 rows, seed 3)"
    assert summary.rows["rejected"] == 0
    assert summary.rows["set_aside"] / 5000 == pytest.approx(0.48, abs=0.03)


def test_stand_in_of_many_blocks_is_the_same_every_time(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    split = parse_split("hash 0.70 0.15 0.15")
    marks = set()
    for folder in folders:
        chunks = stand_in_chunks(CONTRACT, 120_000, 7)
        tidy = (sort_chunk(chunk, CONTRACT, split, side_of) for chunk in chunks)
        marks.add(write_rows(tidy, CONTRACT, folder).fingerprint())
    assert len(marks) == 1
