"""The answer store: what a worker appends is read as one table, whatever happened to its files."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from goldenpath.errors import VolumeFault
from goldenpath.feedback.answer_tables import answer_files, read_answers
from goldenpath.feedback.answers import MOST_WAITING, AnswerRow, AnswerWriter, record_keeper
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.line_files import ABANDONED, LineFile
from goldenpath.feedback.retention import Limits, retain
from tests.helpers.contracts import EVERYTHING, VISITS
from tests.helpers.project import PROJECT

NOW = datetime(2026, 11, 28, 23, 50, tzinfo=UTC)
LIMITS = Limits(days=90, megabytes=1000)


@pytest.fixture
def folder(home: Path) -> FeedbackFolder:
    return FeedbackFolder(home, "m")


class Clock:
    "A clock that is set."

    def __init__(self, moment: datetime = NOW) -> None:
        self.moment = moment

    def __call__(self) -> float:
        return self.moment.timestamp()


def writer(folder: FeedbackFolder, clock: Any = time.time, **limits: Any) -> AnswerWriter:
    return AnswerWriter(folder, LIMITS, LineFile(folder.answers, folder.home, clock, **limits))


def row(name: str, at: datetime = NOW, record: bytes = b"", **answer: Any) -> AnswerRow:
    reply = f'{{"id":"{name}","label":"Yes","version":"v1","probability":0.75}}'.encode()
    return AnswerRow(at.timestamp(), "champion", answer.get("reply", reply), record)


def test_answers_are_one_table_from_open_and_closed_files_and_from_parquet(folder: FeedbackFolder):
    first, second = writer(folder), writer(folder)
    for store, names in ((first, "ab"), (second, "cd")):
        for name in names:
            store.add([row(name)])
            store.flush()
    first.close()
    assert sorted(path.name.partition(".")[2] for path in answer_files(folder.answers)) == [
        "jsonl",
        "open.jsonl",
    ]
    rows = read_answers(folder).rows
    assert rows["id"].tolist() == ["a", "b", "c", "d"]
    assert rows.iloc[0][["version", "role", "label", "probability"]].tolist() == [
        "v1",
        "champion",
        "Yes",
        0.75,
    ]
    assert rows["time"].tolist() == [pd.Timestamp(NOW)] * 4
    assert sorted(path.name.partition(".")[2] for path in answer_files(folder.answers)) == [
        "open.jsonl",
        "parquet",
    ]
    pd.testing.assert_frame_equal(read_answers(folder).rows, rows)


def test_the_recipe_of_the_documentation_reads_the_closed_files(home: Path, monkeypatch: pytest.MonkeyPatch):
    folder = FeedbackFolder(home / "volume", "covid-death")
    folder.home.mkdir()
    for name in "ab":
        store = writer(folder)
        store.add([row(name, record=b'{"ward":"north","pulse":61.5,"any":null}')])
        store.close()
    read_answers(folder)
    monkeypatch.chdir(home)
    page = (PROJECT / "docs" / "reference" / "feedback.md").read_text()
    values: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], values)
    rows = values["answers"].sort_values("id")
    assert rows[["id", "record_ward", "record_pulse"]].to_numpy().tolist() == [
        ["a", "north", 61.5],
        ["b", "north", 61.5],
    ]


def test_a_batch_is_a_row_for_each_record(folder: FeedbackFolder):
    reply = (
        b'{"id":"q","version":"v1","predictions":'
        b'[{"key":7,"value":1.5,"low":null,"high":2.0},{"key":8,"value":2.5}]}'
    )
    store = writer(folder)
    store.add([row("", reply=reply, record=b'[{"pulse":1},\n {"pulse":2}]')])
    store.close()
    rows = read_answers(folder).rows
    assert rows[["id", "key", "value", "record_pulse"]].to_numpy().tolist() == [
        ["q/0", "7", 1.5, 1],
        ["q/1", "8", 2.5, 2],
    ]
    assert rows["high"].tolist()[0] == 2.0
    assert rows["low"].isna().all()


def test_each_class_has_a_column_of_its_own(folder: FeedbackFolder):
    store = writer(folder)
    reply = b'{"id":"q","label":"a","probabilities":{"a":0.75,"b":0.25},"version":"v1"}'
    store.add([row("", reply=reply)])
    store.flush()
    assert read_answers(folder).rows.iloc[0][["label", "probability_a", "probability_b"]].tolist() == [
        "a",
        0.75,
        0.25,
    ]


def test_what_is_kept_of_a_request_is_the_record_the_event_time_or_nothing():
    body = b'{"patient": "ada",\n "day": "2024-05-06", "ward": "north"}'
    assert record_keeper(VISITS, records=True)(body) == body
    assert record_keeper(VISITS, records=False)(body) == b'{"day":"2024-05-06"}'
    assert record_keeper(VISITS, records=False)(b"[" + body + b"]") == b'[{"day":"2024-05-06"}]'
    assert record_keeper(EVERYTHING, records=False)(body) == b""
    padded = body.replace(b" ", b" " * 10_000)
    assert record_keeper(VISITS, records=True)(padded) == body.replace(b" ", b"").replace(b"\n", b"")


def test_a_record_with_line_breaks_stays_one_line(folder: FeedbackFolder):
    store = writer(folder)
    store.add([row("a", record=b'{"ward":\n"no\\nrth"}\n')])
    store.flush()
    assert read_answers(folder).rows["record_ward"].tolist() == ["no\nrth"]


@pytest.mark.parametrize(
    ("damage", "kept"),
    [(b'{"id":"x","ti', "abc"), (b"[1]\n", "abc"), (b'"text"\n{"id":"late"}\n', "abc"), (b"\xff\n", "abc")],
)
def test_half_written_and_foreign_lines_are_skipped_and_named(
    folder: FeedbackFolder, damage: bytes, kept: str
):
    store = writer(folder)
    store.add([row(name) for name in "ab"])
    store.close()
    (path,) = answer_files(folder.answers)
    path.write_bytes(path.read_bytes() + damage)
    other = writer(folder)
    other.add([row("c")])
    other.flush()
    answers = read_answers(folder)
    assert answers.rows["id"].tolist() == [*kept]
    (problem,) = answers.problems
    assert str(path) in problem
    assert "skipped" in problem


def test_a_broken_file_never_spoils_the_table(folder: FeedbackFolder):
    store = writer(folder)
    store.add([row("a")])
    store.close()
    read_answers(folder)
    (good,) = answer_files(folder.answers)
    day = good.parent
    (day / "000000-x-1-1.parquet").write_bytes(b"PAR1 and no more")
    pq.write_table(pq.read_table(good).drop_columns("version"), day / "000001-x-1-1.parquet")
    foreign = pq.read_table(good).set_column(0, "id", [[1]])  # a number, which is read as text
    pq.write_table(foreign, day / "000003-x-1-1.parquet")
    (day / "000002-x-1-1.jsonl").write_bytes(
        b'{"id":"x","time":1,"version":"v","role":"r","predictions":7}\n'
    )
    answers = read_answers(folder)
    assert answers.rows["id"].tolist() == ["1", "a"]
    assert len(answers.problems) == 3


def test_a_folder_that_cannot_be_written_is_read_as_it_is(
    folder: FeedbackFolder, monkeypatch: pytest.MonkeyPatch
):
    store = writer(folder)
    store.add([row("a")])
    store.close()

    def refuse(*given: Any) -> None:
        raise VolumeFault("read-only")

    monkeypatch.setattr("goldenpath.feedback.answer_tables.replace_file", refuse)
    assert read_answers(folder).rows["id"].tolist() == ["a"]
    assert [path.suffix for path in answer_files(folder.answers)] == [".jsonl"]


def test_files_are_closed_by_time_and_by_size_and_each_answer_is_in_one(folder: FeedbackFolder):
    clock = Clock()
    store = writer(folder, clock, full=300)
    for minute in range(0, 130, 13):
        clock.moment = NOW + timedelta(minutes=minute)
        store.add([row(f"{minute:03}", clock.moment)])
        store.flush()
    names = [path.name for path in answer_files(folder.answers)]
    assert len(names) > 3
    assert {path.parent.name for path in answer_files(folder.answers)} == {"2026-11-28", "2026-11-29"}
    rows = read_answers(folder).rows
    assert rows["id"].tolist() == [f"{minute:03}" for minute in range(0, 130, 13)]
    later = read_answers(folder, since=NOW + timedelta(minutes=12), until=NOW + timedelta(minutes=39)).rows
    assert later["id"].tolist() == ["013", "026"]
    assert read_answers(folder, version="v2").rows.empty


def test_a_worker_that_was_killed_loses_nothing_that_was_written(folder: FeedbackFolder):
    clock = Clock(datetime.now(UTC) - timedelta(seconds=ABANDONED + 60))
    store = writer(folder, clock)
    store.add([row("a")])
    store.flush()
    del store  # as SIGKILL does: nobody closes
    assert read_answers(folder).rows["id"].tolist() == ["a"]
    assert [path.suffix for path in answer_files(folder.answers)] == [".parquet"]


def test_a_file_that_another_process_renamed_is_followed_by_the_next_one(folder: FeedbackFolder):
    store = writer(folder)
    store.add([row("a")])
    store.flush()
    (path,) = answer_files(folder.answers)
    path.rename(path.with_name("other.jsonl"))
    store.add([row("b")])
    store.flush()
    assert read_answers(folder).rows["id"].tolist() == ["a", "b"]
    assert len(answer_files(folder.answers)) == 2


def test_answers_wait_for_a_folder_that_vanished_and_the_oldest_are_dropped(folder: FeedbackFolder):
    store = writer(folder)
    folder.home.rename(folder.home.with_name("gone"))
    store.add([row("a")])
    with pytest.raises(VolumeFault, match="home"):
        store.flush()
    assert not folder.home.exists()
    folder.home.with_name("gone").rename(folder.home)
    store.flush()
    assert read_answers(folder).rows["id"].tolist() == ["a"]
    many = [row("x", record=b'{"any text":"' + b"x" * 1000 + b'"}')] * (MOST_WAITING // 10_000)
    for _ in range(12):
        store.add(many)
    waiting = 12 * len(many) - store.dropped
    assert 0 < waiting < 9 * len(many)
    store.flush()
    assert sum(path.read_bytes().count(b'"x"') for path in answer_files(folder.answers)) == waiting


def test_a_full_disk_leaves_no_half_line(folder: FeedbackFolder, monkeypatch: pytest.MonkeyPatch):
    store = writer(folder)
    store.add([row("a")])
    store.flush()
    write, left = os.write, [20]

    def short(descriptor: int, content: bytes) -> int:
        if not left:
            raise OSError(28, "No space left on device")
        return write(descriptor, bytes(content)[: left.pop()])

    monkeypatch.setattr(os, "write", short)
    store.add([row("b")])
    with pytest.raises(VolumeFault, match="No space left"):
        store.flush()
    monkeypatch.undo()
    store.flush()
    answers = read_answers(folder)
    assert answers.rows["id"].tolist() == ["a", "b"]
    assert answers.problems == ()


def kept_file(folder: Path, day: datetime, number: int, size: int, ending: str) -> Path:
    place = folder / f"{day:%Y-%m-%d}"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{day:%H%M%S}-host-1-{number}{ending}"
    path.write_bytes(b"\0" * size)
    os.utime(path, (day.timestamp(), day.timestamp()))
    return path


def test_the_oldest_closed_files_are_removed_beyond_days_and_megabytes(folder: FeedbackFolder):
    old = kept_file(folder.answers, NOW - timedelta(days=91), 1, 10, ".parquet")
    counted = kept_file(folder.counts, NOW - timedelta(days=91), 1, 10, ".json")
    young = [
        kept_file(folder.answers, NOW - timedelta(days=day), 1, 500_000, ".parquet") for day in (3, 2, 1)
    ]
    written = kept_file(folder.answers, NOW, 1, 1_000_000, ".open.jsonl")
    removed = retain(folder, Limits(90, 2), NOW.timestamp())
    assert {*removed} == {old, counted, young[0]}
    assert not old.parent.exists()
    assert all(path.exists() for path in (*young[1:], written))
    assert retain(folder, Limits(90, 2), NOW.timestamp()) == []
