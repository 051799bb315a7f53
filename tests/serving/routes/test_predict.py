"""What the server answers: every route, every kind of bad input, through the real program."""

import math
import re
import signal
from pathlib import Path

import pytest

from tests.helpers.patience import LONG
from tests.helpers.request_bodies import RECORD, REFUSED, SECRET
from tests.helpers.serving_fixtures import promote, publish, records
from tests.helpers.serving_program import Program, free_address, running, wait_for


def test_a_record_is_answered_with_label_probability_version_and_id(server: Program) -> None:
    answer = server.post("/predict", RECORD)
    assert answer.status == 200
    said = answer.json()
    assert set(said) == {"id", "label", "probability", "version"}
    assert said["label"] in ("Yes", "No")
    assert 0 <= said["probability"] <= 1
    assert said["version"] == server.get("/model").json()["version"]
    assert answer.headers["x-request-id"] == said["id"]


def test_an_explanation_of_two_outcomes_sums_to_the_logit(server: Program) -> None:
    plain = server.post("/predict", RECORD).json()
    answer = server.post("/predict?explain=true", RECORD).json()
    explanation = answer.pop("explanation")
    assert answer | {"id": ""} == plain | {"id": ""}
    assert explanation["of"] == "logit of Yes"
    assert list(explanation["fields"]) == list(RECORD)
    logit = explanation["base"] + sum(explanation["fields"].values())
    assert explanation["score"] == pytest.approx(logit, abs=1e-9)
    assert plain["probability"] == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-5)


def test_a_batch_is_answered_in_its_order_as_its_records_are_alone(server: Program) -> None:
    rows = records(50, 8)
    said = server.post("/predict/batch", rows).json()
    alone = [server.post("/predict", row).json() for row in rows]
    assert [one["label"] for one in said["predictions"]] == [one["label"] for one in alone]
    assert [one["probability"] for one in said["predictions"]] == pytest.approx(
        [one["probability"] for one in alone], abs=1e-6
    )
    assert said["version"] == alone[0]["version"]


def test_an_empty_batch_has_no_predictions(server: Program) -> None:
    assert server.post("/predict/batch", []).json()["predictions"] == []


def test_the_floor_reads_the_body_and_answers_a_constant(server: Program) -> None:
    assert server.post("/floor", RECORD).json() == {"floor": True}


def test_the_bare_floor_answers_a_constant_without_a_model(tmp_path: Path) -> None:
    with running(tmp_path, "--bare") as program:
        assert program.post("/predict", RECORD).json() == {"floor": True}
        assert program.get("/model").body == b'{"floor":true}'


def test_the_model_says_what_it_is(server: Program) -> None:
    told = server.get("/model").json()
    assert told["roles"]["champion"] == told["version"]
    assert told["threshold"] == 0.4
    assert told["path"] == "onnx", told["why"]
    assert {"metrics", "contract_hash", "training_seconds"} <= set(told)


def test_the_contract_is_a_json_schema_that_the_record_fits(server: Program) -> None:
    import jsonschema

    schema = server.get("/contract").json()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(RECORD, schema)


def test_a_callers_id_comes_back_and_a_strange_one_does_not(server: Program) -> None:
    assert server.post("/predict", RECORD, X_Request_Id="order-7").json()["id"] == "order-7"
    assert SECRET not in server.post("/predict", RECORD, X_Request_Id=f"{SECRET} <b>").json()["id"]


def test_health_tells_alive_from_ready(server: Program) -> None:
    assert server.get("/health/live").json()["live"] is True
    assert server.get("/health/ready").json()["ready"] is True


@pytest.mark.parametrize(
    ("body", "status", "words"),
    REFUSED,
    ids=lambda value: str(value)[:20] if isinstance(value, str | int) else None,
)
def test_a_bad_record_is_refused_without_repeating_it(
    server: Program, body: object, status: int, words: str
) -> None:
    answer = server.post("/predict", body)
    assert answer.status == status
    assert words in answer.json()["error"]
    assert answer.json()["id"] == answer.headers["x-request-id"]
    assert SECRET.encode() not in answer.body


