"""Formats on disk only grow: what an earlier state of the project wrote is read, served and compared."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from goldenpath.contract import CONTRACT
from goldenpath.predict import open_predictor
from goldenpath.registry.manifest import Drawn
from goldenpath.registry.registry import Keys, Registry
from goldenpath.runs.history import summarise
from goldenpath.schema.contract import ContractSpec, diff
from goldenpath.settings import load_settings
from serving.worker import make_app
from tests.helpers.project import PROJECT

STORED = PROJECT / "tests" / "data" / "format-1"
MODEL = "covid-death"
FIRST, SIGNED = "1.0.0-20261128T053446Z-87ecd1f1", "1.0.0-20261128T053542Z-3a8a4e93"
RUN = "20261128T053429Z-85b966"


@pytest.fixture(scope="module")
def stored_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    "Return a copy of the stored home: git keeps no rights of files, so those of a volume are set again."
    home = tmp_path_factory.mktemp("stored") / "home"
    shutil.copytree(STORED / "home", home)
    for file in home.rglob("*"):
        file.chmod(0o775 if file.is_dir() else 0o444)
    return home


@pytest.fixture(scope="module")
def registry(stored_home: Path) -> Registry:
    "Return the stored registry, for a reader that asks for no signature."
    return Registry(stored_home, MODEL)


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    "Twelve records, and what both versions answered on either engine."
    return dict(json.loads((STORED / "answers.json").read_text("utf-8")))


def test_the_stored_versions_are_listed_and_verified(registry: Registry) -> None:
    assert set(registry.versions()) == {FIRST, SIGNED}
    assert [registry.verify(version).threshold > 0 for version in (FIRST, SIGNED)] == [True, True]


def test_what_the_stored_versions_were_drawn_from_is_known(registry: Registry) -> None:
    assert {registry.verify(version).data.drawn for version in (FIRST, SIGNED)} == {Drawn(rows=1500, seed=42)}


def test_the_stored_role_log_is_read_to_its_first_entry(registry: Registry) -> None:
    roles = registry.roles()
    assert (roles.number, roles.champion, roles.challenger) == (6, FIRST, SIGNED)
    assert roles.challenger_share == 0.25
    first = registry.log.read(1)
    assert (first.champion, first.who, first.why) == (FIRST, "founder", "passed the gate")


def test_a_role_can_be_changed_after_the_stored_entries(stored_home: Path, tmp_path: Path) -> None:
    shutil.copytree(stored_home, tmp_path / "home")
    registry = Registry(tmp_path / "home", MODEL)
    registry.promote(SIGNED, why="it is better", who="ada@example.org")
    assert (registry.roles().number, registry.roles().champion) == (7, SIGNED)


def test_the_stored_signature_still_vouches_for_its_version(stored_home: Path) -> None:
    keys = Keys(sign_with=None, verify_with=STORED / "verify_key.pem", required=True)
    assert Registry(stored_home, MODEL, keys).verify(SIGNED).version == SIGNED


@pytest.mark.parametrize("version", [FIRST, SIGNED])
@pytest.mark.parametrize("fast", [True, False])
def test_a_stored_version_answers_as_it_did(
    registry: Registry, answers: dict[str, Any], version: str, fast: bool
) -> None:
    predictor = open_predictor(registry, version, fast=fast)
    expected = answers["answers"][version][predictor.path]
    for record, (label, probability) in zip(answers["records"], expected, strict=True):
        answer = predictor.one(CONTRACT.parse(json.dumps(record).encode()))
        assert answer.label == label
        assert answer.probability == pytest.approx(probability, abs=1e-6)


def test_the_server_answers_with_the_stored_champion(stored_home: Path, answers: dict[str, Any]) -> None:
    settings = load_settings(environ={"GOLDENPATH_HOME": str(stored_home), "GOLDENPATH_POLL_SECONDS": "0"})
    client = make_app(settings, lambda: False).test_client()
    replies = [client.post("/predict", json=record).get_json() for record in answers["records"]]
    assert {reply["version"] for reply in replies} <= {FIRST, SIGNED}
    for reply, index in zip(replies, range(len(replies)), strict=True):
        label, probability = answers["answers"][reply["version"]]["onnx"][index]
        assert (reply["label"], reply["probability"]) == (label, pytest.approx(probability, abs=1e-6))


def test_the_stored_contract_is_compared_with_todays(registry: Registry) -> None:
    file = registry.folder(FIRST) / "contract.json"
    stored = ContractSpec.model_validate_json(file.read_bytes())
    assert diff(stored, CONTRACT.spec).kind == "none"
    assert stored.hash == CONTRACT.hash


def test_the_stored_run_is_listed_with_its_figures(stored_home: Path) -> None:
    run = summarise(stored_home / "runs" / RUN)
    assert (run.version, run.synthetic, run.rows, run.seed, run.verdict) == (FIRST, True, 504, 42, "passed")
    assert set(run.steps.values()) == {"done"}
    assert run.metrics["roc_auc"] == pytest.approx(0.996, abs=1e-3)
