"""Against a real MLflow server: what its own client finds there, and what a model answers that it loads."""

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from goldenpath.contract import CONTRACT
from goldenpath.predict import load_predictor
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import columns_of_json
from tests.helpers.mlflow_server import STEP, MlflowServer, running_mlflow
from tests.helpers.serving_fixtures import publish, records
from tests.helpers.trained_run import judged, published

pytestmark = pytest.mark.slow
MODEL = "covid-death"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    with running_mlflow(tmp_path_factory.mktemp("mlflow"), "--enable-workspaces") as server:
        yield server


@pytest.fixture(scope="module")
def judged_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Return a home with a run that trained and evaluated, and its version as champion."
    home = tmp_path_factory.mktemp("home")
    run = judged(home)[0]
    run.note("done")
    run.output("report.html").write_text("<p>a report")
    version = published(home, run)
    run.output("published.json").write_text(json.dumps({"version": version}))
    signature = home / "models" / MODEL / "signatures" / version / "0123abcd" / "model.sig"
    signature.parent.mkdir(parents=True)
    signature.write_text("a signature")
    return home


@pytest.fixture(scope="module")
def mirrored(server: MlflowServer, judged_home: Path) -> dict[str, Any]:
    done = server.call(judged_home, "mlflow", "sync")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"1 runs and 1 versions are in {server.uri}\n"
    assert done.stderr == ""
    return server.all()


def run_named(everything: dict[str, Any], name: str) -> dict[str, Any]:
    return next(run for run in everything["runs"] if run["name"] == name)


def aliases(server: MlflowServer) -> dict[str, str]:
    "Return the version of ours behind each alias."
    everything = server.all()
    names = {version["version"]: version["tags"]["goldenpath.version"] for version in everything["versions"]}
    model = next(model for model in everything["models"] if model["name"] == MODEL)
    return {alias: names[number] for alias, number in model["aliases"].items()}


def test_a_run_has_its_metrics_with_intervals_its_parameters_files_and_rows(
    mirrored: dict[str, Any], judged_home: Path
):
    folder = next((judged_home / "runs").iterdir())
    run = run_named(mirrored, folder.name)
    measured = json.loads((folder / "evaluation.json").read_text())["models"][0]["metrics"]
    for name, interval in measured.items():
        assert run["metrics"][name] == interval["value"]
        assert run["metrics"][f"{name}.low"] == interval["low"]
        assert run["metrics"][f"{name}.high"] == interval["high"]
    assert run["status"] == "FINISHED"
    assert run["parameters"]["seed"] == "42"
    assert run["parameters"]["split"] == "hash 0.70 0.15 0.15"
    data = json.loads((folder / "data/summary.json").read_text())
    assert data["fingerprint"].startswith(run["data"][0]["digest"])
    assert run["data"][0]["tags"] == {"mlflow.data.context": "training"}
    assert {"report.html", "candidate/MODEL_CARD.md", "evaluation/roc.png"} <= {*run["files"]}
    assert [name for name in run["files"] if name.endswith((".parquet", ".ipynb"))] == []


def test_the_leaderboard_is_runs_below_the_run(mirrored: dict[str, Any], judged_home: Path):
    folder = next((judged_home / "runs").iterdir())
    parent = run_named(mirrored, folder.name)["id"]
    children = [run for run in mirrored["runs"] if run["tags"].get("mlflow.parentRunId") == parent]
    leaderboard = json.loads((folder / "leaderboard.json").read_text())
    metrics = {run["tags"]["goldenpath.candidate"]: run["metrics"] for run in children}
    assert {entry["name"] for entry in leaderboard["entries"]} == {*metrics}
    for entry in leaderboard["entries"]:
        for name, spread in entry["metrics"].items():
            assert metrics[entry["name"]][name] == spread["mean"]
            assert metrics[entry["name"]][f"{name}.low"] == spread["low"]


def test_a_version_has_manifest_hash_and_signature_as_tags(mirrored: dict[str, Any], judged_home: Path):
    registry = Registry(judged_home, MODEL)
    version = registry.versions()[0]
    manifest = (registry.folder(version) / "manifest.json").read_bytes()
    tags = mirrored["versions"][0]["tags"]
    assert tags["goldenpath.manifest"] == manifest.decode()
    assert tags["goldenpath.sha256"] == hashlib.sha256(manifest).hexdigest()
    assert tags["goldenpath.signature.0123abcd"] == "a signature"
    assert tags["goldenpath.state"] == "published"
    assert mirrored["versions"][0]["run_id"] == run_named(mirrored, registry.manifest(version).run)["id"]


def test_the_model_behind_an_alias_answers_as_the_version_does(
    server: MlflowServer, mirrored: dict[str, Any], judged_home: Path, tmp_path: Path
):
    registry = Registry(judged_home, MODEL)
    rows = records(300, 3)
    predictor = load_predictor(registry.folder(registry.roles().champion or ""), fast=False)
    expected = predictor.many(columns_of_json(CONTRACT.spec, rows))
    answers = server.answers(f"models:/{MODEL}@champion", rows, tmp_path)
    assert answers["label"] == expected["label"].tolist()
    assert answers["probability"] == pytest.approx(expected["probability"].tolist(), abs=1e-12)
    assert len(set(answers["probability"])) > 10


