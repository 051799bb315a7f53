"""What is damaged never passes for the version that it was: it is replaced, or stays where it waits."""

import errno
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goldenpath import volume
from goldenpath.errors import GateRefused, NoModel, NotTrusted, VolumeFault
from goldenpath.registry import versions as versions_module
from goldenpath.registry.registry import Keys, Registry
from goldenpath.registry.retention import plan_versions
from goldenpath.registry.trash import list_aside, move_aside
from tests.helpers.candidates import make_candidate
from tests.registry.test_signing import make_keys

BY = {"who": "ada", "why": "a test"}
NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    "On one mount nothing appears later."
    monkeypatch.setattr(volume, "RENAME_PATIENCE", 0.0)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return make_keys(tmp_path / "keys")


@pytest.fixture
def registry(home: Path, keys: Keys) -> Registry:
    return Registry(home, "churn", keys)


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    return make_candidate(tmp_path / "c")


@pytest.fixture
def version(registry: Registry, candidate: Path) -> str:
    return registry.publish(candidate)


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def with_text(name: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).write_text(text)

    return change


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def linked_elsewhere(folder: Path) -> None:
    folder.rename(folder.parent.parent / "elsewhere")
    folder.symlink_to(folder.parent.parent / "elsewhere")


DAMAGE = [
    pytest.param(without("model.skops"), id="half deleted"),
    pytest.param(without("manifest.json"), id="no manifest"),
    pytest.param(with_text("manifest.json", "{"), id="half a manifest"),
    pytest.param(with_text("golden.json", "{}"), id="altered"),
    pytest.param(emptied, id="empty"),
    pytest.param(linked_elsewhere, id="a link"),
]


# Published again


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_version_is_replaced_when_it_is_published_again(
    registry: Registry, candidate: Path, version: str, damage: Callable[[Path], None]
) -> None:
    registry.promote(version, **BY)
    damage(registry.folder(version))
    assert registry.publish(candidate) == version
    assert registry.verify(registry.resolve("champion")).version == version
    assert [one.name for one in list_aside(registry.aside)] == [version]
    assert registry.publish(candidate) == version  # now it is the same
    assert len(list_aside(registry.aside)) == 1


def test_what_was_remembered_of_a_damaged_version_is_forgotten(
    registry: Registry, candidate: Path, version: str
) -> None:
    text = (registry.folder(version) / "manifest.json").read_text()
    with_text("manifest.json", text.replace('"sha256": "', '"sha256": "0'))(registry.folder(version))
    registry = Registry(registry.root.parent.parent, "churn", registry.keys)
    damaged = registry.manifest(version)
    assert registry.publish(candidate) == version
    assert damaged != registry.manifest(version) == registry.verify(version)


def test_a_version_of_another_name_without_a_manifest_claims_nothing(
    registry: Registry, version: str, tmp_path: Path
) -> None:
    without("manifest.json")(registry.folder(version))
    registry = Registry(registry.root.parent.parent, "churn", registry.keys)
    later = "1.0.0-20270101T000000Z-00000001"
    assert registry.publish(make_candidate(tmp_path / "again", version=later)) == later
    assert registry.versions() == [version, later]
    with pytest.raises(NotTrusted, match=r"manifest.json is missing; publish the version again"):
        registry.verify(version)


def test_a_volume_that_cannot_be_read_is_no_damage(
    registry: Registry, version: str, candidate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert registry.manifest(version).version == version  # remembered, so that the check is what fails
    read = os.read

    def failing(descriptor: int, length: int) -> bytes:
        if "/models/" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(descriptor, length)

    monkeypatch.setattr(os, "read", failing)
    with pytest.raises(VolumeFault, match="Input/output error"):
        registry.publish(candidate)
    monkeypatch.undo()
    assert (registry.versions(), list_aside(registry.aside)) == ([version], [])


def test_what_another_process_has_repaired_meanwhile_stays(
    registry: Registry, version: str, candidate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without("model.skops")(registry.folder(version))
    inodes: list[int] = []

    def late(path: Path, folder: Path, now: datetime) -> bool:
        if not inodes:
            inodes.append(0)
            Registry(registry.root.parent.parent, "churn").publish(candidate)
            inodes.append(path.stat().st_ino)
        return move_aside(path, folder, now)

    monkeypatch.setattr(versions_module, "move_aside", late)
    assert registry.publish(candidate) == version
    assert registry.folder(version).stat().st_ino == inodes[1]


def test_a_refused_candidate_that_is_published_again_is_not_listed(
    registry: Registry, version: str, tmp_path: Path
) -> None:
    parts = {"contract": "c", "pipeline": "RandomForestClassifier()", "postprocess": "p"}
    other = make_candidate(tmp_path / "other", 2, fingerprint_parts=parts)
    named = versions_module.artifact.read_manifest(other).version
    shutil.copytree(other, registry.folder(named))
    registry._move_aside(named)  # as whoever lost a race under one MODEL_VERSION does
    for _ in range(2):
        with pytest.raises(GateRefused, match="raise MODEL_VERSION"):
            registry.publish(other)
        assert registry.versions() == [version]


# Aside


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_aside_is_not_brought_back(
    registry: Registry, candidate: Path, version: str, damage: Callable[[Path], None]
) -> None:
    registry._move_aside(version)
    damage(list_aside(registry.aside)[0].folder)
    with pytest.raises(NotTrusted, match=f"aside/.*{version}"):
        registry.restore(version)
    assert registry.versions() == []
    assert registry.publish(candidate) == version
    assert registry.verify(version).version == version


def test_of_several_copies_the_newest_intact_one_comes_back(
    registry: Registry, candidate: Path, version: str
) -> None:
    for year in (2026, 2027, 2028):
        move_aside(registry.folder(version), registry.aside, datetime(year, 1, 1, tzinfo=UTC))
        registry.publish(candidate)
    registry._move_aside(version)
    copies = list_aside(registry.aside)
    for copy in copies[2:]:
        without("model.skops")(copy.folder)
    inode = copies[1].folder.stat().st_ino
    assert registry.restore(version)
    assert registry.folder(version).stat().st_ino == inode


def test_gc_promises_to_bring_back_only_what_is_intact(registry: Registry, version: str) -> None:
    registry.promote(version, **BY)
    registry._move_aside(version)
    assert plan_versions(registry, 1, timedelta(days=7), NOW).back == (version,)
    without("model.skops")(list_aside(registry.aside)[0].folder)
    assert plan_versions(registry, 1, timedelta(days=7), NOW).empty


# While a role is given


def test_a_version_that_is_moved_aside_while_it_is_promoted_comes_back(
    registry: Registry, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = registry.log.append

    def late(*arguments, **named):
        registry._move_aside(version)
        return append(*arguments, **named)

    monkeypatch.setattr(registry.log, "append", late)
    registry.promote(version, **BY)
    assert registry.verify(registry.resolve("champion")).version == version


def test_a_version_that_is_deleted_while_it_is_promoted_is_said_to_be_gone(
    registry: Registry, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = registry.log.append

    def late(*arguments, **named):
        shutil.rmtree(registry.folder(version))
        return append(*arguments, **named)

    monkeypatch.setattr(registry.log, "append", late)
    with pytest.raises(NoModel, match=f"{version}' of churn is not published"):
        registry.promote(version, **BY)
