"""What is damaged never passes for the version that it was: it is replaced, or stays where it waits."""

import errno
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goldenpath.errors import GateRefused, NoModel, NotTrusted, VolumeFault
from goldenpath.registry import versions as versions_module
from goldenpath.registry.registry import Registry
from goldenpath.registry.retention import plan_versions
from goldenpath.registry.trash import list_aside, move_aside
from tests.helpers.candidates import make_candidate

pytestmark = pytest.mark.usefixtures("impatient")

BY = {"who": "ada", "why": "a test"}
NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    return make_candidate(tmp_path / "c")


@pytest.fixture
def version(signing_registry: Registry, candidate: Path) -> str:
    return signing_registry.publish(candidate)


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
    signing_registry: Registry, candidate: Path, version: str, damage: Callable[[Path], None]
) -> None:
    signing_registry.promote(version, **BY)
    damage(signing_registry.folder(version))
    assert signing_registry.publish(candidate) == version
    assert signing_registry.verify(signing_registry.resolve("champion")).version == version
    assert [one.name for one in list_aside(signing_registry.aside)] == [version]
    assert signing_registry.publish(candidate) == version  # now it is the same
    assert len(list_aside(signing_registry.aside)) == 1


def test_what_was_remembered_of_a_damaged_version_is_forgotten(
    signing_registry: Registry, candidate: Path, version: str
) -> None:
    text = (signing_registry.folder(version) / "manifest.json").read_text()
    with_text("manifest.json", text.replace('"sha256": "', '"sha256": "0'))(signing_registry.folder(version))
    signing_registry = Registry(signing_registry.root.parent.parent, "churn", signing_registry.keys)
    damaged = signing_registry.manifest(version)
    assert signing_registry.publish(candidate) == version
    assert damaged != signing_registry.manifest(version) == signing_registry.verify(version)


def test_a_version_of_another_name_without_a_manifest_claims_nothing(
    signing_registry: Registry, version: str, tmp_path: Path
) -> None:
    without("manifest.json")(signing_registry.folder(version))
    signing_registry = Registry(signing_registry.root.parent.parent, "churn", signing_registry.keys)
    later = "1.0.0-20270101T000000Z-00000001"
    assert signing_registry.publish(make_candidate(tmp_path / "again", version=later)) == later
    assert signing_registry.versions() == [version, later]
    with pytest.raises(NotTrusted, match=r"manifest.json is missing; publish the version again"):
        signing_registry.verify(version)


def test_a_volume_that_cannot_be_read_is_no_damage(
    signing_registry: Registry, version: str, candidate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        signing_registry.manifest(version).version == version
    )  # remembered, so that the check is what fails
    read = os.read

    def failing(descriptor: int, length: int) -> bytes:
        if "/models/" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(descriptor, length)

    monkeypatch.setattr(os, "read", failing)
    with pytest.raises(VolumeFault, match="Input/output error"):
        signing_registry.publish(candidate)
    monkeypatch.undo()
    assert (signing_registry.versions(), list_aside(signing_registry.aside)) == ([version], [])


def test_what_another_process_has_repaired_meanwhile_stays(
    signing_registry: Registry, version: str, candidate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without("model.skops")(signing_registry.folder(version))
    inodes: list[int] = []

    def late(path: Path, folder: Path, now: datetime) -> bool:
        if not inodes:
            inodes.append(0)
            Registry(signing_registry.root.parent.parent, "churn").publish(candidate)
            inodes.append(path.stat().st_ino)
        return move_aside(path, folder, now)

    monkeypatch.setattr(versions_module, "move_aside", late)
    assert signing_registry.publish(candidate) == version
    assert signing_registry.folder(version).stat().st_ino == inodes[1]


def test_a_refused_candidate_that_is_published_again_is_not_listed(
    signing_registry: Registry, version: str, tmp_path: Path
) -> None:
    parts = {"contract": "c", "pipeline": "RandomForestClassifier()", "postprocess": "p"}
    other = make_candidate(tmp_path / "other", 2, fingerprint_parts=parts)
    named = versions_module.artifact.read_manifest(other).version
    shutil.copytree(other, signing_registry.folder(named))
    signing_registry._move_aside(named)  # as whoever lost a race under one MODEL_VERSION does
    for _ in range(2):
        with pytest.raises(GateRefused, match="raise MODEL_VERSION"):
            signing_registry.publish(other)
        assert signing_registry.versions() == [version]


# Aside


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_aside_is_not_brought_back(
    signing_registry: Registry, candidate: Path, version: str, damage: Callable[[Path], None]
) -> None:
    signing_registry._move_aside(version)
    damage(list_aside(signing_registry.aside)[0].folder)
    with pytest.raises(NotTrusted, match=f"aside/.*{version}"):
        signing_registry.restore(version)
    assert signing_registry.versions() == []
    assert signing_registry.publish(candidate) == version
    assert signing_registry.verify(version).version == version


def test_of_several_copies_the_newest_intact_one_comes_back(
    signing_registry: Registry, candidate: Path, version: str
) -> None:
    for year in (2026, 2027, 2028):
        move_aside(signing_registry.folder(version), signing_registry.aside, datetime(year, 1, 1, tzinfo=UTC))
        signing_registry.publish(candidate)
    signing_registry._move_aside(version)
    copies = list_aside(signing_registry.aside)
    for copy in copies[2:]:
        without("model.skops")(copy.folder)
    inode = copies[1].folder.stat().st_ino
    assert signing_registry.restore(version)
    assert signing_registry.folder(version).stat().st_ino == inode


def test_gc_promises_to_bring_back_only_what_is_intact(signing_registry: Registry, version: str) -> None:
    signing_registry.promote(version, **BY)
    signing_registry._move_aside(version)
    assert plan_versions(signing_registry, 1, timedelta(days=7), NOW).back == (version,)
    without("model.skops")(list_aside(signing_registry.aside)[0].folder)
    assert plan_versions(signing_registry, 1, timedelta(days=7), NOW).empty


# While a role is given


def test_a_version_that_is_moved_aside_while_it_is_promoted_comes_back(
    signing_registry: Registry, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = signing_registry.log.append

    def late(*arguments, **named):
        signing_registry._move_aside(version)
        return append(*arguments, **named)

    monkeypatch.setattr(signing_registry.log, "append", late)
    signing_registry.promote(version, **BY)
    assert signing_registry.verify(signing_registry.resolve("champion")).version == version


def test_a_version_that_is_deleted_while_it_is_promoted_is_said_to_be_gone(
    signing_registry: Registry, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = signing_registry.log.append

    def late(*arguments, **named):
        shutil.rmtree(signing_registry.folder(version))
        return append(*arguments, **named)

    monkeypatch.setattr(signing_registry.log, "append", late)
    with pytest.raises(NoModel, match=f"{version}' of churn is not published"):
        signing_registry.promote(version, **BY)
