"""What is tried on a real Ray cluster: `python -m tests.helpers.ray_trials FOLDER TRIAL...`; prints JSON.

The cluster is that of RAY_ADDRESS. FOLDER holds rows.csv, and takes homes and marks.
"""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from goldenpath.compute import ray_cluster, sorting
from goldenpath.compute.opening import open_compute
from goldenpath.errors import GoldenpathError
from goldenpath.project import Project, open_step
from goldenpath.registry.artifact import pipeline_from
from goldenpath.runs import fits
from goldenpath.runs.fits import TrainingRows, fits_of, run_fits
from goldenpath.schema.targets import TWO_OUTCOMES
from goldenpath.settings import Settings, load_settings
from goldenpath.steps.data import make_data
from goldenpath.steps.train import train
from goldenpath.tables.parts import file_parts

PARTS = 12


def settings_of(folder: Path, compute: str) -> Settings:
    values = {"compute": compute, "home": str(folder / f"home-{compute}"), "source": str(folder / "rows.csv")}
    return load_settings(environ={}).changed(**values, max_rejected=0.5, candidates="linear, boosting")


def small_parts(folder: Path) -> None:
    "Divide files of a megabyte or two as files of gigabytes are."
    size = (folder / "rows.csv").stat().st_size // PARTS
    sorting.file_parts = lambda file, _: file_parts(file, size)


def kill_node(mark: Path) -> None:
    "Kill the node that this worker belongs to, and the worker with it, the first time."
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def same(folder: Path) -> Any:
    "Read and train, here and there; return everything that must be equal."
    fits.FEW_ROWS, fits.SOON = 1_000_000, 0.0  # local fits are made here, those on Ray all there
    return {compute: version_of(folder, settings_of(folder, compute)) for compute in ("local", "ray")}


def sorted_csv(frame: pd.DataFrame) -> str:
    "Return rows as text; rejected ones by number, because a block lists its ragged rows last."
    order = ["file", "row"] if "row" in frame else []
    return (frame.sort_values(order) if order else frame).astype(str).to_csv(index=False)


def version_of(folder: Path, settings: Settings) -> dict[str, Any]:
    project = Project(settings)
    with open_step("02_data", project=project) as step:
        summary = make_data(step)
    with open_step("05_train", project=project) as step:
        record = train(step, seed=1)
        board = json.loads((step.run.folder / "leaderboard.json").read_text())
        columns = pd.read_parquet(step.run.input("data/train.parquet"))
        candidate = step.run.folder / "candidate"
        rows = {
            side: sorted_csv(pd.read_parquet(step.run.input(f"data/{side}.parquet")))
            for side in ("train", "validation", "test", "rejected")
        }
    file = candidate / "model.skops"
    pipeline = pipeline_from(file.read_bytes(), file, ())
    return {
        "rows": summary.rows,
        "fingerprint": summary.fingerprint,
        "files": rows,
        "columns": [str(kind) for kind in columns.dtypes],
        "identity": record.identity,
        "coefficients": np.ravel(pipeline.steps[-1][1].coef_).tolist(),
        "metrics": {entry["name"]: entry["metrics"] for entry in board["entries"]},
    }


class Deadly(ClassifierMixin, BaseEstimator):
    "Loses its node the first time that it is fitted."

    def __init__(self, mark: str = "") -> None:
        self.mark = mark

    def fit(self, X: Any, y: Any) -> "Deadly":
        kill_node(Path(self.mark))
        self.model_ = LogisticRegression().fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: Any) -> Any:
        return self.model_.predict_proba(X)


def fits_killed(folder: Path) -> Any:
    "Lose a node in the middle of the leaderboard."
    fits.SOON = 0.0
    random, lines = np.random.default_rng(3), list[str]()
    frame = pd.DataFrame(random.normal(size=(900, 3)), columns=list("abc"))
    outcome = frame["a"].to_numpy() > 0.3
    rows = TrainingRows(frame, outcome, np.ones(900), np.arange(900) % 3, TWO_OUTCOMES)
    pipelines = {
        "deadly": Pipeline([("estimator", Deadly(str(folder / "fits-killed")))]),
        "linear": Pipeline([("estimator", LogisticRegression())]),
    }
    with open_compute(settings_of(folder, "ray")) as compute:
        results = run_fits(list(fits_of(pipelines, 3)), rows, 300.0, lines.append, compute)
    scores = [
        np.array_equal(results["deadly", fold].scores, results["linear", fold].scores) for fold in range(3)
    ]
    return {"fits": len(results), "equal": scores, "lines": lines}


def take_memory() -> None:
    "Take memory until this process may have no more."
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**29, most))  # 512 MB more
    held = []
    while True:
        held.append(np.ones(10_000_000))


def work(item: int, folder: Path, hungry: bool = False, endless: bool = False) -> int:
    if item == 3 and not hungry:
        kill_node(folder / "files-killed")
    if endless:
        (folder / f"working-{os.getpid()}").touch()
        time.sleep(600)
    if hungry and item == 3:
        take_memory()
    return item * item


def files_killed(folder: Path) -> Any:
    "Lose a node in the middle of files, then do a thousand."
    lines = list[str]()
    with open_compute(settings_of(folder, "ray")) as compute:
        killed = list(
            compute.map(partial(work, folder=folder), range(8), name="file {}".format, tell=lines.append)
        )
        many = list(compute.map(partial(work, folder=folder), range(1_000)))
    return {"killed": killed, "many": many == [n * n for n in range(1_000)], "lines": lines}


def refused(run: Callable[[], Any]) -> str:
    try:
        run()
    except GoldenpathError as fault:
        return str(fault)
    return ""


def hungry(folder: Path) -> Any:
    "Take all memory that a worker may have."
    lines = list[str]()
    with open_compute(settings_of(folder, "ray")) as compute:
        eat = partial(work, folder=folder, hungry=True)
        results = compute.map(eat, range(5), name="file {}".format, tell=lines.append)
        return {"fault": refused(lambda: list(results)), "lines": lines}


def other_version(folder: Path) -> Any:
    "Connect from a process whose pandas is another one."
    real = ray_cluster.require_same
    changed = {"pandas": "0.1"}
    ray_cluster.require_same = lambda ours, theirs, node: real(ours | changed, theirs, node)
    fault = refused(lambda: open_compute(settings_of(folder, "ray")).__enter__())
    ray_cluster.require_same = real
    return {"fault": fault}


def endless(folder: Path) -> Any:
    "Work until Ctrl-C."
    with open_compute(settings_of(folder, "ray")) as compute:
        return list(compute.map(partial(work, folder=folder, endless=True), range(100, 104)))


if __name__ == "__main__":
    small_parts(Path(sys.argv[1]))
    answers = {trial: globals()[trial](Path(sys.argv[1])) for trial in sys.argv[2:]}
    print("\n" + json.dumps(answers), flush=True)
