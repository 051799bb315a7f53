"""Three classes and a quantity, from files to a server: the examples beside the binary one."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from goldenpath.evaluation.gate import Verdict
from goldenpath.evaluation.record import Evaluation
from goldenpath.registry.manifest import Manifest
from tests.helpers.example_project import Changed, program
from tests.helpers.serving_program import running

TARGETS = {"wine": "grower", "diabetes": "progression"}


@pytest.fixture(scope="module", params=TARGETS)
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Changed]:
    "Run the pipeline of one example in a copy of the project."
    project = Changed(tmp_path_factory.mktemp(request.param), request.param)
    assert project.rows.returncode == 0, project.rows.stderr
    assert project.run.returncode == 0, project.run.stdout + project.run.stderr
    return request.param, project


def records_of(name: str, project: Changed) -> tuple[list[dict[str, Any]], list[str]]:
    "Return records as callers send them, and the outcomes."
    with (project.folder / "data" / f"{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    outcomes = [row.pop(TARGETS[name]) for row in rows]
    return [
        {key: value if key == "sex" else float(value) for key, value in row.items()} for row in rows
    ], outcomes


@pytest.mark.slow(seconds=40)
def test_the_pipeline_is_green_proven_and_better_than_the_baseline(example: tuple[str, Changed]) -> None:
    name, project = example
    verdict = Verdict.model_validate_json(project.only("runs/*/verdict.json").read_text())
    evaluation = Evaluation.model_validate_json(project.only("runs/*/evaluation.json").read_text())
    manifest = Manifest.model_validate_json(project.only("models/*/versions/*/manifest.json").read_text())
    contrast = json.loads(project.only("runs/*/contrast.json").read_text())
    assert verdict.promotable
    assert manifest.fast_path.status == "proven"
    assert manifest.threshold is None
    assert contrast["fast_one_s"]["p50"] < contrast["sklearn_one_s"]["p50"]
    assert contrast["http_s"]["p50"] < contrast["train_then_predict_s"]
    timed = [100, contrast["rows"]] if name == "diabetes" else [contrast["rows"]]  # wine has 104 rows
    assert [point["rows"] for point in contrast["growth"]["points"]] == timed
    page = project.only("runs/*/report.html").read_text()
    assert ("Train, then predict: " in page) is (name == "diabetes")
    candidate, dummy = (model.metrics for model in evaluation.models[:2])
    if name == "wine":
        assert candidate["roc_auc_ovr"].value > 0.95 > dummy["roc_auc_ovr"].value == 0.5
        assert len(evaluation.confusion) == 3
    else:
        assert candidate["r2"].value > 0.2 > 0.01 > dummy["r2"].value
        assert candidate["coverage"].value == pytest.approx(0.9, abs=0.1)
        assert manifest.half_width == evaluation.half_width > 0


@pytest.mark.slow
def test_the_server_answers_in_the_words_of_the_task(example: tuple[str, Changed]) -> None:
    name, project = example
    records, outcomes = records_of(name, project)
    with running(project.folder / "volume", project=project.folder) as server:
        one = server.post("/predict", records[0]).json()
        batch = server.post("/predict/batch", records).json()["predictions"]
        description, page = server.get("/openapi.json").json(), server.get("/")
    assert page.status == 200
    parts = description["components"]["schemas"]["Prediction"]["properties"]
    if name == "wine":
        assert one["label"] == max(one["probabilities"], key=one["probabilities"].get)
        assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        right = sum(answer["label"] == outcome for answer, outcome in zip(batch, outcomes, strict=True))
        assert right >= 0.95 * len(outcomes)
        assert {"label", "probabilities"} <= parts.keys()
    else:
        assert one["low"] < one["value"] < one["high"]
        inside = [a["low"] <= float(o) <= a["high"] for a, o in zip(batch, outcomes, strict=True)]
        assert 0.8 < sum(inside) / len(inside) < 1
        assert {"value", "low", "high"} <= parts.keys()


@pytest.mark.slow
def test_a_file_is_scored_in_the_words_of_the_task(example: tuple[str, Changed], tmp_path: Path) -> None:
    name, project = example
    words = ["-m", "goldenpath", "batch", f"data/{name}.csv", str(tmp_path / "scores.csv")]
    done = program(project.folder, sys.executable, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "scores.csv").open() as file:
        header = next(csv.reader(file))
    parts = {
        "wine": ["label", "probability_first", "probability_second", "probability_third"],
        "diabetes": ["value", "low", "high"],
    }
    added = [*parts[name], "version"]
    assert header[-len(added) :] == added
