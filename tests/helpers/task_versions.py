"""Small versions that predict classes or an amount, and the projects to serve them in."""

import atexit
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import numpy as np
from flask.testing import FlaskClient
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline

from goldenpath.inference.engines import OnnxEngine, SklearnEngine, compile_onnx, frame_of
from goldenpath.inference.explanation import learn_explainer
from goldenpath.inference.proof import compare_answers
from goldenpath.model import choose_golden, preprocessing
from goldenpath.predict import Predictor, load_predictor
from goldenpath.records import Columns, Layout
from goldenpath.registry.artifact import save_pipeline, write_manifest
from goldenpath.registry.registry import Registry
from goldenpath.schema import golden
from goldenpath.schema.contract import Contract, columns_of_json
from serving.app import create_app
from serving.models import Models
from tests.helpers import stay_contract, wine_contract
from tests.helpers.project import PROJECT
from tests.helpers.serving_app import settings_of
from tests.helpers.serving_fixtures import MODEL, manifest_of, promote
from tests.helpers.two_ways import nothing_watched

ROWS = 400


@dataclass(frozen=True)
class Task:
    "What a version of one task is made of."

    contract: Contract
    file: Path  # that defines the contract
    estimator: Callable[[], Any]
    trees: Callable[[], Any]
    outcome: Callable[[Columns, np.random.Generator], np.ndarray]
    half_width: float | None = None

    @property
    def layout(self) -> Layout:
        return Layout(text=self.contract.text_columns, number=self.contract.number_columns)


def grape(columns: Columns, rng: np.random.Generator) -> np.ndarray:  # (n,) codes
    score = columns["alcohol"] + 2.0 * (columns["colour"] == "red") + rng.normal(size=len(columns["colour"]))
    return np.digitize(score, np.quantile(score, [0.4, 0.7]))


def days(columns: Columns, rng: np.random.Generator) -> np.ndarray:  # (n,)
    noise = rng.normal(size=len(columns["age"]))
    return columns["age"] / 10 + 5.0 * (columns["ward"] == "north") - 2.0 * columns["planned"] + noise


TASKS = {
    "classes": Task(
        contract=wine_contract.CONTRACT,
        file=Path(wine_contract.__file__),
        estimator=lambda: LogisticRegression(max_iter=1000),
        trees=lambda: RandomForestClassifier(8, random_state=0),
        outcome=grape,
    ),
    "quantity": Task(
        contract=stay_contract.CONTRACT,
        file=Path(stay_contract.__file__),
        estimator=Ridge,
        trees=lambda: RandomForestRegressor(8, random_state=0),
        outcome=days,
        half_width=1.75,
    ),
}


def task_records(task: str, n: int, seed: int = 7) -> list[dict[str, Any]]:
    "Draw records that keep the contract."
    drawn = golden.pool(TASKS[task].contract.spec, n, seed)
    return drawn.records[drawn.corners :]


def publish_task(home: Path, task: str, seed: int = 1, role: str = "champion", **changes: Any) -> str:
    "Fit, compile, prove and publish a version, and give it a role."
    version = Registry(home, MODEL).publish(built(task, seed, tuple(changes.items())))
    promote(home, version, role, share=0.5 if role == "challenger" else 0.0)
    return version


@cache
def built(task: str, seed: int, changes: tuple[tuple[str, Any], ...]) -> Path:
    "Return the candidate of a version, made once for all tests of this process."
    folder = Path(mkdtemp(prefix="goldenpath-candidate-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    make_candidate(folder, TASKS[task], seed, **dict(changes))
    return folder


def make_candidate(folder: Path, task: Task, seed: int, trees: bool = False, **changes: Any) -> None:
    "Write a candidate of a small linear model, or of trees, with its compiled one."
    spec, layout, target = task.contract.spec, task.layout, task.contract.target
    drawn = golden.pool(spec, ROWS, seed)
    columns = columns_of_json(spec, drawn.records)
    outcome = task.outcome(columns, np.random.default_rng(seed))
    pipeline = Pipeline(
        [("preprocessing", preprocessing(layout)), ("estimator", task.trees() if trees else task.estimator())]
    )
    pipeline.fit(frame_of(columns, layout), outcome)
    save_pipeline(pipeline, folder / "model.skops")
    (folder / "model.onnx").write_bytes(compile_onnx(pipeline, layout))
    (folder / "contract.json").write_text(spec.model_dump_json())
    explainer = learn_explainer(pipeline, layout, target, columns, columns)
    (folder / "explanation.json").write_text(explainer.model_dump_json())
    scores = SklearnEngine(pipeline, layout, target).many(columns)
    fast = OnnxEngine((folder / "model.onnx").read_bytes(), layout, target).many(columns)
    (folder / "golden.json").write_text(choose_golden(drawn, scores, fast, None).model_dump_json())
    known = {
        "spec": spec,
        "model": MODEL,
        "layout": layout,
        "fast_path": compare_answers(scores, fast, None, target),
        "threshold": None,
        "threshold_rule": "",
        "half_width": task.half_width,
    }
    write_manifest(folder, manifest_of(seed, **{**known, **changes}))


def task_predictor(home: Path, task: str, version: str, fast: bool = True) -> Predictor:
    "Open a version with the contract of its task."
    registry = Registry(home, MODEL)
    manifest = registry.verify(version)
    return load_predictor(
        registry.folder(version), fast=fast, manifest=manifest, contract=TASKS[task].contract
    )


def task_models(home: Path, task: str, fast: bool = True) -> Models:
    "Return the models of a home, after one look at its roles."
    models = Models(Registry(home, MODEL), lambda version: task_predictor(home, task, version, fast))
    models.look()
    return models


def task_client(home: Path, task: str, models: Models | None = None, **settings: Any) -> FlaskClient:
    "Return a client of the application that serves a version of this task."
    chosen, contract = settings_of(home, **settings), TASKS[task].contract
    with nothing_watched():  # no line of its log gets among those of another application
        return create_app(chosen, contract, models or task_models(home, task), lambda: False).test_client()


def task_project(folder: Path, task: str) -> Path:
    "Return a project whose contract is the task's, and everything else this checkout's."
    (folder / "goldenpath").mkdir(parents=True)
    for path in (PROJECT / "goldenpath").iterdir():
        if path.name not in ("contract.py", "__pycache__"):
            (folder / "goldenpath" / path.name).symlink_to(path)
    (folder / "goldenpath" / "contract.py").symlink_to(TASKS[task].file)
    for name in ("serving", "pyproject.toml"):
        (folder / name).symlink_to(PROJECT / name)
    (folder / "settings.ini").write_text(f"[any]\nmodel = {MODEL}\n")
    return folder
