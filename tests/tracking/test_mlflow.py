"""Against a real MLflow server: what its own client finds there, and what a model answers that it loads."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from goldenpath.contract import CONTRACT
from goldenpath.predict import load_predictor
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import columns_of_json
from tests.helpers.mlflow_server import PATIENT, MlflowServer, running_mlflow
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
    assert server.call(judged_home, "mlflow", "sync").returncode == 0
    assert server.all() == mirrored
    assert {count for run in mirrored["runs"] for count in run["history"].values()} == {1}


ROLES = (
    PATIENT
    + """
import json
from mlflow import MlflowClient
from goldenpath.cli import main

def call(*words):
    try:
        main([*words])
    except SystemExit as end:
        assert not end.code or words == ("doctor",), words
    aliases = client.get_registered_model("covid-death").aliases
    names = {role: versions()[str(number)]["goldenpath.version"] for role, number in aliases.items()}
    print("ROLES", json.dumps(names))

def versions():
    return {one.version: one.tags for one in client.search_model_versions("name = 'covid-death'")}

client, (first, other) = MlflowClient(), sys.argv[1:]
call("models", "promote", other, "--why", "a test")
call("models", "promote", first, "--role", "shadow", "--why", "a test")
call("models", "rollback", "1", "--why", "a test")
call("models", "withdraw", other, "--why", "a test")
call("doctor")
tags = versions().values()
print("STATES", json.dumps({one["goldenpath.version"]: one["goldenpath.state"] for one in tags}))
"""
)


def test_promote_rollback_and_withdraw_move_the_aliases(
    server: MlflowServer, mirrored: dict[str, Any], judged_home: Path
):
    first, other = Registry(judged_home, MODEL).versions()[0], publish(judged_home, 2)
    done = server.call(judged_home, first, other, code=ROLES, COLUMNS="300")
    assert done.returncode == 0, done.stderr
    assert "not mirrored" not in done.stderr
    champion = {"champion": first}
    roles = [{"champion": other}, {"champion": other, "shadow": first}, champion, champion, champion]
    assert after(done.stdout, "ROLES ") == roles
    assert after(done.stdout, "STATES ") == [{first: "published", other: "withdrawn"}]
    assert f"{server.uri} answers" in done.stdout


def after(text: str, mark: str) -> list[Any]:
    "Return what the lines with this mark hold."
    lines = text.splitlines()
    return [json.loads(line.removeprefix(mark)) for line in lines if line.startswith(mark)]


LIFE = (
    PATIENT
    + """
import json, os
from contextlib import suppress
from mlflow import MlflowClient
from goldenpath import open_step
from goldenpath.project import Project
from goldenpath.runs.run import Run
from goldenpath.tracking.within import mirror_within

project, client, name = Project(), MlflowClient(), os.environ["RUN_ID"]
parent = client.create_run("0").info.run_id

def hand_over(endpoint):
    handed = {"endpoint": endpoint, "parentRunId": parent, "experimentId": "0", "authType": "none"}
    os.environ["KFP_MLFLOW_CONFIG"] = json.dumps(handed)

def work(step, fault=None):
    with suppress(ValueError), open_step(step, project=project, limit=7):
        if fault:
            raise ValueError(fault)

def tell():
    (run,) = client.search_runs(["0"], f"tags.`mlflow.parentRunId` = '{parent}'")
    history = len(client.get_metric_history(run.info.run_id, "seconds.02_data"))
    print("LIFE", json.dumps([run.info.status, run.data.tags.get("goldenpath.failed", ""), history]))
    return run

hand_over("http://127.0.0.1:9")
work("02_data")
hand_over(os.environ["MLFLOW_TRACKING_URI"])
mirror_within(project.settings, name)
tell()
work("05_train", "no rows")
tell()
Run(name, project.runs / name, "05_train").note("running", pid=2 ** 22 + 1)
mirror_within(project.settings, name)
tell()
work("05_train")
tell()
figures = {f"n{number}": number for number in range(1_100)}  # more than one request may hold
(project.runs / name / "contrast.json").write_text(json.dumps(figures))
work("06_evaluate")
run = tell()
print("FIGURES", sum(metric.startswith("contrast.n") for metric in run.data.metrics))
print("NAME", json.dumps(run.info.run_name))
print("PARAMETERS", json.dumps(run.data.params))
"""
)


def test_below_the_platforms_run_a_run_is_over_after_its_last_step_a_failure_or_a_kill(
    server: MlflowServer, tmp_path: Path
):
    name = "20261128T000000Z-abcdef"
    pipeline = {"ELYRA_RUNTIME_ENV": "local", "RUN_STEPS": "02_data 05_train 06_evaluate"}
    done = server.call(tmp_path, code=LIFE, RUN_ID=name, **pipeline)
    assert done.stderr == (
        "not mirrored: MLflow at http://127.0.0.1:9: the connection was refused; "
        "`goldenpath mlflow sync` makes up for it\n"
    )
    assert after(done.stdout, "LIFE ") == [
        ["RUNNING", "", 1],
        ["FAILED", "05_train: ValueError: no rows", 1],
        ["KILLED", "", 1],
        ["RUNNING", "", 1],
        ["FINISHED", "", 1],
    ]
    assert after(done.stdout, "NAME ") == [name]
    assert after(done.stdout, "FIGURES ") == [1_100]
    steps = ("02_data", "05_train", "06_evaluate")
    assert after(done.stdout, "PARAMETERS ") == [{f"{step}.limit": "7" for step in steps}]
