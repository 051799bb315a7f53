"""Outcomes: checked by the contract, stored by content, joined with answers in any order with one result."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from goldenpath.errors import BadInput
from goldenpath.feedback.answers import AnswerRow, AnswerWriter
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.joining import (
    ASKED_LATER,
    NO_ANSWERS,
    TOO_OLD,
    UNKNOWN_ID,
    UNKNOWN_KEY,
    joined,
    latest,
    matches_of,
    requests_of,
    with_outcomes,
)
from goldenpath.feedback.line_files import LineFile
from goldenpath.feedback.outcome_tables import outcome_table, read_outcomes, take_outcomes
from goldenpath.feedback.outcomes import OUTCOME_COLUMNS, OutcomeRow, outcome_lines
from goldenpath.feedback.retention import Limits
from goldenpath.schema.contract import Contract, Quantity, Record
from tests.helpers.contracts import EVERYTHING, VISITS

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def folder(home: Path) -> FeedbackFolder:
    return FeedbackFolder(home, "m")


def answer(folder: FeedbackFolder, *given: tuple[str, str, datetime], version: str = "v1") -> None:
    "Keep answers of these ids, keys and times, each written when it was given."
    for name, key, at in given:
        file = LineFile(folder.answers, folder.home, at.timestamp)
        store = AnswerWriter(folder, Limits(90, 1000), file)
        about = f'"key":"{key}",' if key else ""
        reply = f'{{"id":"{name}",{about}"value":2.5,"low":null,"high":null,"version":"{version}"}}'
        store.add([AnswerRow(at.timestamp(), "champion", reply.encode())])
        store.close()


def table(tmp_path: Path, text: str, name: str = "outcomes.csv") -> str:
    file = tmp_path / name
    file.write_text(text)
    return str(file)


def values(rows: pd.DataFrame) -> dict[str, Any]:
    return {
        name: None if pd.isna(value) else value
        for name, value in zip(rows["id"], rows["outcome"], strict=True)
    }


def test_outcomes_by_id_belong_to_every_answer_of_that_id(folder: FeedbackFolder, tmp_path: Path):
    answer(folder, ("a", "", NOON), ("b", "", NOON))
    answer(folder, ("a", "", NOON), version="v2")
    done = take_outcomes(folder, VISITS, table(tmp_path, "id,outcome\na,4\n"), NOON + timedelta(days=1))
    assert (done.rows, done.taken, done.rejected, done.already) == (1, 1, {}, False)
    rows = joined(folder, VISITS).rows
    assert rows[["id", "version"]].to_numpy().tolist() == [["a", "v1"], ["a", "v2"], ["b", "v1"]]
    assert rows["outcome"].tolist()[:2] == [4.0, 4.0]
    assert rows["outcome"].isna().tolist() == [False, False, True]
    assert rows["known"].tolist()[0] == NOON + timedelta(days=1)
    assert joined(folder, VISITS, version="v2").rows["outcome"].tolist() == [4.0]


def test_outcomes_by_key_belong_to_the_last_request_up_to_their_time_or_to_all_up_to_when_they_were_known(
    folder: FeedbackFolder, tmp_path: Path
):
    answer(folder, *((f"{day}", "ada", NOON + timedelta(days=day)) for day in range(4)))
    text = "patient,time,stay\nada,2026-11-28,1\nada,2026-11-30T11:59:59Z,2\n"
    take_outcomes(folder, VISITS, table(tmp_path, text), NOON + timedelta(days=9))
    assert values(joined(folder, VISITS).rows) == {"0": 1.0, "1": 2.0, "2": None, "3": None}
    later = "key,outcome,known\nada,9,2026-11-30\n"
    take_outcomes(folder, VISITS, table(tmp_path, later, "later.csv"))
    assert values(joined(folder, VISITS).rows) == {"0": 1.0, "1": 2.0, "2": 9.0, "3": None}


def test_a_window_of_answers_is_joined_as_it_is_among_all_of_them(folder: FeedbackFolder, tmp_path: Path):
    answer(folder, ("0", "ada", NOON), ("3", "ada", NOON + timedelta(days=3)))
    take_outcomes(folder, VISITS, table(tmp_path, "key,time,outcome\nada,2026-11-29,1\n"))
    later = joined(folder, VISITS, since=NOON + timedelta(days=2))
    assert (values(later.rows), later.unmatched) == ({"3": None}, {})
    assert values(joined(folder, VISITS, until=NOON + timedelta(days=2)).rows) == {"0": 1.0}


def test_the_same_rows_are_taken_once_in_any_form_and_a_correction_wins(
    folder: FeedbackFolder, tmp_path: Path
):
    answer(folder, ("a", "", NOON))
    first = table(tmp_path, "id,outcome\na,4\n")
    other = tmp_path / "outcomes.parquet"
    pd.DataFrame({"id": ["a"], "outcome": [4.0], "more": [1]}).to_parquet(other)
    assert not take_outcomes(folder, VISITS, first).already
    assert take_outcomes(folder, VISITS, str(other)).already
    take_outcomes(folder, VISITS, table(tmp_path, "id,outcome\na,5\n", "corrected.csv"))
    assert take_outcomes(folder, VISITS, first).already
    assert values(joined(folder, VISITS).rows) == {"a": 5.0}
    assert len(list(folder.outcomes.iterdir())) == 2


def test_an_outcome_that_became_unknown_takes_the_older_one_back(folder: FeedbackFolder, tmp_path: Path):
    answer(folder, ("a", "", NOON), ("b", "", NOON))
    text = "id,outcome,known\na,Yes,2026-11-29\na,Unknown,2026-11-30\nb,No,2026-11-30\nb,,2026-11-29\n"
    done = take_outcomes(folder, EVERYTHING, table(tmp_path, text))
    assert (done.taken, done.unknown) == (4, 2)
    joint = joined(folder, EVERYTHING)
    assert values(joint.rows) == {"a": None, "b": "No"}
    assert (joint.outcomes, joint.unmatched) == (1, {})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,,,-1,", "outcome must be a number from 0 (days)"),
        ("a,,,many,", "outcome must be a number from 0 (days)"),
        ("a,,,1_0,", "outcome must be a number from 0 (days)"),
        ("a,,,inf,", "outcome must be a number from 0 (days)"),
        (",,,1,", "needs the id of an answer, or a key"),
        (",ada,yesterday,1,", "time must be a day or a time, such as 2026-11-28 or 2026-11-28T12:30:00Z"),
        ("a,,,1,soon", "known must be a day or a time, such as 2026-11-28 or 2026-11-28T12:30:00Z"),
        ("a,1", "has too few or too many cells"),
    ],
)
def test_rows_that_break_the_contract_are_counted_by_reason(
    folder: FeedbackFolder, tmp_path: Path, row: str, reason: str
):
    header = "id,key,time,outcome,known\n"
    done = take_outcomes(folder, VISITS, table(tmp_path, f"{header}good,,,1,\n{row}\n"))
    assert (done.taken, done.rejected) == (1, {reason: 1})
    with pytest.raises(BadInput, match="no row can be used"):
        take_outcomes(folder, VISITS, table(tmp_path, f"{header}{row}\n", "bad.csv"))


def test_a_key_that_is_no_number_of_a_usual_length_is_rejected(folder: FeedbackFolder, tmp_path: Path):
    class Ward(Record):
        number: Annotated[int, Field(ge=0, le=10**9)]
        beds: int

    wards = Contract(Ward, Quantity("stay", unit="days"), key="number")
    rows = f"key,outcome\n7,1\n{'7' * 5_000},1\nseven,1\n"
    done = take_outcomes(folder, wards, table(tmp_path, rows))
    assert (done.taken, list(done.rejected.values())) == (1, [2])


def test_labels_keys_and_columns_are_those_of_the_contract(folder: FeedbackFolder, tmp_path: Path):
    done = take_outcomes(folder, EVERYTHING, table(tmp_path, "id,outcome\na,yes\nb,Yes\n"))
    assert done.rejected == {"outcome must be Yes or No (or unknown: Unknown)": 1}
    keyed = take_outcomes(folder, EVERYTHING, table(tmp_path, "id,key,outcome\na,,No\n,k,Yes\n", "key.csv"))
    assert keyed.rejected == {
        "key cannot be used, because the contract has none: give the id of the answer": 1
    }
    for header, missing in (("id,result", "column 'outcome'"), ("outcome", "column 'id' or 'key'")):
        with pytest.raises(BadInput, match=missing):
            take_outcomes(folder, EVERYTHING, table(tmp_path, f"{header}\na,Yes\n", "header.csv"))


def test_outcomes_without_an_answer_are_counted_by_the_likely_reason(folder: FeedbackFolder, tmp_path: Path):
    text = (
        "id,key,time,outcome,known\nlost,,,1,2026-12-24\nold,,,1,2026-01-01\n,bob,,1,2026-12-24\n"
        ",ada,2026-11-27,1,2026-12-24\n,ada,,1,2026-11-27\n"
    )
    take_outcomes(folder, VISITS, table(tmp_path, text))
    assert joined(folder, VISITS).unmatched == {NO_ANSWERS: 5}
    answer(folder, ("a", "ada", NOON))
    joint = joined(folder, VISITS)
    assert joint.unmatched == {ASKED_LATER: 2, UNKNOWN_ID: 1, TOO_OLD: 1, UNKNOWN_KEY: 1}
    assert joint.outcomes == 5


def test_what_a_server_wrote_counts_as_well_and_what_is_broken_is_named(folder: FeedbackFolder):
    answer(folder, ("a", "", NOON), ("b", "", NOON))
    lines = outcome_lines(
        [OutcomeRow("a", "", None, "3.0", None), OutcomeRow("b", "", None, "4.0", None)], NOON
    )
    LineFile(folder.outcomes, folder.home).write(lines + b'{"id":"b","outc', durable=True)
    (folder.outcomes / "0.parquet").write_bytes(b"PAR1")
    joint = joined(folder, VISITS)
    assert values(joint.rows) == {"a": 3.0, "b": 4.0}
    assert len(joint.problems) == 2
    assert "1 of 3 lines" in joint.problems[1]


def test_outcomes_of_another_contract_are_skipped_and_named(folder: FeedbackFolder, tmp_path: Path):
    answer(folder, ("a", "", NOON))
    take_outcomes(folder, EVERYTHING, table(tmp_path, "id,outcome\na,Yes\n"))
    joint = joined(folder, VISITS)
    assert values(joint.rows) == {"a": None}
    assert "1 outcomes are skipped" in joint.problems[0]


HOURS = st.integers(0, 6).map(lambda hour: int((NOON + timedelta(hours=hour)).timestamp() * 1e6))
OUTCOME = st.one_of(
    st.builds(
        OutcomeRow,
        st.sampled_from("abc"),
        st.just(""),
        st.none(),
        st.sampled_from(["1.0", "2.0", None]),
        HOURS,
    ),
    st.builds(
        OutcomeRow,
        st.just(""),
        st.sampled_from(['"x"', '"y"']),
        st.none() | HOURS,
        st.sampled_from(["1.0", "2.0", None]),
        HOURS,
    ),
)
ANSWERS = pd.DataFrame(
    {
        "id": [*"abcdef"],
        "key": ['"x"', '"x"', '"y"', '"y"', '"x"', None],
        "time": [pd.Timestamp(NOON + timedelta(hours=hour)) for hour in (0, 1, 1, 3, 4, 5)],
        "version": "v1",
    }
)


@given(outcomes=st.lists(OUTCOME, max_size=12), seed=st.integers(0, 99))
@settings(max_examples=25)
def test_any_order_repetition_and_division_of_outcomes_gives_one_table(outcomes: list[OutcomeRow], seed: int):
    chance = random.Random(seed)
    again = [*outcomes, *(chance.choices(outcomes, k=5) if outcomes else [])]
    chance.shuffle(again)
    cut = chance.randint(0, len(again))
    parts = pd.concat([outcome_table(part, 0).to_pandas() for part in (again[cut:], again[:cut])])
    whole, mixed = (
        with_outcomes(ANSWERS, matches_of(latest(frame), requests_of(ANSWERS)), VISITS)
        for frame in (outcome_table(outcomes, 0).to_pandas(), parts)
    )
    pd.testing.assert_frame_equal(whole, mixed)
    assert whole["outcome"].tolist() == pytest.approx(
        [by_hand(outcomes, place) for place in range(6)], nan_ok=True
    )


def by_hand(outcomes: list[OutcomeRow], place: int) -> float:
    "Say what came of a request, by the sentences of the documentation."
    row = ANSWERS.iloc[place]
    asked = row["time"].value // 1000
    fitting = []
    for outcome in outcomes:
        about = [
            at.value // 1000
            for key, at in zip(ANSWERS["key"], ANSWERS["time"], strict=True)
            if key == outcome.key
        ]
        if outcome.id:
            fits = outcome.id == row["id"]
        elif outcome.key != row["key"]:
            fits = False
        elif outcome.time is None:
            fits = asked <= (outcome.known_at or 0)
        else:
            fits = asked == max((at for at in about if at <= outcome.time), default=None)
        if fits:
            fitting.append(outcome)
    last = {}
    for outcome in sorted(fitting, key=lambda one: (one.known_at, one.outcome or "")):
        last[outcome[:3]] = outcome
    ranked = sorted(last.values(), key=lambda one: (one.known_at, one.outcome or ""))
    return float(ranked[-1].outcome or "nan") if ranked else float("nan")


def test_reading_an_empty_folder_gives_an_empty_table(folder: FeedbackFolder):
    rows, problems = read_outcomes(folder)
    assert (len(rows), [*rows.columns], problems) == (0, [*OUTCOME_COLUMNS], ())
    joint = joined(folder, VISITS)
    assert (len(joint.rows), joint.outcomes, joint.unmatched) == (0, 0, {})
