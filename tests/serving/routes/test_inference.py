"""The Open Inference Protocol: by a client that nobody here wrote, and where it must refuse."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from goldenpath.contract import CONTRACT
from goldenpath.schema.contract import Broken
from serving.routes.inference import Tensor, lists_of
from tests.helpers.contracts import EVERYTHING, GOOD
from tests.helpers.protocol_clients import asked_by
from tests.helpers.serving_app import client, models_of
from tests.helpers.serving_fixtures import MODEL, promote, publish, records
from tests.helpers.serving_program import Program

INFER = f"/v2/models/{MODEL}/infer"
RECORDS = records(30, 7)


def tensors(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [field.name for field in CONTRACT.fields]
    return [
        {"name": name, "shape": [len(rows)], "datatype": "BYTES", "data": [row[name] for row in rows]}
        for name in names
    ]


@pytest.mark.parametrize("packed", [(), ("gzip",)], ids=["plain", "gzip"])
def test_tritons_client_gets_the_answers_of_predict(
    server: Program, tmp_path: Path, packed: tuple[str, ...]
) -> None:
    said = asked_by("triton", server.listen, RECORDS, tmp_path, *packed)
    batch = server.post("/predict/batch", RECORDS).json()["predictions"]
    assert said["outputs"]["label"] == [one["label"] for one in batch]
    assert said["outputs"]["probability"] == said["again"] == [one["probability"] for one in batch]
    assert said["id"] == "triton-1"
    assert said["live"]
    assert said["ready"]
    assert said["only"]
    assert said["refused"].startswith("422 ")
    assert "is required" in said["refused"]
    assert said["binary"].startswith("400 ")
    assert "binary tensors are not supported" in said["binary"]


@pytest.mark.slow
def test_kserves_client_gets_the_answers_of_predict(server: Program, tmp_path: Path) -> None:
    said = asked_by("kserve", server.listen, RECORDS, tmp_path)
    batch = server.post("/predict/batch", RECORDS).json()
    assert said["live"]
    assert said["ready"]
    assert said["outputs"]["label"] == [one["label"] for one in batch["predictions"]]
    assert said["outputs"]["probability"] == [one["probability"] for one in batch["predictions"]]


def test_metadata_names_every_column_and_both_outputs(caller: FlaskClient) -> None:
    told = caller.get(f"/v2/models/{MODEL}").json
    assert [one["name"] for one in told["inputs"]] == [field.name for field in CONTRACT.fields]
    assert {one["datatype"] for one in told["inputs"]} == {"BYTES"}
    assert [one["name"] for one in told["outputs"]] == ["label", "probability"]
    assert caller.get(f"/v2/models/{MODEL}/versions/{told['versions'][0]}/ready").json["ready"] is True
    assert caller.get("/v2").json["name"] == "goldenpath"


def test_one_column_tensors_and_any_order_are_understood(caller: FlaskClient) -> None:
    flat = caller.post(INFER, json={"inputs": tensors(RECORDS)}).json
    deep = [
        {**one, "shape": [len(RECORDS), 1], "data": [[v] for v in one["data"]]} for one in tensors(RECORDS)
    ]
    assert caller.post(INFER, json={"inputs": deep[::-1]}).json["outputs"] == flat["outputs"]


def test_a_version_is_answered_by_that_version(published: Path) -> None:
    promote(published, publish(published, 2), "shadow")
    models = models_of(published)
    asking = client(published, models)
    for _, predictor in models.live.holders:
        address = f"/v2/models/{MODEL}/versions/{predictor.version}/infer"
        assert (
            asking.post(address, json={"inputs": tensors(RECORDS)}).json["model_version"] == predictor.version
        )


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"{", 400, "not an inference request"),
        ({}, 400, "inputs: Field required"),
        ({"inputs": []}, 400, "must be there"),
        ({"inputs": [*tensors(RECORDS), *tensors(RECORDS)]}, 400, "comes twice"),
        ({"inputs": [{"name": "Zebra", "shape": [1], "datatype": "BYTES", "data": ["x"]}]}, 400, "unknown"),
        ({"inputs": [{**one, "datatype": "FP32"} for one in tensors(RECORDS)]}, 400, "of datatype BYTES"),
        ({"inputs": [{**one, "shape": [3]} for one in tensors(RECORDS)]}, 400, "must have the shape"),
        ({"inputs": [tensors(RECORDS)[0], *tensors(RECORDS[:2])[1:]]}, 400, "same length"),
        ({"inputs": [{**one, "data": ["Zebra"], "shape": [1]} for one in tensors(RECORDS)]}, 422, "one of"),
        ({"inputs": tensors(RECORDS), "outputs": [{"name": "Zebra"}]}, 400, "outputs.0.name"),
        ({"inputs": tensors(RECORDS), "id": "<Zebra>"}, 400, "id: "),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_understood_is_refused_without_repeating_it(
    caller: FlaskClient, body: Any, status: int, words: str
) -> None:
    sent = {"data": body} if isinstance(body, bytes) else {"json": body}
    answer = caller.post(INFER, **sent)
    assert answer.status_code == status
    assert words in answer.json["error"]
    assert "Zebra" not in answer.text


@pytest.mark.parametrize("datatype", ["INT64", "FP64", "FP32"])
def test_whole_floats_are_integers_and_other_floats_are_refused(datatype: str) -> None:
    fields = {field.name: field for field in EVERYTHING.fields}

    def parsed(*values: float) -> list[Any]:
        tensor = Tensor(name="integer", shape=[len(values)], datatype=datatype, data=list(values))
        rows = [{**GOOD, "integer": value} for value in lists_of([tensor], fields, 10)["integer"]]
        return [row.integer for row in EVERYTHING.parse_many(json.dumps(rows))]  # type: ignore[attr-defined]

    assert parsed(1990.0, 7) == [1990, 7]
    with pytest.raises(Broken, match="record 1: integer must be an integer"):
        parsed(1990.0, 7.5)


def test_other_models_and_versions_are_not_found(caller: FlaskClient) -> None:
    for address in (
        "/v2/models/other",
        f"/v2/models/{MODEL}/versions/9",
        "/v2/models/other/ready",
        "/v2/nothing",
    ):
        answer = caller.get(address)
        assert answer.status_code == 404
        assert answer.json["error"]


def test_a_gzip_body_that_unpacks_beyond_the_limit_is_refused(published: Path) -> None:
    small = client(published, max_body=50_000)
    bomb = gzip.compress(b" " * 5_000_000)
    answer = small.post(INFER, data=bomb, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 413
    broken = small.post(INFER, data=b"not packed", headers={"Content-Encoding": "gzip"})
    assert (broken.status_code, broken.json["error"]) == (400, "the body is not gzip, as its header says")
    whole = gzip.compress(b"{}")
    for part in (whole[:-4], whole + whole, whole + b"rest"):
        cut = small.post(INFER, data=part, headers={"Content-Encoding": "gzip"})
        assert (cut.status_code, cut.json["error"]) == (400, "the body is not one whole gzip stream")
    assert small.post(INFER, data=b"{}", headers={"Content-Encoding": "br"}).status_code == 400
