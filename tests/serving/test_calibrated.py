"""A version whose probabilities are calibrated: the same answer wherever one is asked for."""

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from goldenpath.cli.models.listing import show_version
from goldenpath.contract import CONTRACT
from goldenpath.errors import NotTrusted
from goldenpath.inference.calibration import Calibration
from goldenpath.inference.engines import frame_of
from goldenpath.predict import Predictor, load_predictor
from goldenpath.records import Layout
from goldenpath.registry.artifact import load_pipeline
from goldenpath.registry.mlserver import export_mlserver
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import Contract, columns_of_json
from goldenpath.steps.batch import score_file
from serving.remote_engine import open_remote
from tests.helpers import serving_fixtures, task_versions
from tests.helpers.calibrations import BINARY, CLASSES, calibrated_copy
from tests.helpers.serving_app import client, settings_of
from tests.helpers.serving_fixtures import MODEL

CALIBRATIONS = {"binary": BINARY, "classes": CLASSES}


@pytest.fixture(scope="module", params=CALIBRATIONS)
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def calibration(task: str) -> Calibration:
    return CALIBRATIONS[task]


@pytest.fixture(scope="module")
def contract(task: str) -> Contract:
    return CONTRACT if task == "binary" else task_versions.TASKS[task].contract


@pytest.fixture(scope="module")
def candidate(task: str) -> Path:
    "Return the candidate before it is calibrated."
    if task == "binary":
        return serving_fixtures.built(1, True, MODEL, False, ())
    return task_versions.built(task, 1, ())


