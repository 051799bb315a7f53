"""The Open Inference Protocol where it meets hostile bodies, a challenger and the end of the server."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from goldenpath.contract import CONTRACT
from goldenpath.predict import Answer
from goldenpath.schema.contract import Record
from serving.models import Models, point
from serving.state import State
from tests.helpers.serving_app import client, models_of
from tests.helpers.serving_fixtures import MODEL, promote, publish, records

ABOUT = f"/v2/models/{MODEL}"
INFER = f"{ABOUT}/infer"
RECORDS = records(40, 7)


@pytest.fixture(scope="module")
def versions(home: Path) -> list[str]:
    return [publish(home, seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def models(home: Path, versions: list[str]) -> Models:
    "Return a champion, and a challenger that answers half of what is asked."
    promote(home, versions[0])
    promote(home, versions[1], "challenger", 0.5)
    return models_of(home)


@pytest.fixture(scope="module")
def caller(home: Path, models: Models) -> FlaskClient:
    return client(home, models)


def asked(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    "Return the body that asks for these records."
    inputs = [
        {
            "name": field.name,
            "shape": [len(rows)],
            "datatype": "BYTES",
            "data": [row[field.name] for row in rows],
        }
        for field in CONTRACT.fields
    ]
    return {"inputs": inputs, **more}


EMPTY = {"name": "sex", "shape": [0], "datatype": "BYTES", "data": []}
PROBABILITY = {"name": "probability"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"inputs": [{}] * 300_000}, "inputs.0"),
        ({"inputs": [EMPTY] * 20_000}, "at most 107 items"),
        ({"inputs": [{**EMPTY, "shape": ["x"] * 300_000}]}, "inputs.0.shape.0"),
        ({**asked(RECORDS[0]), "outputs": [{}] * 300_000}, "outputs.0"),
        ('{"zz":1' + ',"zz":1' * 500_000 + "}", "inputs: Field required"),
    ],
    ids=["inputs", "repeated inputs", "shape", "outputs", "repeated keys"],
)
def test_a_huge_body_is_refused_at_its_first_fault(caller: FlaskClient, body: Any, words: str) -> None:
    sent = body if isinstance(body, str) else json.dumps(body)
    start = time.process_time()
    answer = caller.post(INFER, data=sent)
    assert time.process_time() - start < 1  # 0.1 s where it was written; 4 s when every fault was listed
    assert answer.status_code == 400
    assert words in answer.json["error"]


def test_more_records_than_a_batch_may_hold_are_refused(home: Path, models: Models) -> None:
    few = client(home, models, max_batch=2)
    assert few.post(INFER, json=asked(*RECORDS[:2])).status_code == 200
    answer = few.post(INFER, json=asked(*RECORDS[:3]))
    assert answer.status_code == 400
    assert answer.json["error"] == "3 records in one request; at most 2 are answered"


def test_an_output_is_given_once_and_in_the_order_asked_for(caller: FlaskClient) -> None:
    label = {"name": "label"}
    given = caller.post(INFER, json=asked(*RECORDS, outputs=[PROBABILITY, label])).json["outputs"]
    assert [one["name"] for one in given] == ["probability", "label"]
    twice = caller.post(INFER, json=asked(*RECORDS, outputs=[PROBABILITY] * 2))
    assert twice.status_code == 400
    assert twice.json["error"] == "an output is asked for twice; the outputs are label, probability"
    more = caller.post(INFER, json=asked(*RECORDS, outputs=[PROBABILITY] * 2000))
    assert more.status_code == 400
    assert "at most 2 items" in more.json["error"]


def test_a_record_stays_with_its_version_however_it_is_asked_for(caller: FlaskClient) -> None:
    said = set()
    for record in RECORDS:
        alone = caller.post("/predict", json=record).json["version"]
        spaced = json.dumps([record], indent=3).encode()
        batch = caller.post("/predict/batch", data=spaced, content_type="application/json").json["version"]
        named = [caller.post(INFER, json=asked(record, id=name)).json["model_version"] for name in "abc"]
        assert {alone, batch, *named} == {alone}
        said.add(alone)
    assert len(said) == 2


def test_several_records_stay_with_their_version_too(caller: FlaskClient) -> None:
    for number in range(0, 40, 4):
        rows = RECORDS[number : number + 4]
        spaced = json.dumps(rows, indent=3).encode()
        batch = caller.post("/predict/batch", data=spaced, content_type="application/json").json["version"]
        assert caller.post(INFER, json=asked(*rows)).json["model_version"] == batch


def test_what_the_model_says_of_itself_is_the_champions(
    home: Path, models: Models, versions: list[str]
) -> None:
    assert point(b"") < 0.5  # whoever has no key would be answered by the challenger
    caller = client(home, models)
    assert caller.get(f"{ABOUT}/ready").json["version"] == versions[0]
    assert caller.get(ABOUT).json["versions"] == sorted(versions)


def test_a_model_that_is_about_to_stop_is_not_ready(home: Path, models: Models) -> None:
    stopping = client(home, models, draining=lambda: True)
    for address in (f"{ABOUT}/ready", "/v2/health/ready"):
        answer = stopping.get(address)
        assert (answer.status_code, answer.json["ready"]) == (503, False)
    assert stopping.post(INFER, json=asked(RECORDS[0])).status_code == 200


@pytest.mark.parametrize(("name", "status"), [("Az_09.:-", 200), ("é", 400), ("a b", 400), ("a" * 65, 400)])
def test_an_id_is_of_the_letters_that_the_description_names(
    caller: FlaskClient, name: str, status: int
) -> None:
    assert caller.post(INFER, json=asked(RECORDS[0], id=name)).status_code == status


def test_compressed_records_are_refused_as_compressed(caller: FlaskClient) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    for address in ("/predict", "/predict/batch"):
        answer = caller.post(address, data=b"\x1f\x8b", headers=headers)
        assert answer.status_code == 415
        assert "send without Content-Encoding" in answer.json["error"]
    plain = {"Content-Encoding": "identity"}
    assert caller.post("/predict", json=RECORDS[0], headers=plain).status_code == 200


def test_a_record_alone_is_told_to_whoever_watches_as_predict_tells_it(
    home: Path, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Record, Answer]] = []
    monkeypatch.setattr(State, "compare", lambda self, record, answer, *_: seen.append((record, answer)))
    caller = client(home, models)
    for record in RECORDS:
        caller.post("/predict", json=record)
        caller.post(INFER, json=asked(record))
    caller.post(INFER, json=asked(*RECORDS))
    named = f"{ABOUT}/versions/{seen[0][1].version}/infer"
    assert caller.post(named, json=asked(RECORDS[0])).status_code == 200
    assert [record for record, _ in seen[::2]] == [record for record, _ in seen[1::2]]
    assert [(a.label, a.version) for _, a in seen[::2]] == [(a.label, a.version) for _, a in seen[1::2]]
    assert len(seen) == 2 * len(RECORDS)


def test_what_is_not_here_is_told_apart_without_repeating_it(
    caller: FlaskClient, versions: list[str]
) -> None:
    model, version = caller.get("/v2/models/zebra"), caller.get(f"{ABOUT}/versions/zebra")
    assert (model.status_code, version.status_code) == (404, 404)
    assert f"the model {MODEL} only" in model.json["error"]
    assert f"loaded: {', '.join(sorted(versions))}" in version.json["error"]
    assert "zebra" not in model.text + version.text
