"""Your data, proven: another table needs its own 01_contract, its settings and its rows, and nothing else."""

import csv
import json
from pathlib import Path

import pytest

from goldenpath.evaluation.gate import Verdict
from goldenpath.registry.manifest import Manifest
from tests.helpers.example_project import Changed, copy_project, hashes, move_in, nbdev
from tests.helpers.serving_program import running


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Changed:
    project = Changed(tmp_path_factory.mktemp("your data"), "breast_cancer")
    assert project.rows.returncode == 0, project.rows.stderr
    assert project.run.returncode == 0, project.run.stdout + project.run.stderr
    return project


def test_the_pipeline_is_green_and_its_model_good(changed: Changed) -> None:
    verdict = Verdict.model_validate_json(changed.only("runs/*/verdict.json").read_text())
    manifest = Manifest.model_validate_json(changed.only("models/*/versions/*/manifest.json").read_text())
    assert verdict.promotable
    assert manifest.model == "breast-cancer"
    assert not manifest.synthetic
    assert manifest.data.rows["rejected"] == 0
    assert manifest.metrics["roc_auc"] >= 0.98


def test_the_fast_path_is_proven_on_thirty_numbers(changed: Changed) -> None:
    manifest = Manifest.model_validate_json(changed.only("models/*/versions/*/manifest.json").read_text())
    contrast = json.loads(changed.only("runs/*/contrast.json").read_text())
    assert manifest.fast_path.status == "proven"
    assert len(manifest.layout.number) == 30
    assert manifest.layout.number[0] == "mean radius"
    assert contrast["fast_one_s"]["p50"] < contrast["sklearn_one_s"]["p50"]
    assert contrast["http_s"]["p50"] < contrast["train_then_predict_s"]


def test_no_other_file_was_touched(changed: Changed) -> None:
    after = hashes(changed.folder)
    differing = {name for name in after | changed.before if after.get(name) != changed.before.get(name)}
    assert differing == {
        "notebooks/01_contract.ipynb",
        "goldenpath/contract.py",  # exported from it
        "settings.ini",
        "data/breast_cancer.csv",
    }


def test_the_server_answers_for_it(changed: Changed) -> None:
    with (changed.folder / "data" / "breast_cancer.csv").open() as file:
        rows = list(csv.DictReader(file))[:100]
    wanted = [row.pop("diagnosis") for row in rows]
    records = [{name: float(value) for name, value in row.items()} for row in rows]
    with running(changed.folder / "volume", project=changed.folder) as server:
        one = server.post("/predict", records[0])
        batch = server.post("/predict/batch", records)
        refused = server.post("/predict", {**records[0], "mean radius": -1})
        model, schema, page = server.get("/model").json(), server.get("/contract").json(), server.get("/")
    assert one.status == 200
    assert one.json()["label"] == wanted[0] == "malignant"
    assert one.json()["version"] == model["version"]
    assert model["path"] == "onnx"
    assert "mean radius" in schema["required"]
    assert b"mean radius" in page.body
    answers = [answer["label"] for answer in batch.json()["predictions"]]
    assert sum(said == true for said, true in zip(answers, wanted, strict=True)) >= 95
    assert refused.status == 422
    assert "must be a number from 0 to 50" in refused.body.decode()


@pytest.mark.slow(seconds=20)
def test_the_lessons_of_all_notebooks_hold_for_it_too(tmp_path: Path) -> None:
    copy_project(tmp_path)
    assert move_in(tmp_path, "breast_cancer").returncode == 0
    nbdev(tmp_path, "export")
    assert "Success" in nbdev(tmp_path, "test", "--n-workers", "1")
