"""What may go: never what a role named lately, never at once, and never without being asked."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goldenpath import volume
from goldenpath.errors import DamagedEntry, NoModel
from goldenpath.registry import retention
from goldenpath.registry.registry import Registry
from goldenpath.registry.retention import Plan, carry_out, plan_versions
from goldenpath.registry.trash import list_aside
from goldenpath.volume import STAGING, make_folders, write_file
from tests.helpers.candidates import make_candidate
from tests.helpers.registries import sweep

GRACE = timedelta(days=7)
NOW = datetime.now(UTC)
BY = {"who": "ada", "why": "a test"}


@pytest.fixture
def five(registry: Registry, tmp_path: Path) -> list[str]:
    "Five versions, oldest first."
    return [registry.publish(make_candidate(tmp_path / str(n), n)) for n in range(1, 6)]


def when_all_are_old(registry: Registry) -> datetime:
    "Return a time at which every version and entry is older than the grace time."
    return datetime(2026, 11, 21, tzinfo=UTC) + timedelta(days=400)


def test_only_the_newest_and_those_in_use_are_kept(registry: Registry, five: list[str]) -> None:
    registry.promote(five[0], **BY)
    plan = plan_versions(registry, 2, GRACE, when_all_are_old(registry))
    assert plan.aside == (five[1], five[2])


def test_what_a_young_entry_names_is_kept(
    registry: Registry, five: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = when_all_are_old(registry)
    at(monkeypatch, start - timedelta(days=1))
    registry.promote(five[0], **BY)
    registry.promote(five[1], **BY)
    registry.withdraw(five[2], **BY)
    assert plan_versions(registry, 1, GRACE, start).aside == (five[3],)


def test_the_version_that_was_in_use_when_the_grace_time_began_is_kept(
    registry: Registry, five: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = when_all_are_old(registry)
    at(monkeypatch, start - timedelta(days=30))
    registry.promote(five[0], **BY)  # replaced long ago
    registry.promote(five[1], **BY)  # in use until yesterday
    at(monkeypatch, start - timedelta(days=1))
    registry.promote(five[2], **BY)
    assert plan_versions(registry, 1, GRACE, start).aside == (five[0], five[3])


def test_a_young_version_is_kept_before_it_has_a_role(registry: Registry, five: list[str]) -> None:
    just_published = datetime(2026, 11, 21, 0, 0, 10, tzinfo=UTC)
    assert plan_versions(registry, 1, GRACE, just_published).aside == ()


def test_what_was_moved_aside_is_deleted_only_after_the_grace_time(
    registry: Registry, five: list[str]
) -> None:
    registry.save_contrast(five[0], {})
    now = when_all_are_old(registry)
    carry_out(registry, plan_versions(registry, 1, GRACE, now), now)
    assert registry.versions() == five[4:]
    soon = now + timedelta(days=6)
    carry_out(registry, plan_versions(registry, 1, GRACE, soon), soon)
    assert len(list_aside(registry.aside)) == 4
    later = now + timedelta(days=8)
    carry_out(registry, plan_versions(registry, 1, GRACE, later), later)
    assert list_aside(registry.aside) == []
    assert not registry.contrast_file(five[0]).exists()
    assert registry.versions() == five[4:]


def test_a_version_that_is_promoted_after_the_plan_is_not_moved(
    registry: Registry, five: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = when_all_are_old(registry)
    plan = plan_versions(registry, 1, GRACE, now)
    registry.promote(five[0], **BY)
    monkeypatch.setattr(retention, "_bring_all_back", lambda registry, versions: ())  # nothing to do
    assert carry_out(registry, plan, now).aside == tuple(five[1:4])
    assert registry.verify(registry.resolve("champion")).version == five[0]


def test_a_version_that_is_promoted_while_it_is_moved_aside_comes_back(
    registry: Registry, five: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = when_all_are_old(registry)
    plan = plan_versions(registry, 1, GRACE, now)
    move_all = retention.move_all_aside

    def promoted_meanwhile(paths: Iterable[Path], folder: Path, now: datetime) -> list[str]:
        listed = list(paths)
        registry.promote(five[0], **BY)
        return move_all(listed, folder, now)

    monkeypatch.setattr(retention, "move_all_aside", promoted_meanwhile)
    assert carry_out(registry, plan, now).aside == tuple(five[1:4])
    assert registry.verify(registry.resolve("champion")).version == five[0]


def test_what_another_gc_has_done_meanwhile_is_not_claimed(registry: Registry, five: list[str]) -> None:
    now = when_all_are_old(registry)
    plan = plan_versions(registry, 1, GRACE, now)
    carry_out(registry, plan, now)
    assert carry_out(registry, plan, now).aside == ()
    later = now + timedelta(days=8)
    plan = plan_versions(registry, 1, GRACE, later)
    assert [one.name for one in carry_out(registry, plan, later).gone] == five[:4]
    assert carry_out(registry, plan, later).gone == ()


def test_a_version_that_was_imported_lately_is_kept(registry: Registry, five: list[str]) -> None:
    now = datetime.now(UTC) + timedelta(days=6)  # all are older by their names
    old = (now - timedelta(days=8)).timestamp()
    for version in five[1:]:
        os.utime(registry.folder(version), (old, old))
    assert plan_versions(registry, 1, GRACE, now).aside == tuple(five[1:4])


def test_how_often_the_volume_is_synced_does_not_grow_with_the_versions(
    registry: Registry, five: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, synced = os.fsync, []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(fsync(descriptor)))
    now, counts = when_all_are_old(registry), []
    for keep in (4, 1):  # one version, then three more
        for days in (0, 8):
            synced.clear()
            when = now + timedelta(days=days)
            carry_out(registry, plan_versions(registry, keep, GRACE, when), when)
            counts.append(len(synced))
    assert counts == [3, 1, 2, 1]  # the first makes the folder


# Clocks


def test_one_wrong_clock_takes_nobody_out_of_the_grace_time(
    registry: Registry, five: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = when_all_are_old(registry)
    at(monkeypatch, start - timedelta(days=3))
    registry.promote(five[0], **BY)
    at(monkeypatch, datetime(2020, 1, 1, tzinfo=UTC))
    registry.promote(five[1], **BY)
    registry.promote(five[2], **BY)
    at(monkeypatch, start - timedelta(days=1))
    registry.promote(five[3], **BY)
    assert plan_versions(registry, 0, GRACE, start).aside == (five[4],)


def test_an_entry_from_the_future_keeps_what_it_names_and_nothing_else(
    registry: Registry, five: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = when_all_are_old(registry)
    at(monkeypatch, datetime(2099, 1, 1, tzinfo=UTC))
    registry.promote(five[0], **BY)
    at(monkeypatch, start - timedelta(days=30))
    registry.promote(five[1], **BY)
    at(monkeypatch, start - timedelta(days=20))
    registry.promote(five[2], **BY)
    assert plan_versions(registry, 1, GRACE, start).aside == (five[1], five[3])


def test_a_damaged_entry_blocks_gc_only_while_it_may_be_young(
    registry: Registry, five: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = when_all_are_old(registry)
    at(monkeypatch, start - timedelta(days=1))
    registry.promote(five[0], **BY)
    at(monkeypatch, start)
    registry.promote(five[1], **BY)
    state = registry.log.entry_folder(1) / "state.json"
    state.chmod(0o644)
    state.write_text("{")
    monkeypatch.setattr(volume, "RENAME_PATIENCE", 0.0)
    with pytest.raises(DamagedEntry, match=r"000001/state.json is damaged"):
        plan_versions(registry, 1, GRACE, start)
    assert plan_versions(registry, 1, GRACE, start + timedelta(days=8)).aside == (five[0], *five[2:4])


def test_a_rollback_to_a_version_that_waits_to_be_deleted_is_said_and_can_be_had(
    registry: Registry, five: list[str]
) -> None:
    now = when_all_are_old(registry)
    carry_out(registry, Plan(aside=(five[0],)), now)
    with pytest.raises(NoModel, match=f"{five[0]} .*was moved aside.*models restore {five[0]}"):
        registry.promote(five[0], **BY)
    assert registry.restore(five[0])
    registry.promote(five[0], **BY)


def test_only_litter_that_is_old_is_swept(registry: Registry, five: list[str]) -> None:
    for parent in ("versions", "roles", f"signatures/{five[0]}/0123456789abcdef", f"contrasts/{five[0]}"):
        make_folders(registry.root / parent / f"{STAGING}dead")
        write_file(registry.root / parent / f"{STAGING}dead" / "half", b"x")
    assert sweep(registry.root) == []
    for path in registry.root.rglob("*"):
        if STAGING in str(path):
            os.utime(path, (0, 0))
    assert plan_versions(registry, 9, GRACE, NOW).litter == tuple(sweep(registry.root))
    assert [path for path in registry.root.rglob("*") if STAGING in path.name] == []
    assert registry.versions() == five


def at(monkeypatch: pytest.MonkeyPatch, time: datetime) -> None:
    "Let entries be written at this time."
    from goldenpath.registry import roles

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return time

    monkeypatch.setattr(roles, "datetime", Clock)
