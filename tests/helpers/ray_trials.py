"""What is tried on a real Ray cluster: `python -m tests.helpers.ray_trials FOLDER TRIAL...`; prints JSON.

The cluster is that of RAY_ADDRESS. FOLDER holds rows.csv, a folder of files to score, and a home with a
version; it takes other homes, outputs and marks. The trials of one process share a connection, and so workers
that have imported the library.
"""

import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import ray

from goldenpath.compute import ray_cluster, sorting
from goldenpath.compute.opening import open_compute
from goldenpath.contract import CONTRACT
from goldenpath.errors import GoldenpathError
from goldenpath.feedback.batch_receipts import RECEIPTS, read_receipt
from goldenpath.feedback.counts import add_up, read_counts
from goldenpath.project import Project, open_step
from goldenpath.registry.artifact import pipeline_from
from goldenpath.runs import fits
from goldenpath.settings import Settings, load_settings
from goldenpath.steps.batch import run_batch
from goldenpath.steps.data import make_data
from goldenpath.steps.train import train
from goldenpath.tables import batch_plan
from goldenpath.tables.batch_plan import BatchFile
from goldenpath.tables.parts import FilePart, file_parts
from tests.helpers.serving_fixtures import MODEL

PARTS = 12
MANY, LARGE = 1_000, 200_000  # partitions, and bytes of the result of each


def settings_of(folder: Path, compute: str, home: str = "") -> Settings:
    values = {"compute": compute, "home": str(folder / (home or f"home-{compute}"))}
    rows = {"source": str(folder / "rows.csv"), "max_rejected": 0.5}
    return load_settings(environ={}).changed(**values, **rows, candidates="linear, boosting", model=MODEL)


def as_if_large(folder: Path) -> None:
    "Spread the work over the workers, although it is little."
    size = (folder / "rows.csv").stat().st_size // PARTS
    sorting.file_parts = lambda file, _: file_parts(file, size)
    batch_plan.FEW_BYTES = 0
    fits.FEW_ROWS, fits.SOON = 1_000_000, 0.0  # local fits are made here, those on Ray all there


def share_connection() -> None:
    "Let the trials of this process keep what `open_compute` has connected to."
    ray_cluster._connect = cache(ray_cluster._connect)
    ray.shutdown = lambda: None


def first_time(mark: Path) -> bool:
    "Leave the number of this process in a file, unless one is there."
    try:
        with mark.open("x") as file:
            file.write(f"{os.getpid()}\n")
    except FileExistsError:
        return False
    return True


def kill_node(mark: Path) -> None:
    "Kill the node that this worker belongs to, and the worker with it, once."
    if first_time(mark):
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def linger(mark: Path, after: Path | None = None) -> None:
    "Work without an end, once, and say so when something is in a folder."
    while after and not list(after.glob("*.json")):
        time.sleep(0.1)
    if first_time(mark):
        time.sleep(600)


def is_in_the_middle(item: Any) -> bool:
    "Is this a partition that comes neither first nor last?"
    if isinstance(item, FilePart):
        return item.start > 0
    if isinstance(item, fits.CandidateFit):
        return item.fold == 1
    return item.source.endswith("3.csv") if isinstance(item, BatchFile) else item == 3


def troubled(item: Any, function: Callable[[Any], Any], trouble: Callable[[], None]) -> Any:
    if is_in_the_middle(item):
        trouble()
    return function(item)


@contextmanager
def trouble_by(trouble: Callable[[], None]) -> Iterator[None]:
    "Let something happen to a worker in the middle of the work."
    real = ray_cluster.RayCompute.pool

    def pool(self: Any, function: Callable[[Any], Any], tasks: int, timed: bool) -> Any:
        return real(self, partial(troubled, function=function, trouble=trouble), tasks, timed)

    ray_cluster.RayCompute.pool = pool
    yield
    ray_cluster.RayCompute.pool = real


def same(folder: Path) -> Any:
    "Read and train, here, and there with a node lost in both steps; return everything that must be equal."
    return {compute: version_of(folder, settings_of(folder, compute)) for compute in ("local", "ray")}


def sorted_csv(frame: pd.DataFrame) -> str:
    "Return rows as text; rejected ones by number, because a block lists its ragged rows last."
    order = ["file", "row"] if "row" in frame else []
    return (frame.sort_values(order) if order else frame).astype(str).to_csv(index=False)


