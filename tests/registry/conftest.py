"""What several tests of the registry share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goldenpath import volume
from goldenpath.registry.registry import Keys, Registry
from tests.helpers.candidates import make_candidate
from tests.helpers.interruptions import Interrupter, interrupter
from tests.registry.test_signing import make_keys


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interrupter]:
    "Yield a program that can be interrupted, with an old, a new and a next candidate."
    folder = tmp_path_factory.mktemp("interrupted")
    for number, name in enumerate(("old", "new", "next"), start=1):
        make_candidate(folder / "candidates" / name, number)
    with interrupter(folder / "candidates", make_keys(folder / "keys"), folder) as started:
        yield started


@pytest.fixture
def registry(home: Path) -> Registry:
    "Return an empty registry."
    return Registry(home, "churn")


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    "Return a pair of keys, and a reader that requires signatures."
    return make_keys(tmp_path / "keys")


@pytest.fixture
def signing_registry(home: Path, keys: Keys) -> Registry:
    "Return an empty registry that signs and verifies."
    return Registry(home, "churn", keys)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    "Wait for nothing to appear later: on one mount nothing does."
    monkeypatch.setattr(volume, "RENAME_PATIENCE", 0.0)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    "Wait longer for what another mount places: a busy machine may be late."
    monkeypatch.setattr(volume, "RENAME_PATIENCE", 60.0)
