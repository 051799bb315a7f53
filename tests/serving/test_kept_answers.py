"""What a worker keeps of its answers: each one once, on all ways, as the caller got it."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from goldenpath.contract import CONTRACT
from goldenpath.feedback.answer_tables import RECORD_PREFIX, read_answers
from goldenpath.feedback.folder import FeedbackFolder
from serving.app import create_app
from serving.state import EXTENSION
from serving.trace import Trace
from tests.helpers.patience import wait_until
from tests.helpers.serving_app import models_of, settings_of, worker
from tests.helpers.serving_fixtures import MODEL, promote, publish, records
from tests.helpers.serving_program import running
from tests.helpers.volume_bytes import files_with

RECORDS = records(5, 31)
TENSORS = {
    "id": "tensors",
    "inputs": [
        {"name": name, "shape": [5], "datatype": "BYTES", "data": [record[name] for record in RECORDS]}
        for name in RECORDS[0]
    ],
}


@pytest.fixture
def own_home(published: Path, home: Path) -> Path:
    "Return a home with the published versions and feedback of its own."
    (home / "models").symlink_to(published / "models")
    return home


def kept(
    home: Path, requests: list[tuple[str, str, Any]], **settings: Any
) -> tuple[pd.DataFrame, dict[str, Any]]:
    "Ask a worker; return what is kept, and the replies by the id of their request."
    app = create_app(settings_of(home, **settings), CONTRACT, models_of(home), lambda: False)
    caller, replies = app.test_client(), {}
    for name, path, body in requests:
        replies[name] = caller.post(path, json=body, headers={"X-Request-Id": name}).json
    for queue in app.extensions[EXTENSION].queues:
        queue.drain()
    app.extensions[EXTENSION].feedback.stop()
    answers = read_answers(FeedbackFolder(home, MODEL))
    assert answers.problems == ()
    return answers.rows.set_index("id"), replies


def requests() -> list[tuple[str, str, Any]]:
    singles = [(f"one{place}", "/predict", record) for place, record in enumerate(RECORDS)]
    explained = ("explained", "/predict?explain=true", RECORDS[0])
    refused = ("refused", "/predict", {**RECORDS[0], "sex": "zebra"})
    return [
        *singles,
        explained,
        refused,
        ("batch", "/predict/batch", RECORDS),
        ("header", f"/v2/models/{MODEL}/infer", TENSORS),
    ]


@pytest.mark.parametrize("lane", [True, False])
def test_every_answer_is_kept_once_with_its_record(own_home: Path, lane: bool):
    rows, replies = kept(own_home, requests(), feedback="records", lane=lane)
    singles, batched = [f"one{place}" for place in range(5)], [f"batch/{place}" for place in range(5)]
    assert sorted(rows.index) == sorted(
        [*singles, *batched, "explained", *(f"tensors/{n}" for n in range(5))]
    )
    for name, asked in zip((*singles, *batched), RECORDS * 2, strict=True):
        row, request = rows.loc[name], name.partition("/")[0]
        reply = replies[request] if request == name else replies[request]["predictions"][int(name[-1])]
        assert (row["label"], row["probability"]) == (reply["label"], reply["probability"])
        assert row["version"] == replies[request]["version"]
        assert {field: row[f"{RECORD_PREFIX}{field}"] for field in asked} == asked
        tensor = rows.loc[f"tensors/{int(name[-1])}"]
        assert tensor["label"] == reply["label"]
        assert tensor["probability"] == pytest.approx(reply["probability"], abs=1e-6)  # of float32 sums
    assert not [name for name in rows if "explanation" in name]
    assert files_with(own_home / "feedback", "zebra") == []


def test_with_scores_no_value_of_a_record_is_kept_and_with_counts_no_answer(own_home: Path):
    rows, _ = kept(own_home, requests(), feedback="scores")
    assert [*rows.columns] == ["key", "time", "version", "role", "label", "probability"]
    assert files_with(own_home / "feedback" / MODEL / "answers", "Laboratory-confirmed") == []
    rows, _ = kept(own_home, [("later", "/predict", RECORDS[0])], feedback="counts")
    assert "later" not in rows.index


def test_the_shadow_and_the_challenger_are_kept_by_role_under_the_id_of_the_request(home: Path):
    champion, challenger, shadow = publish(home, 1), publish(home, 2), publish(home, 3)
    promote(home, champion)
    promote(home, challenger, "challenger", 0.5)
    promote(home, shadow, "shadow")
    rows, replies = kept(home, requests()[:5], feedback="scores")
    for name, reply in replies.items():
        roles = dict(zip(rows.loc[name, "role"], rows.loc[name, "version"], strict=True))
        served = "champion" if reply["version"] == champion else "challenger"
        assert roles == {served: reply["version"], "shadow": shadow}


def test_batches_that_wait_for_a_volume_that_hangs_are_bounded_by_their_bytes(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("serving.watchers.feedback.MOST_BYTES", 100_000)
    state = worker(own_home, feedback="records")  # whose threads do not run, as if the volume hung
    waiting, body = state.feedback.long, json.dumps(RECORDS * 10).encode()
    for _ in range(20):
        state.predict_batch(body, {}, Trace("batch"))
    state.predict(json.dumps(RECORDS[0]).encode(), {}, Trace("one"))
    assert 2 < len(waiting) < 10
    assert len(waiting) + waiting.dropped == 20
    assert (len(state.feedback.single), state.feedback.single.dropped) == (1, 0)
    before = waiting.dropped
    waiting.drain()
    state.predict_batch(body, {}, Trace("batch"))
    assert (len(waiting), waiting.dropped) == (1, before)


def test_a_worker_removes_what_is_older_than_feedback_days(own_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("serving.watchers.feedback.RETAIN_SECONDS", 0.01)
    old = FeedbackFolder(own_home, MODEL).answers / "2020-01-01" / "120000-host-1-1.parquet"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"")
    create_app(settings_of(own_home, feedback="counts"), CONTRACT, models_of(own_home), lambda: False)
    wait_until(lambda: not old.parent.exists())


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_may_end_loses_no_answer_and_a_killed_one_only_what_it_had_not_written(
    own_home: Path, how: int
):
    folder = FeedbackFolder(own_home, MODEL)
    with running(own_home, workers=2, feedback="records", model=MODEL) as server:
        early, late = ([f"{part}{number}" for number in range(100)] for part in ("early", "late"))
        for name in early:
            assert server.post("/predict", RECORDS[0], X_Request_Id=name).status == 200
        wait_until(lambda: len(read_answers(folder).rows) == len(early))
        for name in late:
            assert server.post("/predict", RECORDS[0], X_Request_Id=name).status == 200
        if how == signal.SIGKILL:
            for pid in server.workers():
                os.kill(pid, how)
        server.stop(how)
    answers = read_answers(folder)
    ids = answers.rows["id"].tolist()
    assert answers.problems == ()
    assert len(ids) == len({*ids})
    assert {*early} <= {*ids} <= {*early, *late}
    if how == signal.SIGTERM:
        assert sorted(ids) == sorted([*early, *late])
