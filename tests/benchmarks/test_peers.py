"""MLServer, which nobody here wrote, serves what was exported for it."""

import contextlib
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers import mlserver_python
from goldenpath.programs import free_ports
from goldenpath.registry.mlserver import export_mlserver
from goldenpath.registry.registry import Registry
from tests.helpers import task_versions
from tests.helpers.calibrations import BINARY, CLASSES, calibrated_copy
from tests.helpers.patience import LONG, wait_until
from tests.helpers.serving_app import client
from tests.helpers.serving_fixtures import MODEL, built, promote, publish, records
from tests.helpers.serving_program import running
from tests.helpers.task_versions import TASKS, publish_task, task_client, task_project, task_records

RECORDS = records(20, 7)


@contextlib.contextmanager
def mlserver(folder: Path) -> Iterator[str]:  # its address
    "Yield a real MLServer on what was exported below this folder."
    python = mlserver_python()
    ports = free_ports(3)
    settings = dict(zip(("http_port", "grpc_port", "metrics_port"), ports, strict=True))
    (folder / "settings.json").write_text(
        json.dumps({"host": "127.0.0.1", "parallel_workers": 0, "debug": False, **settings})
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [python, "-m", "mlserver.cli.main", "start", "."], cwd=folder, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{ports[0]}"
    try:
        wait_until(lambda: is_ready(url), lambda: (folder / "log").read_text()[-2000:])
        yield url
    finally:
        process.terminate()
        process.wait(LONG)


def is_ready(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/v2/health/ready"):
        return True
    return False


@pytest.mark.slow
def test_mlserver_serves_what_was_exported_and_the_answers_are_the_same(home: Path, tmp_path: Path) -> None:
    registry = Registry(home, MODEL)
    promote(home, publish(home, 1))
    calibrated = calibrated_copy(built(2, True, MODEL, True, ()), tmp_path / "calibrated", BINARY)
    promote(home, registry.publish(calibrated), "challenger", 0.5)
    for role, folder in {"champion": "champion", "challenger": "churn/mlserver"}.items():  # as in an image
        export_mlserver(registry, registry.resolve(role), tmp_path / "models" / folder)
    assert registry.manifest(registry.resolve("challenger")).calibration == "isotonic"
    here = client(home)
    with (
        mlserver(tmp_path / "models") as url,
        running(home, backend="v2", backend_url=url, backend_timeout=LONG) as there,
    ):
        assert there.get("/model").json()["path"] == "v2"
        versions = set()
        for record in RECORDS:
            ours, theirs = here.post("/predict", json=record).json, there.post("/predict", record).json()
            assert theirs["version"] == ours["version"]
            assert theirs["label"] == ours["label"]
            assert theirs["probability"] == pytest.approx(ours["probability"], abs=1e-5)
            versions.add(theirs["version"])
        assert len(versions) == 2
        batch = there.post("/predict/batch", RECORDS).json()
        assert len(batch["predictions"]) == len(RECORDS)


def publish_calibrated(home: Path, scratch: Path) -> str:
    "Publish and promote a version with classes whose answers are calibrated."
    candidate = task_versions.built("classes", 1, ())
    version = Registry(home, MODEL).publish(calibrated_copy(candidate, scratch / "calibrated", CLASSES))
    promote(home, version)
    return version


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_mlserver_answers_for_classes_and_an_amount_as_the_model_here(
    task: str, home: Path, tmp_path: Path
) -> None:
    registry = Registry(home, MODEL)
    version = publish_calibrated(home, tmp_path) if task == "classes" else publish_task(home, task)
    export_mlserver(registry, version, tmp_path / "models" / "champion")
    project, here, rows = (
        task_project(tmp_path / "project", task),
        task_client(home, task),
        task_records(task, 12),
    )
    with (
        mlserver(tmp_path / "models") as url,
        running(home, project=project, backend="v2", backend_url=url, backend_timeout=LONG) as there,
    ):
        ours = here.post("/predict/batch", json=rows).json["predictions"]
        theirs = there.post("/predict/batch", rows).json()["predictions"]
        for our, their in zip(ours, theirs, strict=True):
            assert (our.keys(), our.get("label"), our["key"]) == (
                their.keys(),
                their.get("label"),
                their["key"],
            )
            for name in our.keys() - {"label", "key"}:
                assert their[name] == pytest.approx(our[name], abs=1e-4)
        assert there.post("/predict/batch", []).json()["predictions"] == []
