"""Erasing a person: no byte of the key is left on the volume, and everything else stays."""

import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from goldenpath.cli import cli
from goldenpath.errors import BadInput
from goldenpath.feedback.answer_tables import answer_files, read_answers
from goldenpath.feedback.answers import AnswerRow, AnswerWriter
from goldenpath.feedback.erasure import LEFT_BEHIND, erase_person, person_of
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.joining import joined
from goldenpath.feedback.line_files import LineFile
from goldenpath.feedback.outcome_tables import take_outcomes
from goldenpath.feedback.outcomes import OutcomeRow, outcome_lines
from goldenpath.feedback.retention import Limits
from goldenpath.project import Project
from goldenpath.runs.person import runs_with_key
from tests.helpers.contracts import EVERYTHING, VISITS
from tests.helpers.patience import wait_until
from tests.helpers.volume_bytes import files_with

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
MARKED = "marked-patient-4711"


@pytest.fixture
def folder(home: Path) -> FeedbackFolder:
    return FeedbackFolder(home, "m")


def reply(name: str, key: str) -> AnswerRow:
    answer = f'{{"id":"{name}","key":"{key}","value":2.5,"low":null,"high":null,"version":"v1"}}'
    return AnswerRow(NOW.timestamp(), "champion", answer.encode(), f'{{"patient": "{key}"}}'.encode())


def batch(name: str, *keys: str) -> AnswerRow:
    answers = ",".join(f'{{"key":"{key}","value":1.5}}' for key in keys)
    records = ",".join(f'{{"patient":"{key}"}}' for key in keys)
    head = f'{{"id":"{name}","version":"v1","predictions":[{answers}]}}'
    return AnswerRow(NOW.timestamp(), "champion", head.encode(), f"[{records}]".encode())


def writer(folder: FeedbackFolder) -> AnswerWriter:
    return AnswerWriter(folder, Limits(90, 1000))


def filled(folder: FeedbackFolder, tmp_path: Path) -> AnswerWriter:
    "Keep the marked person in every kind of file; return a worker that goes on writing."
    first, second = writer(folder), writer(folder)
    first.add([reply("a", MARKED), reply("b", "ada")])
    first.close()
    read_answers(folder)  # makes Parquet of it
    second.add([batch("q", "ada", MARKED, "bob")])
    second.close()
    living = writer(folder)
    living.add([reply("c", MARKED), reply("d", "ada")])
    living.flush()
    dead = writer(folder)
    dead.add([reply("e", MARKED)])
    dead.flush()
    torn = next(path for path in answer_files(folder.answers) if b'"e"' in path.read_bytes())
    torn.write_bytes(torn.read_bytes() + f'{{"id":"f","key":"{MARKED}'.encode())
    sheet = tmp_path / "outcomes.csv"
    sheet.write_text(f"id,key,outcome\na,,3\nb,,4\n,{MARKED},5\n,bob,6\n")
    take_outcomes(folder, VISITS, str(sheet))
    rows = [OutcomeRow("", f'"{MARKED}"', None, "3.0", None), OutcomeRow("d", "", None, "4.0", None)]
    LineFile(folder.outcomes, folder.home).write(outcome_lines(rows, NOW))
    return living


def test_no_byte_of_the_key_is_left_and_everything_else_is(folder: FeedbackFolder, tmp_path: Path):
    living = filled(folder, tmp_path)
    assert len(files_with(folder.home, MARKED)) == 6
    person = erase_person(folder, person_of(VISITS, key=MARKED), wait=0)
    assert (person.answers, person.outcomes, person.finished, person.problems) == (4, 3, True, [])
    assert files_with(folder.home, MARKED) == []
    living.add([reply("g", "ada")])
    living.flush()
    rows = joined(folder, VISITS).rows
    outcomes = dict(zip(rows["id"], rows["outcome"].fillna(0), strict=True))
    assert outcomes == {"b": 4.0, "d": 4.0, "g": 0.0, "q/0": 0.0, "q/2": 6.0}
    assert rows["record_patient"].tolist() == ["ada", "ada", "ada", "ada", "bob"]


def test_a_file_that_was_taken_in_does_not_bring_the_person_back(folder: FeedbackFolder, tmp_path: Path):
    filled(folder, tmp_path)
    erase_person(folder, person_of(VISITS, key=MARKED), wait=0)
    assert take_outcomes(folder, VISITS, str(tmp_path / "outcomes.csv")).already
    assert files_with(folder.home, MARKED) == []


def test_answers_that_a_worker_had_not_written_yet_are_erased_in_the_next_round(folder: FeedbackFolder):
    living = writer(folder)
    living.add([reply("a", MARKED)])
    living.flush()
    living.add([reply("b", MARKED), reply("c", "ada")])
    late = threading.Timer(0.1, living.flush)
    late.start()
    person = erase_person(folder, person_of(VISITS, key=MARKED), wait=0.3)
    late.join()
    assert (person.answers, person.finished) == (2, True)
    assert read_answers(folder).rows["id"].tolist() == ["c"]
    assert files_with(folder.home, MARKED) == []


