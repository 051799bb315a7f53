"""A worker counts what it answers, refuses and lets its shadow answer, and names what keeps it from it."""

import json
import threading
from copy import copy
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from goldenpath.contract import CONTRACT
from goldenpath.feedback.answer_tables import read_answers
from goldenpath.feedback.counts import Counts, add_up, read_counts
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.registry.roles import Roles
from serving.app import create_app
from serving.models import Live
from serving.state import EXTENSION, State
from serving.watchers.feedback import PROFILES
from tests.helpers.serving_app import models_of, settings_of
from tests.helpers.serving_fixtures import MODEL, promote, publish, records
from tests.helpers.task_versions import TASKS, publish_task, task_models, task_records

RECORDS = records(20, 31)
TENSORS = {
    "inputs": [
        {"name": name, "shape": [20], "datatype": "BYTES", "data": [record[name] for record in RECORDS]}
        for name in RECORDS[0]
    ]
}


class Worker:
    "A worker in this process that counts when it is told to."

    def __init__(self, home: Path, **settings: object) -> None:
        app = create_app(settings_of(home, feedback="counts", **settings), CONTRACT, models_of(home), no)
        self.home, self.caller = home, app.test_client()
        self.state: State = app.extensions[EXTENSION]

    def counts(self) -> dict[tuple[str, str], Counts]:
        "Return what was written, by version and role."
        assert self.state.feedback is not None
        for queue in self.state.queues:
            queue.drain()
        self.state.feedback.write()
        read = read_counts(FeedbackFolder(self.home, MODEL))
        assert read.problems == ()
        places = {(counts.version, counts.role) for counts in read.counts}
        return {
            place: add_up(counts for counts in read.counts if (counts.version, counts.role) == place)
            for place in places
        }


def no() -> bool:
    return False


def ask(caller: FlaskClient, path: str, body: object, status: int = 200) -> dict[str, object]:
    answer = caller.post(path, json=body)
    assert answer.status_code == status
    return dict(answer.json)


@pytest.fixture
def served(home: Path) -> str:
    version = publish(home, 1)
    promote(home, version)
    return version


@pytest.mark.parametrize("lane", [True, False])
def test_an_answer_is_counted_once_however_it_is_asked_for(home: Path, served: str, lane: bool) -> None:
    worker = Worker(home, lane=lane)
    labels = [ask(worker.caller, "/predict", record)["label"] for record in RECORDS]
    ask(worker.caller, "/predict?explain=true", RECORDS[0])
    ask(worker.caller, "/predict/batch", RECORDS)
    ask(worker.caller, f"/v2/models/{MODEL}/infer", TENSORS)
    counts = worker.counts()[served, "champion"]
    assert counts.answers == 61
    assert counts.labels["Yes"] == 3 * labels.count("Yes") + (labels[0] == "Yes")
    assert sum(counts.scores["Yes"].n.values()) == 61
    for name, field in counts.fields.items():
        assert (sum(field.cells), field.missing) == (61, 0), name
    assert worker.counts()[served, "champion"] == counts


def test_values_are_counted_by_the_cells_of_the_profile(home: Path, served: str) -> None:
    worker = Worker(home)
    for record in RECORDS[:5]:
        ask(worker.caller, "/predict", record)
    ask(worker.caller, "/predict/batch", RECORDS[5:])
    levels = {field.name: field.levels for field in worker.state.feedback.profile(served).fields}
    for name, field in worker.counts()[served, "champion"].fields.items():
        values = [record[name] for record in RECORDS]
        assert list(field.cells) == [values.count(level) for level in levels[name] or ()] + [field.unseen]


def test_remembered_answers_are_counted_as_well(home: Path, served: str) -> None:
    worker = Worker(home, memo=100)
    for _ in range(7):
        ask(worker.caller, "/predict", RECORDS[0])
    assert worker.counts()[served, "champion"].answers == 7


def test_challenger_and_shadow_are_counted_by_version_and_role(home: Path, served: str) -> None:
    challenger, shadow = publish(home, 2), publish(home, 3)
    promote(home, challenger, "challenger", 0.5)
    promote(home, shadow, "shadow")
    worker = Worker(home)
    answered = [ask(worker.caller, "/predict", record)["version"] for record in RECORDS]
    ask(worker.caller, f"/v2/models/{MODEL}/versions/{shadow}/infer", TENSORS)
    counts = worker.counts()
    assert counts[served, "champion"].answers == answered.count(served) > 0
    assert counts[challenger, "challenger"].answers == answered.count(challenger) > 0
    assert counts[shadow, "shadow"].answers == 40


