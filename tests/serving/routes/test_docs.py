"""The description of the server: complete, true, and proven by requests that a machine made up."""

import hashlib
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from flask.testing import FlaskClient

from goldenpath.measure.environments import isolated_python
from serving.routes.docs import HIDDEN
from tests.helpers.serving_app import client
from tests.helpers.serving_program import PROJECT, Program

SCHEMATHESIS = "schemathesis==4.32.5"


@pytest.fixture(scope="module")
def caller(published: Path) -> FlaskClient:
    return client(published, metrics=True)


@pytest.fixture
def told(caller: FlaskClient) -> Any:
    return caller.get("/openapi.json").json


def test_every_route_is_described_and_nothing_else(caller: FlaskClient, told: Any) -> None:
    rules = {
        re.sub(r"<(\w+)>", r"{\1}", rule.rule)
        for rule in caller.application.url_map.iter_rules()
        if rule.endpoint not in HIDDEN
    }
    assert set(told["paths"]) == rules
    assert all(one["summary"] for methods in told["paths"].values() for one in methods.values())


def test_the_record_is_the_contract_and_its_example_is_answered(caller: FlaskClient, told: Any) -> None:
    record = told["components"]["schemas"]["Record"]
    example = record.pop("examples")[0]
    assert record == caller.get("/contract").json
    answer = caller.post("/predict", json=example)
    schema = {**told["components"]["schemas"]["Prediction"], "components": told["components"]}
    jsonschema.validate(answer.json, schema)


@pytest.mark.parametrize(
    ("address", "body", "name"),
    [
        ("/predict", "record", "Prediction"),
        ("/predict/batch", "records", "Predictions"),
        ("/floor", "record", "Floor"),
        ("/v2/models/covid-death/infer", "tensors", "Inferred"),
        ("/predict", "nothing", "Error"),
        ("/model", None, "Model"),
        ("/live", None, "Figures"),
        ("/health/live", None, "Alive"),
        ("/health/ready", None, "Ready"),
        ("/contract", None, "JsonSchema"),
        ("/nowhere", None, "Error"),
    ],
)
def test_an_answer_keeps_its_schema(
    caller: FlaskClient, told: Any, address: str, body: str | None, name: str
) -> None:
    record = told["components"]["schemas"]["Record"]["examples"][0]
    tensors = [
        {"name": key, "shape": [1], "datatype": "BYTES", "data": [value]} for key, value in record.items()
    ]
    bodies = {"record": record, "records": [record], "tensors": {"inputs": tensors}, "nothing": {}}
    reply = caller.post(address, json=bodies[body]) if body else caller.get(address)
    schema = {**told["components"]["schemas"][name], "components": told["components"]}
    jsonschema.validate(reply.json, schema)
    if "id" in schema.get("properties", {}) and name != "Inferred":
        assert next(iter(reply.json)) == "id"
        assert reply.json["id"] == reply.headers["X-Request-Id"]


def test_tokens_are_described_where_they_are_asked_for(published: Path, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(hashlib.sha256(b"secret").hexdigest())
    asking = client(published, tokens_file=str(tmp_path / "tokens"))
    told = asking.get("/openapi.json", headers={"Authorization": "Bearer secret"}).json
    assert told["security"] == [{"bearer": []}]
    assert "401" in told["paths"]["/predict"]["post"]["responses"]
    for probe in ("/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"):
        assert "401" not in told["paths"][probe]["get"]["responses"]
        assert told["paths"][probe]["get"]["security"] == []


def test_the_docs_page_shows_every_address_and_field(caller: FlaskClient, told: Any) -> None:
    page = caller.get("/docs").text
    assert all(path in page for path in told["paths"])
    assert "race_ethnicity_combined" in page
    assert "curl -H" in page


def schemathesis(server: Program, folder: Path, *options: str) -> tuple[int, str]:
    "Return the number of requests it made, and its output; it must have found nothing."
    python = isolated_python("schemathesis", SCHEMATHESIS)
    command = [python, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--url", server.url]
    # That all tensors of a request have one length is nothing that JSON Schema can say.
    command += ["--exclude-checks", "positive_data_acceptance", "--seed", "1", "--no-color", *options]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.helpers.schemathesis_hooks", "PYTHONPATH": str(PROJECT)}
    environ = {**os.environ, **hooks}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
    found = re.findall(
        r'^goldenpath_requests_total\{.*status="(\d)\d\d"\} (\S+)', server.get("/metrics").body.decode(), re.M
    )
    assert {status for status, _ in found} <= {"2", "4"}
    return sum(int(float(count)) for _, count in found), done.stdout


def test_requests_that_a_machine_made_up_find_nothing(server: Program, tmp_path: Path) -> None:
    count, said = schemathesis(server, tmp_path, "--phases", "examples,coverage")
    assert count > 100, said


@pytest.mark.slow(seconds=60)
def test_five_thousand_requests_that_a_machine_made_up_find_nothing(server: Program, tmp_path: Path) -> None:
    count, said = schemathesis(server, tmp_path, "--max-examples", "320")
    assert count >= 5_000, said
