"""This server beside others, on your machine: `python -m benchmarks.peers`.

The same fitted pipeline everywhere, one worker on one core, wrk on the other, no memo, different records. All
run at once and are asked in turns, one at a time, so that what else happens on the machine hits all of them;
the figures are medians over the turns. The others are used as their makers' first pages show, from PyPI, each
in an environment of its own (made on first use).
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import joblib
import numpy
import pandas
import sklearn
from rich.console import Console
from rich.table import Table

from benchmarks.load import Load, started, write_bodies, wrk
from benchmarks.open_load import open_load
from benchmarks.projects import PROJECT, REAL_ROWS, as_joblib, champion_of, project_copy, trained
from benchmarks.scenarios import distinct_records
from benchmarks.serving import SHARES, middle
from goldenpath.measure.environments import isolated_python
from goldenpath.measure.stopwatch import in_words
from goldenpath.model import TRUSTED_TYPES
from goldenpath.registry.mlserver import export_mlserver

SAME = (
    f"scikit-learn=={sklearn.__version__}",
    f"pandas=={pandas.__version__}",
    f"numpy=={numpy.__version__}",
    f"joblib=={joblib.__version__}",
    "skops==0.16.0",
)
MLFLOW, BENTOML = "mlflow==3.17.2", "bentoml==1.4.39"
MLSERVER = ("mlserver==1.7.1", "mlserver-sklearn==1.7.1")
GOALS = {1: 50, 16: 100}  # times the best of the others, in requests/s, by connections

SAVE_FOR_MLFLOW = """
import sys, joblib, mlflow.sklearn
mlflow.sklearn.save_model(joblib.load(sys.argv[1]), sys.argv[2], pyfunc_predict_fn="predict_proba",
                          serialization_format="cloudpickle")
"""
BENTO = """
import bentoml, joblib, pandas as pd

@bentoml.service(workers=1)
class Service:
    def __init__(self):
        self.model = joblib.load("pipeline.joblib")

    @bentoml.api
    def predict(self, record: dict) -> float:
        return float(self.model.predict_proba(pd.DataFrame([record]))[0, 1])