def version_of(folder: Path, settings: Settings) -> dict[str, Any]:
    project = Project(settings)
    with (
        trouble_by(partial(kill_node, folder / "data-killed")),
        open_step("02_data", project=project) as step,
    ):
        summary = make_data(step)
    with (
        trouble_by(partial(kill_node, folder / "fit-killed")),
        open_step("05_train", project=project) as step,
    ):
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


def scored(folder: Path, compute: str, home: str) -> dict[str, Any]:
    "Score the files; return all that a batch leaves, outputs as text."
    settings, outputs = settings_of(folder, compute, home), folder / f"scores-{home}"
    if not (folder / home).exists():
        shutil.copytree(folder / "home", folder / home)
    project = Project(settings, CONTRACT)
    summary = run_batch(project, str(folder / "files"), f"{outputs}/")
    files = {file.name: file.read_text() for file in sorted(outputs.glob("*.csv"))}
    receipts = [read_receipt(outputs / name) for name in files if "rejected" not in name]
    counts = add_up(read_counts(project.feedback).counts)
    return {
        "files": files,
        "receipts": [receipt and receipt.model_dump(mode="json") for receipt in receipts],
        "counts": [counts.answers, counts.refused],
        "files_before": summary.files_before,
    }


def batches(folder: Path) -> Any:
    "Score here; there with a node lost; and there once more, where a driver was killed."
    here = scored(folder, "local", "batch-here")
    with trouble_by(partial(kill_node, folder / "killed-batch")):
        there = scored(folder, "ray", "batch-there")
    return {"here": here, "there": there, "again": scored(folder, "ray", "batch-killed")}


def lingering(folder: Path) -> None:
    "Read, score, and score elsewhere; each of them is to be stopped while a worker lingers."
    project = Project(settings_of(folder, "ray", "data-lingering"))
    with trouble_by(partial(linger, folder / "data-lingers")), open_step("02_data", project=project) as step:
        stopped_in(lambda: make_data(step))
    with trouble_by(partial(linger, folder / "batch-lingers")):
        stopped_in(lambda: scored(folder, "ray", "batch-stopped"))
    receipts = folder / "scores-batch-killed" / RECEIPTS
    with trouble_by(partial(linger, folder / "last-lingers", receipts)):
        scored(folder, "ray", "batch-killed")


def stopped_in(work: Callable[[], Any]) -> None:
    with suppress(KeyboardInterrupt):
        work()
        raise AssertionError("it ended by itself")


def many(folder: Path) -> Any:
    "Map over a thousand partitions; return whether the results are right, and by how much this process grew."
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_compute(settings_of(folder, "ray")) as compute:
        results = compute.map(large_result, range(MANY))
        right = all(result == large_result(number) for number, result in enumerate(results))
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    return {"right": right, "grown": grown, "all": MANY * LARGE}


def large_result(number: int) -> bytes:
    return number.to_bytes(4, "big") * (LARGE // 4)


def take_memory(item: int) -> int:
    "Take memory until this process may have no more, in the middle."
    if item != 3:
        return item
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**29, most))  # 512 MB more
    held = []
    while True:
        held.append(np.ones(10_000_000))


def refused(run: Callable[[], Any]) -> str:
    try:
        run()
    except GoldenpathError as fault:
        return str(fault)
    return ""


def hungry(folder: Path) -> Any:
    "Take all memory that a worker may have."
    with open_compute(settings_of(folder, "ray")) as compute:
        results = compute.map(take_memory, range(5), name="file {}".format)
        return {"fault": refused(lambda: list(results))}


def other_version(folder: Path) -> Any:
    "Connect from a process whose pandas is another one."
    real = ray_cluster.require_same
    changed = {"pandas": "0.1"}
    ray_cluster.require_same = lambda ours, theirs, node: real(ours | changed, theirs, node)
    fault = refused(lambda: open_compute(settings_of(folder, "ray")).__enter__())
    ray_cluster.require_same = real
    return {"fault": fault}


if __name__ == "__main__":
    as_if_large(Path(sys.argv[1]))
    if sys.argv[2:] != ["lingering"]:  # each connection of which ends what it had begun
        share_connection()
    answers = {trial: globals()[trial](Path(sys.argv[1])) for trial in sys.argv[2:]}
    print("\n" + json.dumps(answers), flush=True)
