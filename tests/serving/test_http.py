"""What is said when something is wrong: the thing, the limit and the way out, once."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from goldenpath.predict import Answer
from serving.http import prediction
from tests.helpers.serving_app import client
from tests.helpers.serving_fixtures import MODEL

SECRET = "Zebra-1931"  # submitted, so it may stand in no reply


@pytest.fixture(scope="module")
def caller(published: Path) -> FlaskClient:
    return client(published, max_body=2_000)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (f"/v2/models/{SECRET}", MODEL),
        (f"/v2/models/{MODEL}/versions/{SECRET}", f"that version of {MODEL} is not loaded here"),
        (f"/{SECRET}", "there is no such address here; see /docs"),
    ],
)
def test_what_is_not_found_is_said_by_whoever_knows_best(
    caller: FlaskClient, address: str, words: str
) -> None:
    answer = caller.get(address)
    assert answer.status_code == 404
    assert words in answer.json["error"]
    assert SECRET not in answer.text


def test_nobody_is_sent_to_a_page_that_is_switched_off(published: Path) -> None:
    assert "docs" not in client(published, docs=False).get("/nothing").json["error"]


def test_a_wrong_method_is_answered_in_json_and_names_the_right_ones(caller: FlaskClient) -> None:
    answer = caller.get("/predict")
    assert answer.status_code == 405
    assert answer.headers.getlist("Content-Type") == ["application/json"]
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    assert "Allow" in answer.json["error"]


def test_a_body_that_is_too_large_is_told_the_limit(caller: FlaskClient) -> None:
    answer = caller.post("/predict", data=b" " * 2_001, content_type="application/json")
    assert answer.status_code == 413
    assert "at most 2000 bytes are accepted (`max_body`)" in answer.json["error"]


def test_two_outcomes_are_written_as_ever_and_a_key_comes_after_the_id() -> None:
    answer = Answer("Yes", 0.25, "1.0.0-x")
    assert prediction("a", answer) == b'{"id":"a","label":"Yes","version":"1.0.0-x","probability":0.25}'
    assert prediction("a", answer, '"ada"').startswith(b'{"id":"a","key":"ada","label":"Yes",')
