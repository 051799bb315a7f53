"""Signatures and contrasts go with the last copy of their version, and not before."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goldenpath.registry import retention
from goldenpath.registry.litter import hide
from goldenpath.registry.registry import Registry
from goldenpath.registry.retention import Plan, carry_out, plan_versions
from goldenpath.registry.trash import list_aside, move_aside
from tests.helpers.candidates import make_candidate

GRACE = timedelta(days=7)
KINDS = ("signatures", "contrasts")
NOW = datetime.now(UTC) + timedelta(days=400)


@pytest.fixture
def version(signing_registry: Registry, tmp_path: Path) -> str:
    "Return a signed and measured version, and a newer one, which stays."
    version = signing_registry.publish(make_candidate(tmp_path / "1", 1))
    signing_registry.publish(make_candidate(tmp_path / "2", 2))
    signing_registry.save_contrast(version, {})
    return version


def clean_up(signing_registry: Registry, now: datetime) -> Plan:
    return carry_out(signing_registry, plan_versions(signing_registry, 1, GRACE, now), now)


def folders(signing_registry: Registry, version: str) -> list[bool]:
    "Is there a signature, is there a contrast?"
    return [(signing_registry.root / kind / version).exists() for kind in KINDS]


def test_they_go_with_their_version(signing_registry: Registry, version: str) -> None:
    clean_up(signing_registry, NOW)
    assert folders(signing_registry, version) == [True, True]
    clean_up(signing_registry, NOW + timedelta(days=8))
    assert folders(signing_registry, version) == [False, False]
    assert signing_registry.verify(signing_registry.versions()[0])  # the other one's signature is still there


def test_they_stay_while_another_copy_waits(signing_registry: Registry, version: str, tmp_path: Path) -> None:
    clean_up(signing_registry, NOW)
    signing_registry.publish(tmp_path / "1")
    clean_up(signing_registry, NOW + timedelta(days=6))
    clean_up(signing_registry, NOW + timedelta(days=8))
    assert len(list_aside(signing_registry.aside)) == 1
    assert signing_registry.restore(version)
    assert signing_registry.verify(version).version == version


def test_what_a_dead_gc_has_left_of_them_goes_when_nobody_has_touched_it_for_a_day(
    signing_registry: Registry, version: str
) -> None:
    shutil.rmtree(signing_registry.folder(version))
    soon = datetime.now(UTC) + timedelta(hours=23)
    assert plan_versions(signing_registry, 1, GRACE, soon).attachments == ()
    plan = plan_versions(signing_registry, 1, GRACE, soon + timedelta(hours=2))
    assert [path.name for path in plan.attachments] == [version, version]
    carry_out(signing_registry, plan, NOW)
    assert folders(signing_registry, version) == [False, False]


def test_they_are_put_back_where_their_version_comes_back_meanwhile(
    signing_registry: Registry, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean_up(signing_registry, NOW)

    def published_meanwhile(paths):
        hidden = hide(paths)
        Registry(signing_registry.root.parent.parent, "churn").publish(tmp_path / "1")
        return hidden

    monkeypatch.setattr(retention, "hide", published_meanwhile)
    clean_up(signing_registry, NOW + timedelta(days=8))
    assert signing_registry.verify(version).version == version
    assert folders(signing_registry, version) == [True, True]


def test_a_newer_signature_is_not_written_over_by_the_one_put_back(
    signing_registry: Registry, version: str
) -> None:
    [hidden] = hide([signing_registry.root / "signatures" / version])
    assert signing_registry.keys.sign_with
    signing_registry._sign(signing_registry.manifest(version), signing_registry.keys.sign_with)
    newer = signing_registry.signature_file(version, signing_registry.keys.sign_with).stat().st_ino
    retention.finish_deletions(signing_registry, [hidden])
    assert signing_registry.signature_file(version, signing_registry.keys.sign_with).stat().st_ino == newer


def test_what_a_dead_gc_has_hidden_is_put_back_by_the_next(signing_registry: Registry, version: str) -> None:
    hidden = hide([signing_registry.root / kind / version for kind in KINDS])
    for path in hidden:
        for part in (*path.iterdir(), path):
            os.utime(part, (0, 0))
    soon = datetime.now(UTC)
    assert sorted(clean_up(signing_registry, soon).litter) == sorted(hidden)
    assert signing_registry.verify(version).version == version
    assert folders(signing_registry, version) == [True, True]
    assert not any(path.exists() for path in hidden)


def test_they_stay_while_their_version_waits(signing_registry: Registry, version: str) -> None:
    move_aside(signing_registry.folder(version), signing_registry.aside, NOW)
    assert plan_versions(signing_registry, 1, GRACE, NOW).attachments == ()
