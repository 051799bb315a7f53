"""Your data, proven: another table needs its own 01_contract, its settings and its rows, and nothing else."""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from goldenpath.evaluation.gate import Verdict
from goldenpath.registry.manifest import Manifest
from tests.helpers.project import PROJECT
from tests.helpers.serving_program import running

EXAMPLE = PROJECT / "examples" / "breast_cancer"
PARTS = (
    "goldenpath",
    "notebooks",
    "pipelines",
    "runtime-images",
    "serving",
    "pyproject.toml",
    "settings.ini",
)
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "llms.txt", "_modidx.py")
MADE = ("volume/", "goldenpath/_modidx.py", "notebooks/llms.txt")  # by runs, and by nbdev for itself


def program(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    "Run a program of this environment in the project's folder, without settings from outside."
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}
    return subprocess.run(words, cwd=project, env=environ, capture_output=True, text=True, timeout=500)


def nbdev(project: Path, command: str, *words: str) -> str:
    "One of nbdev's programs; what it said."
    done = program(project, str(Path(sys.executable).with_name(f"nbdev-{command}")), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hashes(project: Path) -> dict[str, str]:
    "sha256 of every file but those that runs make; of a link, where it leads."
    found = {}
    for path in sorted(project.rglob("*")):
        name = path.relative_to(project).as_posix()
        if path.is_dir() or "__pycache__" in name or name.startswith(MADE):
            continue
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        found[name] = hashlib.sha256(content).hexdigest()
    return found


class Changed:
    "The project after the other data set moved in and the pipeline ran."

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in PARTS:
            copy = shutil.copytree if (PROJECT / part).is_dir() else shutil.copy
            options: dict[str, Any] = (
                {"symlinks": True, "ignore": LEFT_OUT} if copy is shutil.copytree else {}
            )
            copy(PROJECT / part, folder / part, **options)
        (folder / "data").mkdir()
        nbdev(folder, "export")  # a stale export in the checkout is another test's business
        self.before = hashes(folder)
        shutil.copy(EXAMPLE / "01_contract.ipynb", folder / "notebooks")
        shutil.copy(EXAMPLE / "settings.ini", folder)
        self.rows = program(folder, sys.executable, str(EXAMPLE / "rows.py"), "data/breast_cancer.csv")
        self.run = program(folder, sys.executable, "-m", "goldenpath", "run")

    def only(self, pattern: str) -> Path:
        "Return the one file of this kind below home."
        [found] = (self.folder / "volume").glob(pattern)
        return found


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Changed:
    project = Changed(tmp_path_factory.mktemp("your data"))
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


@pytest.mark.slow
def test_the_lessons_of_all_notebooks_hold_for_it_too(changed: Changed) -> None:
    assert "Success" in nbdev(changed.folder, "test", "--n-workers", "1")