def test_a_broken_record_names_its_fields(server: Program) -> None:
    problems = server.post("/predict", {**RECORD, "sex": SECRET, "icu_yn": 5}).json()["problems"]
    assert {problem["field"] for problem in problems} == {"sex", "icu_yn"}


def test_a_broken_record_of_a_batch_is_named_by_its_place(server: Program) -> None:
    answer = server.post("/predict/batch", [RECORD, {**RECORD, "sex": SECRET}])
    assert answer.status == 422
    assert answer.json()["problems"][0]["index"] == 1


def test_what_is_not_said_to_be_json_is_refused(server: Program) -> None:
    assert server.post("/predict", RECORD, Content_Type="text/plain").status == 415
    assert server.post("/predict", RECORD, Content_Type="application/json; charset=utf-8").status == 200


def test_unknown_addresses_and_wrong_methods_are_json_too(server: Program) -> None:
    missing, wrong = server.get(f"/{SECRET}"), server.get("/predict")
    assert (missing.status, wrong.status) == (404, 405)
    assert SECRET not in missing.json()["error"]
    assert "POST" in wrong.headers["allow"]


def test_one_version_without_a_role_can_be_served(published: Path) -> None:
    version = next(folder.name for folder in (published / "models/covid-death/versions").iterdir())
    with running(published, "--version", version) as program:
        assert program.post("/predict", RECORD).json()["version"] == version


def test_a_server_without_a_model_says_so_until_one_is_champion(tmp_path: Path) -> None:
    with running(tmp_path, ready=False, poll_seconds=0.1) as program:
        assert program.get("/health/ready").status == 503
        refused = program.post("/predict", RECORD)
        assert refused.status == 503
        assert "goldenpath models promote" in refused.json()["error"]
        promote(tmp_path, publish(tmp_path, 3))
        wait_for(program, 200)
        assert program.post("/predict", RECORD).status == 200


def test_an_unknown_version_is_named_with_the_nearest(published: Path) -> None:
    text = said_by_program(published, "--version", "champignon")
    assert re.search(r"error: .*'champignon'.*did you mean champion", text)


def test_an_address_in_use_is_one_line(server: Program, published: Path) -> None:
    [line] = said_by_program(published, "-l", server.listen).splitlines()
    assert re.search(r"error: cannot listen on .*something else listens", line)


def test_a_missing_tokens_file_is_one_line(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLDENPATH_TOKENS_FILE", str(published / "nowhere"))
    [line] = said_by_program(published, "-l", free_address()).splitlines()
    assert re.search(r"error: tokens_file .*nowhere cannot be read", line)


def test_the_fallback_to_gunicorn_and_scikit_learn_answers_the_same(server: Program, published: Path) -> None:
    with running(published, without="granian", fast_path="no", drain_seconds=30) as program:
        log = program.log.read_text()
        assert "gunicorn serves" in log
        slow = r"scikit-learn answers for \S+: the setting `fast_path` is off; a record takes 2.00 ms in the"
        assert re.search(slow, log)
        assert program.get("/model").json()["path"] == "sklearn"
        ours, theirs = program.post("/predict", RECORD).json(), server.post("/predict", RECORD).json()
        assert ours["probability"] == pytest.approx(theirs["probability"], abs=1e-5)
        program.process.send_signal(signal.SIGTERM)
        wait_for(program, 503)
        assert program.stop() == 0  # the second signal ends the draining


@pytest.mark.parametrize("package", ["sklearn", "pandas", "matplotlib", "pyarrow"])
def test_a_server_on_the_fast_path_loads_no_training_library(published: Path, package: str) -> None:
    with running(published, without=package) as program:
        assert program.post("/predict", RECORD).status == 200
        assert program.post("/predict/batch", [RECORD]).status == 200


def said_by_program(published: Path, *options: str) -> str:
    "Return what a server that refuses to start says; it must be one line and exit code 2 or 1."
    import os
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "serving", *options],
        env={**os.environ, "GOLDENPATH_HOME": str(published)},
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    assert done.returncode in (1, 2), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr
