"""Answered records with an outcome are training rows: the same contract, the same side as in a file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic_core import to_json

from goldenpath.cli.reproduce import retrain
from goldenpath.contract import CONTRACT
from goldenpath.errors import BadInput
from goldenpath.feedback.answers import AnswerRow, AnswerWriter
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.outcome_tables import take_outcomes
from goldenpath.feedback.retention import Limits
from goldenpath.registry.manifest import DataSummary
from goldenpath.registry.registry import Registry
from goldenpath.runs.reproduce import compare_data
from goldenpath.runs.run import Run
from goldenpath.schema.contract import Contract
from goldenpath.settings import Settings, load_settings
from goldenpath.steps.data import make_data
from goldenpath.tables.feedback_source import without_feedback
from goldenpath.tables.split import SIDES, parse_split
from tests.helpers.contracts import VISITS
from tests.helpers.serving_fixtures import MODEL, publish, records
from tests.helpers.trained_run import step_in

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def visits(count: int = 300) -> pd.DataFrame:
    "Draw visits with a known stay, as a file of exactly the contract's columns has them."
    chance, most = np.random.default_rng(5), 500
    drawn = pd.DataFrame(
        {
            "patient": [f"p{number % 100}" for number in range(most)],
            "day": [f"2024-05-{number % 28 + 1:02}" for number in range(most)],
            "ward": chance.choice(["north", "south"], most),
            "pulse": chance.choice([60.0, 61.5, 72.0], most),
            "stay": chance.integers(0, 20, most),
        }
    )
    return drawn[:count]


def answer_all(
    folder: FeedbackFolder, rows: pd.DataFrame, records: bool = True, role: str = "champion"
) -> None:
    "Answer each visit; its id is its place."
    store = AnswerWriter(folder, Limits(90, 1000))
    for place, row in enumerate(rows.drop(columns="stay").to_dict("records")):
        reply = {"id": f"r{place}", "key": row["patient"], "value": 1.0, "version": role}
        store.add([AnswerRow(NOON.timestamp(), role, to_json(reply), to_json(row) if records else b"")])
    store.close()


def take_stays(folder: FeedbackFolder, rows: pd.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "stays.csv"
    pd.DataFrame({"id": [f"r{place}" for place in range(len(rows))], "stay": rows["stay"]}).to_csv(
        file, index=False
    )
    take_outcomes(folder, VISITS, str(file))


def made(home: Path, source: str, name: str, **settings: Any) -> tuple[DataSummary, dict[str, pd.DataFrame]]:
    "Make data of a source; return the summary, and the rows of each side."
    run = Run(name, home / name, "02_data")
    named = Settings(**{"home": str(home), "model": "m", "source": source, **settings})
    summary = make_data(step_in(run, named, VISITS_UNWEIGHTED if "weight" in name else VISITS))
    sides = {side: pd.read_parquet(run.folder / "data" / f"{side}.parquet").astype(str) for side in SIDES}
    return summary, {
        side: rows.sort_values([*rows.columns]).reset_index(drop=True) for side, rows in sides.items()
    }


VISITS_UNWEIGHTED = Contract(VISITS.record, VISITS.target, key="patient", event_time="day")


@pytest.fixture
def answered(home: Path, tmp_path: Path) -> FeedbackFolder:
    "Return the feedback of a server that answered 300 visits, of which all stays are known."
    folder = FeedbackFolder(home, "m")
    answer_all(folder, visits())
    take_stays(folder, visits(), tmp_path)
    return folder


@pytest.mark.parametrize(
    "split", ["hash 0.6 0.2 0.2", "hash 0.6 0.2 0.2 by key", "event_time 2024-05-15 2024-05-20"]
)
def test_each_row_has_the_side_that_it_has_in_a_file(answered: FeedbackFolder, split: str):
    file = answered.home / "visits.csv"
    visits().to_csv(file, index=False)
    fed, fed_sides = made(answered.home, "feedback", "fed unweighted", split=split)
    filed, file_sides = made(answered.home, str(file), "filed unweighted", split=split)
    assert (fed.source, fed.answered, filed.answered) == ("feedback", 300, None)
    assert fed.fingerprint == filed.fingerprint
    for side in SIDES:
        pd.testing.assert_frame_equal(fed_sides[side], file_sides[side])


def test_rows_of_feedback_stand_beside_those_of_a_file_and_count_once_each(answered: FeedbackFolder):
    file = answered.home / "visits.csv"
    visits(500).assign(visits=3).to_csv(file, index=False)
    summary, sides = made(answered.home, f"{file} + feedback", "both")
    assert (summary.source, summary.answered, summary.rows["read"]) == (f"{file} + feedback", 300, 800)
    weights = pd.concat(sides.values())["visits"]
    assert weights.value_counts().to_dict() == {"3.0": 500, "1.0": 300}


def test_one_request_is_one_row_however_many_versions_answered(answered: FeedbackFolder):
    answer_all(answered, visits(), role="shadow")
    summary, _ = made(answered.home, "feedback", "once")
    assert summary.rows["read"] == 300


def test_a_later_outcome_moves_no_other_row(answered: FeedbackFolder, tmp_path: Path):
    _, before = made(answered.home, "feedback", "before")
    more = visits(400)
    answer_all(answered, more)  # the first 300 once more, as after a restart of the caller
    take_stays(answered, more, tmp_path)
    summary, after = made(answered.home, "feedback", "after")
    assert summary.answered == 400
    for side in SIDES:
        merged = before[side].merge(after[side].drop_duplicates(), how="left", indicator=True)
        assert (merged["_merge"] == "both").all()


def test_without_kept_records_or_outcomes_it_is_refused_with_the_fix(home: Path, tmp_path: Path):
    folder = FeedbackFolder(home, "m")
    with pytest.raises(BadInput, match=r"of 0 answers .* set `feedback = records`"):
        made(home, "feedback", "none")
    answer_all(folder, visits(), records=False)
    take_stays(folder, visits(), tmp_path)
    with pytest.raises(BadInput, match=r"of 300 answers in .* 0 have\s+their record"):
        made(home, "feedback", "scores")
    answer_all(FeedbackFolder(home, "other"), visits())
    with pytest.raises(BadInput, match="300 have their record, and none of these has a known outcome"):
        made(home, "feedback", "unknown", model="other")


def test_a_split_by_a_column_that_no_record_has_is_refused(answered: FeedbackFolder):
    with pytest.raises(BadInput, match="no column 'reported', which `split` needs"):
        made(answered.home, "feedback", "column", split=parse_split("reported 2024-05-15 2024-05-20"))


def test_reproduce_reads_the_answered_records_of_today(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder, asked = FeedbackFolder(home, MODEL), records(300, 3)
    store = AnswerWriter(folder, Limits(90, 1000))
    for place, record in enumerate(asked):
        reply = {"id": f"r{place}", "label": "No", "probability": 0.1, "version": "v1"}
        store.add([AnswerRow(NOON.timestamp(), "champion", to_json(reply), to_json(record))])
    store.close()
    file = tmp_path / "outcomes.csv"
    lines = [f"r{place},{'Yes' if place % 3 else 'No'}" for place in range(300)]
    file.write_text("\n".join(["id,outcome", *lines]))
    take_outcomes(folder, CONTRACT, str(file))
    version = publish(home, 1)
    manifest = Registry(home, MODEL).manifest(version)
    then = manifest.data.model_copy(update={"source": "feedback", "answered": 299, "drawn": None})
    manifest = manifest.model_copy(update={"data": then})
    monkeypatch.setenv("GOLDENPATH_HOME", str(home))
    monkeypatch.setenv("GOLDENPATH_MODEL", MODEL)
    monkeypatch.setattr(
        "goldenpath.steps.train.train", lambda step, seed: None
    )  # slow, and not what is asked
    data, _ = retrain(manifest, tmp_path)
    assert data.answered == 300
    shown = {line.what: (line.recorded, line.present) for line in compare_data(manifest, data)}
    assert shown["data"] == ("feedback (299 answered records)", "feedback (300 answered records)")


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("feedback", ("feedback", True)),
        ("rows.csv + feedback", ("rows.csv", True)),
        ("s3://rows/*.parquet+feedback ", ("s3://rows/*.parquet", True)),
        ("feedback.csv", ("feedback.csv", False)),
        ("my feedback", ("my feedback", False)),
    ],
)
def test_a_source_says_whether_it_adds_feedback(source: str, parts: tuple[str, bool]):
    assert without_feedback(source) == parts


def test_places_of_a_source_are_those_of_its_file(tmp_path: Path):
    file = tmp_path / "settings.ini"
    file.write_text("[data]\nsource = rows.csv + feedback\n")
    settings = load_settings(file, {})
    assert (settings.data_source({}), settings.adds_feedback) == (str(tmp_path / "rows.csv"), True)
    assert settings.data_places({}) == (str(tmp_path / "rows.csv"),)
    assert settings.changed(source="feedback").data_places({}) == ()
    with pytest.raises(BadInput, match="name a file beside feedback"):
        settings.changed(source="synthetic + feedback").data_source({})
