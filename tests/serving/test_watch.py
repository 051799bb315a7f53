"""A look at the roles that does not end is a problem to be seen, and what is withdrawn meanwhile stops."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from goldenpath.predict import Predictor
from goldenpath.registry.registry import Registry
from serving import models as module
from serving import worker
from serving.models import SLOW, Models
from serving.worker import load, make_app, registry_of
from tests.helpers.serving_app import client, settings_of
from tests.helpers.serving_fixtures import MODEL, promote, publish, records

RECORD = records(1, 7)[0]


class Gate:
    "Loads versions, but for one: that one takes until the gate is opened."

    def __init__(self, home: Path, slow: str = "") -> None:
        self.slow, self.reached, self.opened = slow, threading.Event(), threading.Event()
        self._home = home

    def load(self, version: str) -> Predictor:
        if version == self.slow:
            self.reached.set()
            assert self.opened.wait(60)
        settings = settings_of(self._home)
        return load(registry_of(settings), settings, version)


@contextmanager
def hanging(models: Models, gate: Gate) -> Iterator[None]:
    "Yield a look that hangs until the end of the block."
    look = threading.Thread(target=models.look)
    look.start()
    try:
        assert gate.reached.wait(60)
        yield
    finally:
        gate.opened.set()
        look.join()


@pytest.fixture
def versions(home: Path) -> list[str]:
    "Three versions; the first is champion."
    names = [publish(home, seed) for seed in (1, 2, 3)]
    promote(home, names[0])
    return names


def followed(home: Path, gate: Gate, pinned: str = "") -> Models:
    models = Models(Registry(home, MODEL), gate.load, pinned)
    models.look()
    return models


def withdraw(home: Path, version: str) -> None:
    Registry(home, MODEL).withdraw(version, why="it is wrong", who="ada@example.org")


def test_a_look_that_takes_too_long_is_a_problem_until_it_ends(
    home: Path, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(home, slow=versions[1])
    models = followed(home, gate)
    promote(home, versions[1], "shadow")
    caller = client(home, models, metrics=True)
    with hanging(models, gate):
        models.watch()
        assert models.live.problems == ()  # it has not taken long yet
        monkeypatch.setattr(module, "SLOW_SECONDS", 0.0)
        models.watch()
        models.watch()
        assert caller.get("/health/ready").json["problems"] == [SLOW]
        assert caller.get("/model").json["problems"] == [SLOW]
        assert "goldenpath_problems 1.0" in caller.get("/metrics").text
        assert caller.post("/predict", json=RECORD).json["version"] == versions[0]
    models.watch()
    assert (models.live.problems, models.live.shadow.version) == ((), versions[1])  # type: ignore[union-attr]


def test_what_is_withdrawn_while_a_look_hangs_answers_no_more(
    home: Path, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLOW_SECONDS", 0.0)
    promote(home, versions[2], "challenger", 0.999)
    gate = Gate(home, slow=versions[1])
    models = followed(home, gate)
    caller = client(home, models)
    promote(home, versions[1], "shadow")
    with hanging(models, gate):
        withdraw(home, versions[2])
        models.watch()
        assert caller.post("/predict", json=RECORD).json["version"] == versions[0]
        withdraw(home, versions[0])
        models.watch()
        refused = caller.post("/predict", json=RECORD)
        assert refused.status_code == 503
        assert f"{versions[0]} was withdrawn" in refused.json["error"]
        assert caller.get("/health/ready").status_code == 503
    assert models.live.champion is None  # the look knew of no withdrawal
    promote(home, versions[1])
    models.look()
    assert caller.post("/predict", json=RECORD).json["version"] == versions[1]
    assert models.live.problems == ()


def test_a_pinned_version_goes_on_while_a_look_hangs(
    home: Path, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLOW_SECONDS", 0.0)
    gate = Gate(home)
    models = followed(home, gate, versions[0])
    withdraw(home, versions[0])
    monkeypatch.setattr(models, "_roles", lambda: gate.load(gate.slow))
    gate.slow = versions[0]
    with hanging(models, gate):
        models.watch()
        assert models.live.champion


def test_a_worker_answers_that_it_is_not_ready_while_its_first_look_hangs(
    home: Path, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(home, slow=versions[0])
    monkeypatch.setattr(worker, "PATIENCE", 0.0)
    monkeypatch.setattr(module, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(worker, "load", lambda registry, settings, version, trials: gate.load(version))
    caller = make_app(settings_of(home, poll_seconds=0.01), lambda: False).test_client()
    assert caller.get("/health/live").status_code == 200
    while SLOW not in (ready := caller.get("/health/ready")).json["problems"]:
        assert ready.status_code == 503
        time.sleep(0.02)
    monkeypatch.setattr(module, "SLOW_SECONDS", 60.0)
    gate.opened.set()
    while SLOW in (ready := caller.get("/health/ready")).json["problems"] or ready.status_code != 200:
        time.sleep(0.02)
    assert (ready.json["version"], ready.json["problems"]) == (versions[0], [])