@pytest.fixture(scope="module")
def home(candidate: Path, calibration: Calibration, tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Return a home whose champion is calibrated."
    folder = tmp_path_factory.mktemp("calibrated")
    copy = calibrated_copy(candidate, folder / "candidate", calibration)
    serving_fixtures.promote(folder / "home", Registry(folder / "home", MODEL).publish(copy))
    return folder / "home"


@pytest.fixture(scope="module")
def records(task: str) -> list[dict[str, Any]]:
    return serving_fixtures.records(40, 7) if task == "binary" else task_versions.task_records(task, 40)


def opened(home: Path, contract: Contract, fast: bool = True) -> Predictor:
    registry = Registry(home, MODEL)
    return load_predictor(registry.folder(registry.resolve("champion")), fast=fast, contract=contract)


def probabilities(answers: list[Any], task: str) -> np.ndarray:
    "Return the numbers of answers, from HTTP or in process."
    plain = [answer if isinstance(answer, dict) else answer._asdict() for answer in answers]
    if task == "binary":
        return np.array([answer["probability"] for answer in plain])
    return np.array([list(answer["probabilities"].values()) for answer in plain])


def many_of(predictor: Predictor, contract: Contract, records: list[dict[str, Any]]) -> np.ndarray:
    return predictor.scores(columns_of_json(contract.spec, records))


def test_both_engines_give_the_calibrated_answer_one_by_one_and_together(
    home: Path, candidate: Path, contract: Contract, calibration: Calibration, task: str, records: Any
) -> None:
    raw = many_of(load_predictor(candidate, fast=False, contract=contract), contract, records)
    expected = calibration.many(raw)
    assert np.abs(expected - raw).max() > 0.05
    fast, slow = opened(home, contract), opened(home, contract, fast=False)
    assert (fast.path, slow.path) == ("onnx", "sklearn")
    for predictor in (fast, slow):
        alone = [predictor.one(contract.parse(json.dumps(record))) for record in records]
        assert many_of(predictor, contract, records) == pytest.approx(expected, abs=1e-5)
        assert probabilities(alone, task) == pytest.approx(expected, abs=1e-5)
        assert [answer.label for answer in alone] == predictor.answers(expected)["label"].tolist()


def test_http_batches_tensors_and_files_hold_the_same_answers(
    home: Path, contract: Contract, task: str, records: Any, tmp_path: Path
) -> None:
    predictor = opened(home, contract)
    caller = client(home) if task == "binary" else task_versions.task_client(home, task)
    alone = [predictor.one(contract.parse(json.dumps(record))) for record in records]
    replies = [caller.post("/predict", json=record).json for record in records]
    assert probabilities(replies, task).tolist() == probabilities(alone, task).tolist()
    together = many_of(predictor, contract, records)
    batch = caller.post("/predict/batch", json=records).json["predictions"]
    assert probabilities(batch, task).tolist() == together.tolist()
    metadata = caller.get(f"/v2/models/{MODEL}").json
    inputs = [
        {"name": t["name"], "shape": [40], "datatype": t["datatype"], "data": [r[t["name"]] for r in records]}
        for t in metadata["inputs"]
    ]
    outputs = caller.post(f"/v2/models/{MODEL}/infer", json={"inputs": inputs}).json["outputs"]
    tensor = next(output["data"] for output in outputs if output["name"].startswith("probabilit"))
    assert tensor == together.ravel().tolist()
    pd.DataFrame(records, dtype=object).to_csv(tmp_path / "rows.csv", index=False)
    score_file(str(tmp_path / "rows.csv"), tmp_path / "scores.parquet", contract, predictor)
    scored = pd.read_parquet(tmp_path / "scores.parquet").filter(like="probability").to_numpy()
    assert scored.reshape(together.shape) == pytest.approx(together, abs=1e-9)


def test_an_explanation_sums_to_the_raw_score_and_says_that_the_answer_is_calibrated(
    home: Path, candidate: Path, contract: Contract, task: str, records: Any
) -> None:
    caller = client(home) if task == "binary" else task_versions.task_client(home, task)
    explained = caller.post("/predict?explain=true", json=records[0]).json["explanation"]
    plain = load_predictor(candidate, contract=contract)
    record = contract.parse(json.dumps(records[0]))
    assert explained["note"].endswith("the probability of the answer is calibrated after this score")
    assert explained["base"] + sum(explained["fields"].values()) == pytest.approx(explained["score"])
    if task == "binary":
        raw = plain.one(record).probability
        assert explained["score"] == pytest.approx(np.log(raw / (1 - raw)), abs=1e-4)
    assert "calibrated" not in plain.explain(record, plain.one(record)).note


def test_an_export_answers_as_this_server_does(
    home: Path, contract: Contract, records: Any, tmp_path: Path
) -> None:
    registry, predictor = Registry(home, MODEL), opened(home, contract, fast=False)
    export_mlserver(registry, registry.resolve("champion"), tmp_path / "exported")
    columns = predictor.inputs.many(columns_of_json(contract.spec, records))
    pipeline = joblib.load(tmp_path / "exported" / "model.joblib")
    answered = pipeline.predict_proba(frame_of(columns, predictor.engine.layout))
    expected = many_of(predictor, contract, records)
    assert contract.target.pick(answered) == pytest.approx(expected, abs=1e-12)
    assert answered.sum(axis=1) == pytest.approx(1)
    assert pipeline.predict(frame_of(columns, predictor.engine.layout)).shape == (40,)


@contextlib.contextmanager
def backend(pipeline: Any, layout: Layout) -> Iterator[str]:
    "Answer for a pipeline as MLServer's scikit-learn runtime does: give the address."

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            columns = {tensor["name"]: np.array(tensor["data"], object) for tensor in question["inputs"]}
            numbers = pipeline.predict_proba(frame_of(columns, layout)).ravel().tolist()
            reply = json.dumps({"outputs": [{"name": "predict_proba", "data": numbers}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *words: object) -> None:
            "Nothing."

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("task", ["binary"], indirect=True)
def test_a_server_of_its_own_is_proven_and_answers_calibrated(
    home: Path, contract: Contract, records: Any, tmp_path: Path
) -> None:
    registry = Registry(home, MODEL)
    version = registry.resolve("champion")
    export_mlserver(registry, version, tmp_path / "exported")
    exported, layout = joblib.load(tmp_path / "exported" / "model.joblib"), registry.verify(version).layout
    raw = load_pipeline(registry.folder(version), registry.verify(version))
    with backend(exported, layout) as url:
        remote = open_remote(registry, settings_of(home, backend="v2", backend_url=url), "champion")
        expected = many_of(opened(home, contract, fast=False), contract, records)
        assert many_of(remote, contract, records) == pytest.approx(expected, abs=1e-12)
        assert remote.one(contract.parse(json.dumps(records[0]))).probability == pytest.approx(expected[0])
    with backend(raw, layout) as url, pytest.raises(NotTrusted, match=r"is another model: .*export it there"):
        open_remote(registry, settings_of(home, backend="v2", backend_url=url), "champion")


def test_the_listing_of_a_version_names_its_calibration(
    home: Path, calibration: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLDENPATH_HOME", str(home))
    monkeypatch.setenv("GOLDENPATH_MODEL", MODEL)
    shown = CliRunner().invoke(show_version, ["champion"])
    assert re.search(rf"calibration +│ +{calibration.kind} ", shown.output)
