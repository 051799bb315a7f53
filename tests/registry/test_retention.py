"""What may go: never what a role named lately, never at once, and never without being asked."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goldenpath.errors import NoModel
from goldenpath.registry.litter import sweep
from goldenpath.registry.registry import Registry
from goldenpath.registry.retention import Plan, carry_out, plan_versions
from goldenpath.registry.trash import list_aside
from goldenpath.runs.retention import carry_out_runs, plan_runs
from goldenpath.volume import STAGING, make_folders, write_file
from tests.helpers.candidates import make_candidate

GRACE = timedelta(days=7)
NOW = datetime.now(UTC)
BY = {"who": "ada", "why": "a test"}


@pytest.fixture
def registry(home: Path) -> Registry:
    return Registry(home, "churn")


@pytest.fixture
def five(registry: Registry, tmp_path: Path) -> list[str]:
    "Five versions, oldest first."
    return [registry.publish(make_candidate(tmp_path / str(n), n)) for n in range(1, 6)]


def when_all_are_old(registry: Registry) -> datetime:
    "A time at which every version and entry is older than the grace time."
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


def test_a_version_that_is_promoted_while_it_is_moved_aside_comes_back(
    registry: Registry, five: list[str]
) -> None:
    now = when_all_are_old(registry)
    plan = plan_versions(registry, 1, GRACE, now)
    registry.promote(five[0], **BY)
    carry_out(registry, plan, now)
    assert registry.verify(registry.resolve("champion")).version == five[0]


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


def test_runs_that_are_needed_stay(home: Path, tmp_path: Path) -> None:
    ids = [f"2026010{n}T000000Z-00000{n}" for n in range(1, 8)]
    for run_id in ids:
        make_run(home, run_id)
    make_run(home, ids[6], parent=ids[5])
    make_run(home, ids[2], parent=ids[1])
    Registry(home, "churn").publish(make_candidate(tmp_path / "c", run=ids[2]))
    now = datetime(2027, 1, 1, tzinfo=UTC) + GRACE
    plan = plan_runs(home, 1, GRACE, now)
    assert plan.aside == (ids[0], ids[3], ids[4])
    carry_out_runs(home, plan, now)
    assert sorted(os.listdir(home / "runs")) == [ids[1], ids[2], ids[5], ids[6]]
    later = now + timedelta(days=8)
    assert [one.name for one in plan_runs(home, 1, GRACE, later).gone] == list(plan.aside)
    carry_out_runs(home, plan_runs(home, 1, GRACE, later), later)
    assert os.listdir(home / "runs-aside") == []


def make_run(home: Path, run_id: str, parent: str | None = None) -> None:
    "A run, touched on the first of January 2026."
    note = home / "runs" / run_id / "steps" / "05_train.json"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"step": "05_train", "status": "done", "parent": parent}))
    for path in (note, note.parent.parent):
        os.utime(path, (1767225600, 1767225600))


def at(monkeypatch: pytest.MonkeyPatch, time: datetime) -> None:
    "Let entries be written at this time."
    from goldenpath.registry import roles

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return time

    monkeypatch.setattr(roles, "datetime", Clock)
