"""A server of one version: resolved once, waited for, and told when it is withdrawn."""

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from goldenpath.registry.registry import Registry
from serving.models import Models
from serving.worker import load, with_version
from tests.helpers.patience import wait_until
from tests.helpers.serving_app import client, settings_of
from tests.helpers.serving_fixtures import MODEL, promote, publish, records
from tests.helpers.serving_program import Program, running, wait_for

RECORD = records(1, 7)[0]


@pytest.fixture
def version(tmp_path: Path) -> str:
    "Return the champion, beside which there is another version."
    publish(tmp_path, 2)
    name = publish(tmp_path, 1)
    promote(tmp_path, name)
    return name


def withdraw(home: Path, version: str) -> None:
    Registry(home, MODEL).withdraw(version, why="it is wrong", who="ada@example.org")


def pinned_to(home: Path, version: str) -> Models:
    registry = Registry(home, MODEL)
    models = Models(registry, partial(load, registry, settings_of(home)), version)
    models.look()
    return models


def test_a_role_is_resolved_once_for_all_workers(tmp_path: Path, version: str) -> None:
    assert with_version(settings_of(tmp_path, version="champion")).version == version


def test_other_versions_do_not_matter(tmp_path: Path, version: str) -> None:
    models = pinned_to(tmp_path, version)
    held = models.live
    promote(tmp_path, publish(tmp_path, 3))
    models.look()
    assert models.live is held


def test_a_withdrawn_version_goes_on_answering_and_says_so(tmp_path: Path, version: str) -> None:
    models = pinned_to(tmp_path, version)
    assert models.live.problems == ()
    withdraw(tmp_path, version)
    models.look()
    ready = client(tmp_path, models).get("/health/ready")
    assert (ready.status_code, ready.json["version"]) == (200, version)
    assert f"{version} was withdrawn, and answers because it was pinned" in ready.json["problems"][0]


def test_a_worker_that_comes_after_the_withdrawal_is_not_ready_and_says_why(
    tmp_path: Path, version: str
) -> None:
    withdraw(tmp_path, version)
    ready = client(tmp_path, pinned_to(tmp_path, version)).get("/health/ready")
    assert ready.status_code == 503
    assert "was withdrawn" in ready.json["problems"][0]


def replaced(program: Program) -> None:
    "Kill the only worker, and wait for the next."
    [before] = program.workers()
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: program.workers() not in ([], [before]))


def test_the_server_outlives_the_withdrawal_of_its_version(tmp_path: Path, version: str) -> None:
    with running(tmp_path, "--version", "champion", poll_seconds=0.1) as program:
        withdraw(tmp_path, version)
        replaced(program)
        said = wait_for(program, 503)
        assert "was withdrawn" in said.json()["problems"][0]
        assert program.post("/predict", RECORD).status == 503
        assert "Traceback" not in program.log.read_text()