def test_refusals_are_counted_by_field_and_never_by_what_was_sent(home: Path, served: str) -> None:
    worker = Worker(home)
    ask(worker.caller, "/predict", {**RECORDS[0], "sex": "zebra", "icu_yn": 5}, 422)
    ask(worker.caller, "/predict", {**RECORDS[0], "zebra": 1}, 422)
    ask(worker.caller, "/predict/batch", [{**record, "sex": "zebra"} for record in RECORDS], 422)
    ask(worker.caller, "/predict", [], 400)
    ask(worker.caller, f"/v2/models/{MODEL}/infer", {"inputs": []}, 400)
    assert worker.caller.post("/predict", data=b"{}").status_code == 415
    assert worker.caller.post("/nowhere", json={}).status_code == 404
    counts = worker.counts()[served, "champion"]
    assert (counts.answers, counts.refused) == (0, 6)
    assert counts.refusals == {
        "sex": 2,
        "icu_yn": 1,
        "(unknown field)": 1,
        "(malformed)": 1,
        "(bad request)": 1,
        "(wrong type)": 1,
    }


def test_without_any_version_refusals_are_counted_all_the_same(home: Path) -> None:
    worker = Worker(home)
    ask(worker.caller, "/predict", RECORDS[0], 503)
    assert worker.counts()["", "champion"].refusals == {"(no model)": 1}


def test_a_version_without_a_profile_is_counted_by_volume_labels_and_refusals(home: Path) -> None:
    version = publish(home, 1, profiled=False)
    promote(home, version)
    worker = Worker(home)
    label = ask(worker.caller, "/predict", RECORDS[0])["label"]
    ask(worker.caller, "/predict", {}, 422)
    counts = worker.counts()[version, "champion"]
    assert (counts.answers, counts.refused, counts.labels[str(label)]) == (1, 1, 1)
    assert (counts.fields, counts.scores) == ({}, {})
    assert "has no profile" in worker.caller.get("/model").json["feedback"]


def test_the_setting_switches_it_off(home: Path, served: str) -> None:
    app = create_app(settings_of(home, feedback="off"), CONTRACT, models_of(home), no)
    ask(app.test_client(), "/predict", RECORDS[0])
    assert app.test_client().get("/model").json["feedback"] == "off"
    assert not (home / "feedback").exists()


def test_a_swap_leaves_what_was_answered_before_it_with_its_version(home: Path, served: str) -> None:
    worker = Worker(home)
    ask(worker.caller, "/predict", RECORDS[0])
    other = publish(home, 2)
    promote(home, other)
    worker.state.models.look()
    ask(worker.caller, "/predict", RECORDS[0])
    ask(worker.caller, "/predict", RECORDS[1])
    counts = worker.counts()
    assert counts[served, "champion"].answers == 1
    assert counts[other, "champion"].answers == 2
    assert sum(counts[other, "champion"].scores["Yes"].n.values()) == 2