"""


@dataclass(frozen=True)
class Peer:
    "A server, and how one asks it."

    name: str
    command: list[str]  # `{host}`, `{port}` and `{address}` are filled in
    path: str
    body: Callable[[dict[str, Any]], Any]  # from a record
    folder: Path  # working directory
    prepare: Callable[[], None] = lambda: None
    variables: dict[str, str] | None = None


def peers(folder: Path, project: Path) -> list[Peer]:
    "All of them, with the project's champion."
    registry, version = champion_of(project)
    pipeline = as_joblib(project, folder)
    export_mlserver(registry, version, folder / "mlserver" / "model", TRUSTED_TYPES)
    (folder / "service.py").write_text(BENTO)
    own = [sys.executable, "-m", "serving", "--listen", "{address}"]
    naive = [sys.executable, "-m", "benchmarks.naive", str(pipeline), "{address}"]
    return [
        Peer("goldenpath", own, "/predict", dict, project),
        Peer("naive: load on every request", naive, "/predict", dict, PROJECT),
        mlflow(folder, pipeline),
        mlserver(folder, f"/v2/models/{registry.model}/infer"),
        bentoml(folder),
    ]


def mlflow(folder: Path, pipeline: Path) -> Peer:
    "mlflow models serve."
    python = str(isolated_python("mlflow", MLFLOW, *SAME))

    def prepare() -> None:
        words = [python, "-c", SAVE_FOR_MLFLOW, str(pipeline), str(folder / "mlflow")]
        subprocess.run(words, check=True, capture_output=True, cwd=folder)

    serve = ["models", "serve", "-m", str(folder / "mlflow"), "-h", "{host}", "-p", "{port}", "-w", "1"]
    command = [python, "-m", "mlflow", *serve, "--env-manager", "local"]
    return Peer(
        "MLflow",
        command,
        "/invocations",
        lambda record: {"dataframe_records": [record]},
        folder,
        prepare,
        on_path(python),
    )


def mlserver(folder: Path, path: str) -> Peer:
    "MLServer with its scikit-learn runtime, in one process."
    python = str(mlserver_python())
    serve = [python, "-m", "mlserver.cli.main", "start", "."]
    names = {"MLSERVER_HOST": "{host}", "MLSERVER_HTTP_PORT": "{port}", "MLSERVER_PARALLEL_WORKERS": "0"}
    free = {"MLSERVER_GRPC_PORT": "0", "MLSERVER_METRICS_PORT": "0", "MLSERVER_METRICS_ENDPOINT": ""}
    return Peer("MLServer", serve, path, tensors, folder / "mlserver", variables={**names, **free})


def mlserver_python() -> Path:
    "Return the environment that contains MLServer."
    return isolated_python("mlserver", *MLSERVER, *SAME)


def tensors(record: dict[str, Any]) -> dict[str, Any]:
    "Build the body of the Open Inference Protocol for a record."
    inputs = [{"name": n, "shape": [1], "datatype": "BYTES", "data": [value]} for n, value in record.items()]
    return {"inputs": inputs, "outputs": [{"name": "predict_proba"}]}


def bentoml(folder: Path) -> Peer:
    "bentoml serve."
    python = str(isolated_python("bentoml", BENTOML, *SAME))
    command = [python, "-m", "bentoml", "serve", "service:Service", "--host", "{host}", "--port", "{port}"]
    variables = {**on_path(python), "BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(folder / "bento")}
    return Peer(
        "BentoML", command, "/predict", lambda record: {"record": record}, folder, variables=variables
    )


def on_path(python: str) -> dict[str, str]:
    "For programs that start others of their environment by name."
    return {"PATH": f"{Path(python).parent}:{os.environ['PATH']}"}


@dataclass(frozen=True)
class Measured:
    "One server: at 1 and at 16 connections, and on a schedule at each of `SHARES` of its rate at 16."

    one: Load
    many: Load
    scheduled: tuple[Load, ...]


def measure(
    chosen: Sequence[Peer], records: list[dict[str, Any]], turns: int, seconds: int, folder: Path
) -> dict[str, Measured]:  # by name
    "In turns, after a second of warming up each; then on a schedule."
    loads: dict[str, list[tuple[Load, Load]]] = {peer.name: [] for peer in chosen}
    with contextlib.ExitStack() as running:
        asks = {peer.name: running.enter_context(answering(peer, records, folder)) for peer in chosen}
        for url, bodies in asks.values():
            wrk(url, bodies, 1, 1)
        for _ in range(turns):
            for name, (url, bodies) in asks.items():
                loads[name].append((wrk(url, bodies, 1, seconds), wrk(url, bodies, 16, seconds)))
        return {
            name: with_schedule(
                *asks[name], middle([one for one, _ in each]), middle([m for _, m in each]), seconds
            )
            for name, each in loads.items()
        }


def with_schedule(url: str, bodies: Path, one: Load, many: Load, seconds: int) -> Measured:
    "Add how the server does if requests come on a schedule."
    scheduled = [open_load(url, bodies, share * many.rate, 3 * seconds) for share in SHARES]
    return Measured(one, many, tuple(scheduled))


@contextlib.contextmanager
def answering(peer: Peer, records: list[dict[str, Any]], folder: Path) -> Iterator[tuple[str, Path]]:
    "Run the peer's server; yield its URL and the bodies for it."
    peer.prepare()
    bodies = write_bodies(
        folder / f"{peer.name.split(':')[0]}.bodies", [peer.body(record) for record in records]
    )
    first = (peer.path, bodies.open("rb").readline())
    with started(peer.command, first, peer.folder, True, **(peer.variables or {})) as server:
        yield f"{server.url}{peer.path}", bodies


def as_table(servers: dict[str, Measured]) -> Table:
    "One line for each server."
    table = Table(title="the same pipeline, one worker, one core, no memo; p99 of requests on a schedule")
    table.add_column("server")
    scheduled = [f"p99 at {share:.0%}" for share in SHARES]
    for name in (
        "requests/s at 1",
        "p50 at 1",
        "p99 at 1",
        "requests/s at 16",
        "p50 at 16",
        *scheduled,
        "failed",
    ):
        table.add_column(name, justify="right")
    for name, measured in servers.items():
        one, many, scheduled_loads = measured.one, measured.many, measured.scheduled
        times = [in_words(load.p99) for load in scheduled_loads]
        failed = sum(load.failed for load in (one, many, *scheduled_loads))
        rates = (
            f"{one.rate:,.0f}",
            in_words(one.p50),
            in_words(one.p99),
            f"{many.rate:,.0f}",
            in_words(many.p50),
        )
        table.add_row(name, *rates, *times, str(failed))
    return table


@click.command()
@click.option("--turns", default=5, show_default=True, help="Times that all are measured in turn.")
@click.option("--seconds", default=3, show_default=True, help="Length of one measurement.")
@click.option("--only", default="", help="Measure this server beside ours only.")
def main(turns: int, seconds: int, only: str) -> None:
    "Measure this server and its peers."
    console = Console(width=110, highlight=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = {"GOLDENPATH_SOURCE": str(REAL_ROWS)} if REAL_ROWS.exists() else {}
        console.print("training, and making the others' environments where they are missing ...")
        project = trained(project_copy(folder / "project"), **source)
        everyone = peers(folder, project)
        chosen = [one for one in everyone if one.name == "goldenpath" or only.lower() in one.name.lower()]
        console.print(f"measuring {', '.join(one.name.split(':')[0] for one in chosen)} in turns ...")
        servers = measure(chosen, distinct_records(), turns, seconds, folder)
    console.print(as_table(servers))
    ours = servers.pop("goldenpath")
    best = {
        1: max(peer.one.rate for peer in servers.values()),
        16: max(p.many.rate for p in servers.values()),
    }
    multiples = {1: ours.one.rate / best[1], 16: ours.many.rate / best[16]}
    for connections, goal in GOALS.items():
        times = f"{multiples[connections]:.1f} times the best of the others"
        console.print(f"{times} at {connections} connection(s) (goal: {goal})")
    sys.exit(any(multiples[connections] < goal for connections, goal in GOALS.items()))


if __name__ == "__main__":
    main()
