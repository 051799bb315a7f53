"""Classes and amounts wherever a program meets an answer: by lane and Flask, one and many, by tensor."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from goldenpath.schema.contract import Contract
from tests.helpers.serving_app import settings_of
from tests.helpers.serving_fixtures import MODEL
from tests.helpers.task_versions import (
    TASKS,
    publish_task,
    task_client,
    task_models,
    task_records,
)
from tests.helpers.two_ways import Question, Way

INFER = f"/v2/models/{MODEL}/infer"
PARTS = {"classes": ["label", "probabilities"], "quantity": ["value", "low", "high"]}


@pytest.fixture(scope="module", params=TASKS)
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def home(task: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Make a home with all three roles."
    folder = tmp_path_factory.mktemp(task)
    publish_task(folder, task, 1)
    publish_task(folder, task, 2, "challenger")
    publish_task(folder, task, 3, "shadow")
    return folder


@pytest.fixture(scope="module")
def contract(task: str) -> Contract:
    return TASKS[task].contract


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    "Return an answer without what differs from request to request."
    return {name: value for name, value in answer.items() if name not in ("id", "version")}


def test_an_answer_has_the_parts_of_its_task_and_the_key(task: str, home: Path, contract: Contract) -> None:
    models = task_models(home, task)
    caller = task_client(home, task, models)
    loaded = {predictor.version: predictor for _, predictor in models.live.holders}
    for record in task_records(task, 40):
        answer = caller.post("/predict", json=record).json
        parsed = contract.parse(json.dumps(record))
        expected = loaded[answer["version"]].one(parsed)._asdict()
        expected = {"key": contract.key_of(parsed), **expected}
        assert {name: answer[name] for name in expected} == expected
        assert set(answer) == {"id", "key", "version", *PARTS[task]}
        if task == "classes":
            assert list(answer["probabilities"]) == ["one", "two, or so", "drei"]
            assert answer["label"] == max(answer["probabilities"], key=answer["probabilities"].get)
            assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        else:
            assert answer["high"] - answer["value"] == pytest.approx(1.75)
            assert answer["value"] - answer["low"] == pytest.approx(1.75)


@pytest.mark.parametrize("count", [0, 1, 30])
def test_a_batch_is_answered_as_its_records_are_alone(task: str, home: Path, count: int) -> None:
    caller, rows = task_client(home, task), task_records(task, count)
    batch = caller.post("/predict/batch", json=rows, headers={"X-Sticky-Key": "a"}).json
    alone = [plain(caller.post("/predict", json=row, headers={"X-Sticky-Key": "a"}).json) for row in rows]
    assert [answer.get("label") for answer in batch["predictions"]] == [one.get("label") for one in alone]
    assert [answer["key"] for answer in batch["predictions"]] == [one["key"] for one in alone]
    assert numbers(batch["predictions"]) == pytest.approx(numbers(alone), abs=1e-4)


def numbers(answers: list[dict[str, Any]]) -> list[float]:
    "Return all numbers of answers in a row."
    listed = [
        one[name] for one in answers for name in ("probabilities", "value", "low", "high") if name in one
    ]
    return [number for one in listed for number in (one.values() if isinstance(one, dict) else [one])]


def tensors(contract: Contract, rows: list[dict[str, Any]], metadata: dict[str, Any]) -> list[dict[str, Any]]:
    kinds = {tensor["name"]: tensor["datatype"] for tensor in metadata["inputs"]}
    return [
        {"name": name, "shape": [len(rows)], "datatype": kind, "data": [row[name] for row in rows]}
        for name, kind in kinds.items()
    ]


def test_tensors_hold_the_answers_of_a_batch(task: str, home: Path, contract: Contract) -> None:
    caller, rows, stick = task_client(home, task), task_records(task, 30), {"X-Sticky-Key": "a"}
    metadata = caller.get(f"/v2/models/{MODEL}").json
    answer = caller.post(INFER, json={"inputs": tensors(contract, rows, metadata)}, headers=stick).json
    batch = caller.post("/predict/batch", json=rows, headers=stick).json["predictions"]
    outputs = {tensor["name"]: tensor for tensor in answer["outputs"]}
    kinds = {tensor["name"]: (tensor["datatype"], tensor["shape"]) for tensor in metadata["outputs"]}
    assert list(outputs) == list(kinds) == [*PARTS[task], "key"]
    for name, tensor in outputs.items():
        kind, shape = kinds[name]
        assert (tensor["datatype"], tensor["shape"]) == (kind, [30, *shape[1:]])
        cells = [one[name] for one in batch]
        flat = [number for one in cells for number in one.values()] if name == "probabilities" else cells
        assert tensor["data"] == flat
    assert kinds.get("probabilities", ("FP64", [-1, 3])) == ("FP64", [-1, 3])


def test_one_output_may_be_asked_for_and_no_other_tasks(task: str, home: Path, contract: Contract) -> None:
    caller, rows = task_client(home, task), task_records(task, 1)
    question = {"inputs": tensors(contract, rows, caller.get(f"/v2/models/{MODEL}").json)}
    one = caller.post(INFER, json={**question, "outputs": [{"name": PARTS[task][1]}]}).json
    assert [tensor["name"] for tensor in one["outputs"]] == [PARTS[task][1]]
    other = caller.post(INFER, json={**question, "outputs": [{"name": "probability"}]})
    assert (other.status_code, "outputs.0.name" in other.json["error"]) == (400, True)


def test_without_an_interval_its_ends_are_null_and_no_tensors(tmp_path: Path) -> None:
    version = publish_task(tmp_path, "quantity", half_width=None)
    caller, [row] = task_client(tmp_path, "quantity"), task_records("quantity", 1)
    answer = caller.post("/predict", json=row).json
    assert (answer["low"], answer["high"], answer["version"]) == (None, None, version)
    batch = caller.post("/predict/batch", json=[row] * 9).json["predictions"]
    assert {(one["low"], one["high"]) for one in batch} == {(None, None)}
    metadata = caller.get(f"/v2/models/{MODEL}").json
    assert [tensor["name"] for tensor in metadata["outputs"]] == ["value", "key"]
    question = {"inputs": tensors(TASKS["quantity"].contract, [row], metadata)}
    assert [tensor["name"] for tensor in caller.post(INFER, json=question).json["outputs"]] == [
        "value",
        "key",
    ]
    refused = caller.post(INFER, json={**question, "outputs": [{"name": "low"}]})
    assert (refused.status_code, refused.json["error"]) == (
        400,
        "this version has no interval; its outputs are value, key",
    )


def test_the_description_of_an_answer_is_that_of_its_task(task: str, home: Path, contract: Contract) -> None:
    caller, rows = task_client(home, task), task_records(task, 12)
    told = caller.get("/openapi.json").json
    schemas = told["components"]["schemas"]
    batch = caller.post("/predict/batch", json=rows).json
    for name, answer in (("Prediction", caller.post("/predict", json=rows[0]).json), ("Predictions", batch)):
        jsonschema.validate(answer, {**schemas[name], "components": told["components"]})
        spoiled = {key: value for key, value in answer.items() if key not in ("label", "value", "version")}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(spoiled, {**schemas[name], "components": told["components"]})
    assert schemas["Labelled"]["required"] == ["key", *PARTS[task]]
    assert schemas["Inference"]["properties"]["outputs"]["items"]["properties"]["name"]["enum"] == [
        *PARTS[task],
        "key",
    ]


@pytest.fixture(scope="module")
def ways(task: str, home: Path) -> list[Way]:
    "Make the application with the lane, and without."
    contract, models = TASKS[task].contract, task_models(home, task)
    both = [settings_of(home, metrics=True, log_sample=1.0, lane=lane) for lane in (True, False)]
    return [Way(settings, contract=contract, models=models) for settings in both]


@given(st.data())
@effort(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_lane_answers_counts_and_logs_as_flask(ways: list[Way], task: str, data: st.DataObject) -> None:
    rows = task_records(task, 20)
    strange = st.sampled_from([None, True, 1.0, -7, 1e300, "", "north", "x" * 300, [], "2024-02-30"])
    record = data.draw(st.sampled_from(rows))
    if data.draw(st.integers(0, 3)) == 0:
        record = {**record, data.draw(st.sampled_from(sorted(record))): data.draw(strange)}
    path = data.draw(st.sampled_from(["/predict", "/predict/batch"]))
    body = [record, *rows[: data.draw(st.integers(0, 19))]] if path.endswith("batch") else record
    stick = {"HTTP_X_STICKY_KEY": key} if (key := data.draw(st.sampled_from(["", "a", "b"]))) else {}
    headers = {"CONTENT_TYPE": "application/json", **stick}
    question = Question(path=path, body=json.dumps(body).encode(), headers=headers)
    with_lane, without = (way.ask(question) for way in ways)
    assert with_lane == without, question


def test_the_shadow_is_compared_by_label_or_by_interval(ways: list[Way], task: str, home: Path) -> None:
    compared = ways[0].numbers()
    for record in task_records(task, 60):
        ways[0].ask(Question(body=json.dumps(record).encode()))
    after = ways[0].numbers()
    counts = {
        answer: after.get(key, 0.0) - compared.get(key, 0.0)
        for answer in ("yes", "no")
        for key in [("goldenpath_shadow_answers_total", str(("agrees", answer)))]
    }
    assert sum(counts.values()) == 60
    assert counts["yes"] > counts["no"]


def test_a_key_is_logged_only_if_the_contracts_author_asks_for_it(ways: list[Way], task: str) -> None:
    record = {
        **task_records(task, 1)[0],
        **({"bottle": "B-1931"} if task == "classes" else {"patient": 1931}),
    }
    [line] = ways[0].ask(Question(body=json.dumps(record).encode())).lines
    entry = json.loads(line)
    assert ("1931" in line, entry.get("key")) == ((False, None) if task == "classes" else (True, 1931))
    [batch] = ways[0].ask(Question(path="/predict/batch", body=json.dumps([record]).encode())).lines
    assert "1931" not in batch


def test_scikit_learn_answers_as_the_compiled_model(task: str, home: Path, contract: Contract) -> None:
    fast, slow = (
        task_client(home, task, task_models(home, task, fast=fast)).post(
            "/predict/batch", json=task_records(task, 40), headers={"X-Sticky-Key": "a"}
        )
        for fast in (True, False)
    )
    assert numbers(fast.json["predictions"]) == pytest.approx(numbers(slow.json["predictions"]), abs=1e-4)


def test_a_number_that_is_not_finite_is_null(home: Path, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    models = task_models(home, task)
    assert models.live.champion
    width = (3,) if task == "classes" else ()
    monkeypatch.setattr(
        type(models.live.champion.engine), "one", lambda *_: np.full(width, np.nan) if width else np.inf
    )
    text = task_client(home, task, models).post("/predict", json=task_records(task, 1)[0]).text
    assert "NaN" not in text
    assert "Infinity" not in text
    assert "null" in text


def test_an_explanation_sums_to_the_raw_score(home: Path, task: str, contract: Contract) -> None:
    models = task_models(home, task)
    caller = task_client(home, task, models)
    for record in task_records(task, 20):
        stick = {"X-Sticky-Key": json.dumps(record)}
        answer = caller.post("/predict?explain=true", json=record, headers=stick).json
        explanation = answer.pop("explanation")
        assert plain(answer) == plain(caller.post("/predict", json=record, headers=stick).json)
        assert list(explanation["fields"]) == [field.name for field in contract.spec.readable]
        total = explanation["base"] + sum(explanation["fields"].values())
        assert explanation["score"] == pytest.approx(total, abs=1e-9)
        if task == "quantity":
            assert total == pytest.approx(answer["value"], abs=1e-4)
            assert explanation["of"] == "stay (days)"
        else:
            assert explanation["of"] == f"score of {answer['label']}, before it becomes a probability"


def test_what_is_not_linear_is_explained_by_ablation(task: str, tmp_path: Path) -> None:
    publish_task(tmp_path, task, trees=True)
    models = task_models(tmp_path, task)
    caller, [record] = task_client(tmp_path, task, models), task_records(task, 1)
    answer = caller.post("/predict?explain=true", json=record).json
    explanation = answer["explanation"]
    assert explanation["method"] == "ablation"
    assert explanation["base"] is None
    assert explanation["note"].endswith("these differences do not sum")
    score = answer["value"] if task == "quantity" else answer["probabilities"][answer["label"]]
    assert explanation["score"] == pytest.approx(score, abs=1e-6)
    assert models.live.champion
    assert models.live.champion.explainer
    reference = models.live.champion.explainer.reference
    name = "age" if task == "quantity" else "alcohol"
    other = caller.post("/predict", json={**record, name: reference[name]}).json
    moved = other["value"] if task == "quantity" else other["probabilities"][answer["label"]]
    assert explanation["fields"][name] == pytest.approx(score - moved, abs=1e-5)


def test_a_version_of_an_older_release_says_that_it_cannot_explain(home: Path, task: str) -> None:
    models = task_models(home, task)
    for _, predictor in models.live.holders:
        predictor.explainer = None
    caller, [record] = task_client(home, task, models), task_records(task, 1)
    refused = caller.post("/predict?explain=true", json=record)
    assert refused.status_code == 400
    assert "was trained before answers could be explained; train again" in refused.json["error"]
    assert caller.post("/predict?explain=false", json=record).status_code == 200
    assert (
        caller.post("/predict?explain=perhaps", json=record).json["error"] == "explain must be true or false"
    )
