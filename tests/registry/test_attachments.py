"""Signatures and contrasts go with the last copy of their version, and not before."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goldenpath.registry import retention
from goldenpath.registry.litter import hide
from goldenpath.registry.registry import Keys, Registry
from goldenpath.registry.retention import Plan, carry_out, plan_versions
from goldenpath.registry.trash import list_aside, move_aside
from tests.helpers.candidates import make_candidate
from tests.registry.test_signing import make_keys

GRACE = timedelta(days=7)
KINDS = ("signatures", "contrasts")
NOW = datetime.now(UTC) + timedelta(days=400)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return make_keys(tmp_path / "keys")


@pytest.fixture
def registry(home: Path, keys: Keys) -> Registry:
    return Registry(home, "churn", keys)


@pytest.fixture
def version(registry: Registry, tmp_path: Path) -> str:
    "Return a signed and measured version, and a newer one, which stays."
    version = registry.publish(make_candidate(tmp_path / "1", 1))
    registry.publish(make_candidate(tmp_path / "2", 2))
    registry.save_contrast(version, {})
    return version


def clean_up(registry: Registry, now: datetime) -> Plan:
    return carry_out(registry, plan_versions(registry, 1, GRACE, now), now)


def folders(registry: Registry, version: str) -> list[bool]:
    "Is there a signature, is there a contrast?"
    return [(registry.root / kind / version).exists() for kind in KINDS]


def test_they_go_with_their_version(registry: Registry, version: str) -> None:
    clean_up(registry, NOW)
    assert folders(registry, version) == [True, True]
    clean_up(registry, NOW + timedelta(days=8))
    assert folders(registry, version) == [False, False]
    assert registry.verify(registry.versions()[0])  # the other one's signature is still there


def test_they_stay_while_another_copy_waits(registry: Registry, version: str, tmp_path: Path) -> None:
    clean_up(registry, NOW)
    registry.publish(tmp_path / "1")
    clean_up(registry, NOW + timedelta(days=6))
    clean_up(registry, NOW + timedelta(days=8))
    assert len(list_aside(registry.aside)) == 1
    assert registry.restore(version)
    assert registry.verify(version).version == version


def test_what_a_dead_gc_has_left_of_them_goes_when_nobody_has_touched_it_for_a_day(
    registry: Registry, version: str
) -> None:
    shutil.rmtree(registry.folder(version))
    soon = datetime.now(UTC) + timedelta(hours=23)
    assert plan_versions(registry, 1, GRACE, soon).attachments == ()
    plan = plan_versions(registry, 1, GRACE, soon + timedelta(hours=2))
    assert [path.name for path in plan.attachments] == [version, version]
    carry_out(registry, plan, NOW)
    assert folders(registry, version) == [False, False]


def test_they_are_put_back_where_their_version_comes_back_meanwhile(
    registry: Registry, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean_up(registry, NOW)

    def published_meanwhile(paths):
        hidden = hide(paths)
        Registry(registry.root.parent.parent, "churn").publish(tmp_path / "1")
        return hidden

    monkeypatch.setattr(retention, "hide", published_meanwhile)
    clean_up(registry, NOW + timedelta(days=8))
    assert registry.verify(version).version == version
    assert folders(registry, version) == [True, True]


def test_a_newer_signature_is_not_written_over_by_the_one_put_back(registry: Registry, version: str) -> None:
    [hidden] = hide([registry.root / "signatures" / version])
    assert registry.keys.sign_with
    registry._sign(registry.manifest(version), registry.keys.sign_with)
    newer = registry.signature_file(version, registry.keys.sign_with).stat().st_ino
    retention.finish_deletions(registry, [hidden])
    assert registry.signature_file(version, registry.keys.sign_with).stat().st_ino == newer


def test_what_a_dead_gc_has_hidden_is_put_back_by_the_next(registry: Registry, version: str) -> None:
    hidden = hide([registry.root / kind / version for kind in KINDS])
    for path in hidden:
        for part in (*path.iterdir(), path):
            os.utime(part, (0, 0))
    soon = datetime.now(UTC)
    assert sorted(clean_up(registry, soon).litter) == sorted(hidden)
    assert registry.verify(version).version == version
    assert folders(registry, version) == [True, True]
    assert not any(path.exists() for path in hidden)


def test_they_stay_while_their_version_waits(registry: Registry, version: str) -> None:
    move_aside(registry.folder(version), registry.aside, NOW)
    assert plan_versions(registry, 1, GRACE, NOW).attachments == ()