def test_a_worker_that_keeps_answering_loses_no_other_answer(folder: FeedbackFolder):
    living, written, stop = writer(folder), [], threading.Event()
    living.add([reply("marked", MARKED)])

    def answer() -> None:
        while not stop.is_set():
            living.add([reply(f"r{len(written)}", "ada")])
            living.flush()
            written.append(f"r{len(written)}")
            stop.wait(0.002)

    thread = threading.Thread(target=answer)
    thread.start()
    wait_until(lambda: written)
    person = erase_person(folder, person_of(VISITS, key=MARKED), wait=0.2)
    stop.set()
    thread.join()
    assert (person.answers, person.finished) == (1, True)
    assert sorted(read_answers(folder).rows["id"]) == sorted(written)
    assert files_with(folder.home, MARKED) == []


def test_a_person_about_whom_servers_go_on_answering_is_reported(
    folder: FeedbackFolder, monkeypatch: pytest.MonkeyPatch
):
    def answer_again(seconds: float) -> None:
        store = writer(folder)
        store.add([reply("a", MARKED)])
        store.flush()

    answer_again(0)
    monkeypatch.setattr("goldenpath.feedback.erasure.sleep", answer_again)
    assert not erase_person(folder, person_of(VISITS, key=MARKED)).finished


def test_without_a_key_an_answer_is_erased_by_its_id_with_all_its_records(folder: FeedbackFolder):
    store = writer(folder)
    store.add([batch("q", "x", "y"), reply("q2", "z")])
    store.close()
    person = erase_person(folder, person_of(EVERYTHING, name="q"), wait=0)
    assert (person.answers, person.finished) == (2, True)
    assert read_answers(folder).rows["id"].tolist() == ["q2"]
    with pytest.raises(BadInput, match="has no key"):
        person_of(EVERYTHING, key="x")
    with pytest.raises(BadInput, match="either a key or the id"):
        person_of(VISITS)


def test_what_a_killed_cleaner_left_is_swept_and_what_cannot_be_searched_is_named(folder: FeedbackFolder):
    store = writer(folder)
    store.add([reply("a", MARKED)])
    store.close()
    day = answer_files(folder.answers)[0].parent
    staged = day / ".staging-0123456789abcdef"
    staged.write_text(MARKED)
    old = time.time() - LEFT_BEHIND - 1
    os.utime(staged, (old, old))
    foreign = day / "000000-x-1-1.parquet"
    foreign.write_bytes(b"PAR1")
    person = erase_person(folder, person_of(VISITS, key=MARKED), wait=0)
    assert files_with(folder.home, MARKED) == []
    assert str(foreign) in person.problems[0]


def test_runs_whose_rows_hold_the_key_are_named(home: Path):
    for name, patients in (
        ("20261128T114252Z-cb6609", ["ada", MARKED]),
        ("20261128T114253Z-cb6610", ["ada"]),
    ):
        (home / "runs" / name / "data").mkdir(parents=True)
        rows = pd.DataFrame({"patient": pd.Categorical(patients)})
        rows.to_parquet(home / "runs" / name / "data" / "test.parquet")
    assert runs_with_key(home / "runs", "patient", MARKED) == ["20261128T114252Z-cb6609"]
    assert runs_with_key(home / "runs", "other", MARKED) == []


@pytest.fixture
def visits(home: Path, monkeypatch: pytest.MonkeyPatch) -> FeedbackFolder:
    "Return the feedback of a project of visits, which the command line works on."
    monkeypatch.setenv("GOLDENPATH_HOME", str(home))
    monkeypatch.setenv("GOLDENPATH_MODEL", "m")
    monkeypatch.setattr(Project, "contract", VISITS)
    monkeypatch.setattr("goldenpath.feedback.erasure.WRITTEN_SECONDS", 0)
    return FeedbackFolder(home, "m")


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, [*words], catch_exceptions=False)


def test_the_commands_take_outcomes_in_and_a_person_out(visits: FeedbackFolder, tmp_path: Path):
    store = writer(visits)
    store.add([reply("a", MARKED), reply("b", "ada")])
    store.close()
    sheet = tmp_path / "outcomes.csv"
    sheet.write_text("id,outcome\na,3\nb,-4\nlost,5\n")
    taken = call("outcomes", str(sheet))
    assert taken.exit_code == 0
    for line in (
        "2 of 3 rows taken in, 0 with an unknown outcome",
        "1 rejected: outcome must be a number from 0 (days)",
        "1 of 2 answers that are kept have an outcome now",
        "1 of 2 outcomes match no answer: no answer that is kept has this id",
    ):
        assert line in taken.output
    (visits.home / "runs" / "20261128T114252Z-cb6609" / "data").mkdir(parents=True)
    rows = visits.home / "runs" / "20261128T114252Z-cb6609" / "data" / "train.parquet"
    pd.DataFrame({"patient": [MARKED]}).to_parquet(rows)
    gone = call("feedback", "erase", "--key", MARKED)
    assert gone.exit_code == 0
    assert "erased 1 answers and 1 outcomes; 2 files changed" in gone.output
    assert "run 20261128T114252Z-cb6609 holds rows of this key" in gone.output
    assert files_with(visits.path, MARKED) == []
    (rows.parent / "summary.json").write_text('{"answered": 2}')
    by_id = call("feedback", "erase", "--id", "b")
    assert "run 20261128T114252Z-cb6609 was trained on answered records" in by_id.output
    assert call("feedback", "erase").exit_code == 2
    visits.home.rename(visits.home.with_name("unmounted"))
    missing = call("feedback", "erase", "--key", MARKED)
    assert (missing.exit_code, "nothing was erased" in missing.output) == (1, True)