def test_twice_is_the_same_as_once(server: MlflowServer, mirrored: dict[str, Any], judged_home: Path):
    before = server.all()
    assert server.call(judged_home, "mlflow", "sync").returncode == 0
    assert server.all() == before
    assert {count for run in before["runs"] for count in run["history"].values()} == {1}


def test_promote_rollback_and_withdraw_move_the_aliases(
    server: MlflowServer, mirrored: dict[str, Any], judged_home: Path
):
    first, other = Registry(judged_home, MODEL).versions()[0], publish(judged_home, 2)
    why = "--why", "a test"
    promoted = server.call(judged_home, "models", "promote", other, *why)
    assert promoted.returncode == 0, promoted.stderr
    assert "not mirrored" not in promoted.stderr
    assert aliases(server) == {"champion": other}
    shadow = ("models", "promote", first, "--role", "shadow", *why)
    assert server.call(judged_home, *shadow).returncode == 0
    assert aliases(server) == {"champion": other, "shadow": first}
    assert server.call(judged_home, "models", "rollback", "1", *why).returncode == 0
    assert aliases(server) == {"champion": first}
    assert server.call(judged_home, "models", "withdraw", other, *why).returncode == 0
    states = {
        one["tags"]["goldenpath.version"]: one["tags"]["goldenpath.state"] for one in server.all()["versions"]
    }
    assert states == {first: "published", other: "withdrawn"}
    doctor = server.call(judged_home, "doctor", COLUMNS="300")
    assert f"{server.uri} answers" in doctor.stdout


def test_a_step_that_fails_is_a_failed_run_below_the_platforms(server: MlflowServer, tmp_path: Path):
    handed = {"endpoint": server.uri, "parentRunId": "0" * 32, "experimentId": "0", "authType": "none"}
    done = server.call(tmp_path, "no rows today", code=STEP, KFP_MLFLOW_CONFIG=json.dumps(handed))
    assert "ValueError: no rows today" in done.stderr
    assert "not mirrored" not in done.stderr
    run = run_named(server.all(), next((tmp_path / "runs").iterdir()).name)
    assert run["status"] == "FAILED"
    assert run["experiment"] == "0"
    assert run["tags"]["mlflow.parentRunId"] == "0" * 32
    assert run["tags"]["goldenpath.failed"] == "02_data: ValueError: no rows today"
    assert run["parameters"] == {"02_data.limit": "7"}


def test_what_a_server_missed_is_there_after_a_sync(server: MlflowServer, tmp_path: Path):
    nowhere = MlflowServer(server.python, "http://127.0.0.1:9")
    done = nowhere.call(tmp_path, code=STEP)
    assert done.returncode == 0
    assert done.stderr == (
        "not mirrored: MLflow at http://127.0.0.1:9: the connection was refused; "
        "`goldenpath mlflow sync` makes up for it\n"
    )
    name = next((tmp_path / "runs").iterdir()).name
    assert server.call(tmp_path, "mlflow", "sync", "latest").returncode == 0
    assert run_named(server.all(), name)["status"] == "FINISHED"


class Forbidden(BaseHTTPRequestHandler):
    "Remembers what is sent, and forbids it."

    def do_GET(self) -> None:
        self.server.headers_sent.append(self.headers)  # type: ignore[attr-defined]
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_HEAD = do_GET

    def log_message(self, *words: Any) -> None: ...


@pytest.fixture
def forbidding() -> Iterator[ThreadingHTTPServer]:
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Forbidden)
    listener.headers_sent = []  # type: ignore[attr-defined]
    Thread(target=listener.serve_forever, daemon=True).start()
    yield listener
    listener.shutdown()
    listener.server_close()


def test_the_service_accounts_token_and_the_workspace_are_sent_and_never_shown(
    server: MlflowServer, forbidding: ThreadingHTTPServer, tmp_path: Path
):
    context = {"cluster": "c", "user": "u", "namespace": "team-a"}
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {"token": "kube-t0ken"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    uri = f"http://127.0.0.1:{forbidding.server_address[1]}"
    place = {"parentRunId": "0" * 32, "experimentId": "", "workspacesEnabled": True, "workspace": "team-a"}
    handed = json.dumps({"endpoint": uri, "authType": "kubernetes", **place})
    variables = {"KFP_MLFLOW_CONFIG": handed, "KUBECONFIG": str(tmp_path / "kubeconfig")}
    done = server.call(tmp_path, code=STEP, **variables)
    assert done.returncode == 0
    assert done.stderr == (
        f"not mirrored: MLflow at {uri}: it answered 403, these credentials are not allowed to do this; "
        "`goldenpath mlflow sync` makes up for it\n"
    )
    sent = forbidding.headers_sent[-1]  # type: ignore[attr-defined]
    assert (sent["Authorization"], sent["X-MLFLOW-WORKSPACE"]) == ("Bearer kube-t0ken", "team-a")