def test_each_hour_has_counts_of_its_own(home: Path, served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(home)
    hours = [datetime(2026, 11, 28, hour, 59, tzinfo=UTC) for hour in (12, 13)]
    for hour in hours:
        monkeypatch.setattr(worker.state.feedback._ledger, "_clock", lambda hour=hour: hour)
        worker.state.feedback.count()  # as every tenth of a second
        ask(worker.caller, "/predict", RECORDS[0])
        ask(worker.caller, "/predict", RECORDS[1])
        worker.counts()
    read = read_counts(FeedbackFolder(home, MODEL))
    assert [(counts.hour, counts.answers) for counts in read.counts] == [
        ("2026-11-28T12", 2),
        ("2026-11-28T13", 2),
    ]


def test_what_cannot_be_written_is_a_problem_until_it_can(home: Path, served: str) -> None:
    worker = Worker(home, metrics=True)
    blocked = home / "feedback"
    blocked.write_text("a file in its place")
    ask(worker.caller, "/predict", RECORDS[0])
    worker.state.feedback.count()
    worker.state.feedback.attempt_to_write()
    [problem] = worker.caller.get("/model").json["problems"]
    assert problem.startswith(f"counts cannot be written: {blocked}")
    worker.state.measure(worker.state.metrics)
    assert b"goldenpath_problems 1.0" in worker.caller.get("/metrics").data
    blocked.unlink()
    worker.state.feedback.attempt_to_write()
    assert worker.caller.get("/model").json["problems"] == []
    assert worker.counts()[served, "champion"].answers == 1


def test_a_home_that_is_gone_is_not_made_anew_elsewhere(home: Path, served: str) -> None:
    worker = Worker(home)
    ask(worker.caller, "/predict", RECORDS[0])
    home.rename(home.with_name("away"))
    worker.state.feedback.count()
    worker.state.feedback.attempt_to_write()
    assert not home.exists()
    assert "is not there" in worker.caller.get("/model").json["problems"][0]
    home.with_name("away").rename(home)
    assert worker.counts()[served, "champion"].answers == 1


def test_a_volume_that_hangs_delays_neither_answers_nor_counts_nor_the_end(
    home: Path, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(home)
    feedback, begun, mended = worker.state.feedback, threading.Event(), threading.Event()
    write = feedback.write

    def hang() -> None:
        begun.set()
        mended.wait(60)
        write()

    monkeypatch.setattr(feedback, "write", hang)
    monkeypatch.setattr("serving.watchers.feedback.LAST_SECONDS", 0.01)
    feedback.hold(worker.state.live)  # a change of roles makes the writer begin
    assert begun.wait(60)
    ask(worker.caller, "/predict", RECORDS[0])
    feedback.count()
    assert not feedback.single
    feedback.stop()
    assert feedback._thread.is_alive()
    mended.set()
    feedback._thread.join(60)
    assert worker.counts()[served, "champion"].answers == 1


def test_more_rows_than_may_wait_are_dropped_and_counted(
    home: Path, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.watchers.feedback.MOST_ROWS", 30)
    worker = Worker(home)
    monkeypatch.setattr(worker.state.feedback.batches, "drain", lambda: None)
    for _ in range(2):
        ask(worker.caller, "/predict/batch", RECORDS)
    monkeypatch.undo()
    assert (len(worker.state.feedback.batches), worker.state.feedback.batches.dropped) == (1, 20)
    assert worker.counts()[served, "champion"].answers == 20


def test_the_profile_of_a_version_that_answers_stays_however_many_come_and_go(
    home: Path, served: str
) -> None:
    worker = Worker(home)
    feedback, champion = worker.state.feedback, worker.state.live.champion
    for number in range(20):
        other = copy(champion)
        other.version = f"other-{number}"
        feedback._profiles[other.version] = None  # as read from a version of an older release
        feedback.hold(Live(Roles(number=number), champion=champion, challenger=other))
    assert feedback.profile(served) is not None
    assert len(feedback._profiles) <= PROFILES + 2


def test_the_form_of_browsers_without_scripts_is_counted(home: Path, served: str) -> None:
    worker = Worker(home)
    assert worker.caller.post("/ask", data=RECORDS[0]).status_code == 200
    assert worker.counts()[served, "champion"].answers == 1


def test_the_page_shows_what_cannot_be_written(home: Path, served: str) -> None:
    worker = Worker(home)
    (home / "feedback").write_text("a file in its place")
    ask(worker.caller, "/predict", RECORDS[0])
    worker.state.feedback.attempt_to_write()
    assert "counts cannot be written" in worker.caller.get("/").text


@pytest.mark.parametrize("task", ["classes", "quantity"])
def test_classes_and_quantities_are_counted_and_kept(home: Path, task: str) -> None:
    version = publish_task(home, task)
    settings, contract = settings_of(home, feedback="records"), TASKS[task].contract
    app = create_app(settings, contract, task_models(home, task), no)
    state: State = app.extensions[EXTENSION]
    rows = task_records(task, 12)
    for record in rows:
        ask(app.test_client(), "/predict", record)
    ask(app.test_client(), "/predict/batch", rows)
    state.feedback.write()
    state.feedback.stop()
    [counts] = read_counts(FeedbackFolder(home, MODEL)).counts
    assert (counts.version, counts.answers) == (version, 24)
    assert sum(counts.labels.values()) == (24 if task == "classes" else 0)
    answers = read_answers(FeedbackFolder(home, MODEL))
    assert answers.problems == ()
    assert len(answers.rows) == 24
    assert answers.rows["id"].str.endswith("/11").sum() == 1
    if key := contract.spec.key:
        kept = [None if key == "null" else json.loads(key) for key in answers.rows["key"]]
        assert sorted(map(str, kept)) == sorted(str(record.get(key)) for record in rows * 2)
