"""What several tests of the registry share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goldenpath import volume
from goldenpath.registry.registry import Keys, Registry
from tests.helpers.candidates import make_candidate
from tests.helpers.image_registry import ImageRegistry, running_registry
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


@pytest.fixture(scope="session")
def image_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageRegistry]:
    "Yield a container registry that is open to all."
    with running_registry(tmp_path_factory.mktemp("image-registry")) as registry:
        yield registry


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


@pytest.fixture
def development(tmp_path: Path, keys: Keys) -> Registry:
    "Return a namespace with one signed version."
    registry = Registry(tmp_path / "development", "churn", keys)
    registry.publish(make_candidate(tmp_path / "candidate"))
    return registry


@pytest.fixture
def version(development: Registry) -> str:
    return development.versions()[0]


@pytest.fixture
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    "Keep the credentials of whoever runs the tests out of them."
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ImageRegistry]:
    "Yield a registry of which a test may spoil the files."
    (tmp_path / "own").mkdir()
    with running_registry(tmp_path / "own") as registry:
        yield registry
