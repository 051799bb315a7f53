"""POST /outcomes: off unless set, checked as a file is, and on the volume before it is confirmed."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from goldenpath.contract import CONTRACT
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.outcome_tables import outcome_files, read_outcomes
from serving.state import EXTENSION
from tests.helpers.serving_app import client, models_of
from tests.helpers.serving_fixtures import MODEL

YES, NO = CONTRACT.target.outcomes[1], CONTRACT.target.outcomes[0]


@pytest.fixture
def own_home(published: Path, home: Path) -> Path:
    "Return a home with the published versions and feedback of its own."
    (home / "models").symlink_to(published / "models")
    return home


@pytest.fixture
def taking(own_home: Path) -> FlaskClient:
    return client(own_home, outcomes=True)


def taken(home: Path) -> list[list[Any]]:
    rows, problems = read_outcomes(FeedbackFolder(home, MODEL))
    assert problems == ()
    return sorted(rows[["id", "outcome"]].fillna("unknown").to_numpy().tolist())


def test_it_is_off_unless_it_is_set(caller: FlaskClient):
    assert caller.post("/outcomes", json=[{"id": "a", "outcome": YES}]).status_code == 404
    assert "/outcomes" not in caller.get("/openapi.json").json["paths"]


def test_outcomes_are_on_the_volume_when_they_are_confirmed(taking: FlaskClient, own_home: Path):
    answer = taking.post("/outcomes", json=[{"id": "a", "outcome": YES}, {"id": "b", "outcome": None}])
    assert (answer.status_code, answer.json["taken"]) == (200, 2)
    assert taken(own_home) == [["a", YES], ["b", "unknown"]]
    taking.application.extensions[EXTENSION].outcomes.close()
    assert (
        taking.post("/outcomes", json=[{"id": "c", "outcome": NO, "known": "2026-11-28"}]).status_code == 200
    )
    names = [path.name.partition(".")[2] for path in outcome_files(FeedbackFolder(own_home, MODEL).outcomes)]
    assert sorted(names) == ["jsonl", "open.jsonl"]
    assert taken(own_home)[2] == ["c", NO]


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        ("{", 400, "the body is not JSON"),
        ("[]", 400, "the body must be a JSON list of outcomes"),
        ('{"id":"a","outcome":"Yes"}', 400, "the body must be a JSON list of outcomes"),
        ("[1]", 422, "record 0: is not an object"),
        ('[{"id":"a"}]', 422, "outcome is required"),
        ('[{"id":"a","outcome":"secret"}]', 422, "outcome must be"),
        ('[{"id":"a","outcome":["secret"]}]', 422, "in place of a value"),
        ('[{"id":"a","outcom":"secret","outcome":null}]', 422, "a field that is not known"),
        ('[{"id":"secret' + "x" * 100 + '","outcome":null}]', 422, "id must be text of at most 100"),
        ('[{"outcome":null}]', 422, "needs the id of an answer, or a key"),
        ('[{"key":"secret","outcome":null}]', 422, "the contract has none"),
        ('[{"id":"a","outcome":null,"known":"secret"}]', 422, "known must be a day or a time"),
    ],
)
def test_one_wrong_outcome_refuses_the_list_and_nothing_sent_is_repeated(
    taking: FlaskClient, own_home: Path, body: str, status: int, part: str
):
    if body.startswith('[{"'):
        body = f'[{{"id":"good","outcome":null}},{body[1:]}'
    answer = taking.post("/outcomes", data=body, content_type="application/json")
    assert answer.status_code == status
    assert part.replace("record 0", "record 0") in answer.json["error"]
    assert "secret" not in answer.get_data(as_text=True)
    assert taken(own_home) == []


def test_size_and_number_are_bounded(own_home: Path):
    small = client(own_home, outcomes=True, max_batch=2, max_body=1_000)
    three = small.post("/outcomes", json=[{"id": "a", "outcome": None}] * 3)
    assert (three.status_code, "at most 2" in three.json["error"]) == (400, True)
    assert small.post("/outcomes", json=[{"id": "a" * 2_000, "outcome": None}]).status_code == 413
    assert small.post("/outcomes", data="x", content_type="text/csv").status_code == 415


def test_a_volume_that_fails_is_503_and_named_in_the_log_alone(
    taking: FlaskClient, own_home: Path, caplog: pytest.LogCaptureFixture
):
    (own_home / "feedback").write_text("a file in the way")
    answer = taking.post("/outcomes", json=[{"id": "a", "outcome": YES}])
    assert answer.status_code == 503
    assert str(own_home) not in answer.json["error"]
    assert str(own_home / "feedback") in caplog.text


def test_it_asks_for_a_token_where_others_do_and_openapi_describes_it(own_home: Path, tmp_path: Path):
    file = tmp_path / "tokens"
    file.write_text("0" * 64)
    guarded = client(own_home, models_of(own_home), outcomes=True, tokens_file=str(file))
    assert guarded.post("/outcomes", json=[{"id": "a", "outcome": YES}]).status_code == 401
    described = client(own_home, outcomes=True).get("/openapi.json").json
    operation = described["paths"]["/outcomes"]["post"]
    assert {"200", "400", "413", "415", "422", "503"} == {*operation["responses"]}
    schema = described["components"]["schemas"]["Outcome"]
    assert schema["properties"]["outcome"]["enum"][:2] == [NO, YES]
    assert json.dumps(schema["anyOf"]) == '[{"required": ["id"]}]'
