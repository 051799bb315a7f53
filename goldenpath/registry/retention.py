"""What may go: versions and runs that nobody needs, first moved aside, deleted after a grace time.

A plan is made first and shown; carrying it out looks at the roles once more, because somebody may have
promoted what was about to go.
"""

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from goldenpath.errors import NotTrusted, VolumeFault
from goldenpath.records import Frozen
from goldenpath.registry.registry import Registry
from goldenpath.registry.roles import Roles
from goldenpath.registry.trash import STAMP, Aside, bring_back, delete, list_aside, move_aside
from goldenpath.registry.versions import Versions, age_order
from goldenpath.runs.run import list_runs, parent_of
from goldenpath.volume import STAGING, abandoned, complete, faults, remove

GRACE = timedelta(days=7)  # in which what was moved aside, or named by a role, can still be had
LITTER = timedelta(days=1)  # after which a staging folder that nobody touches has no writer any more


class Plan(Frozen):
    "What goes where; nothing has been touched yet."

    aside: tuple[str, ...] = ()  # out of the list, to be deleted after the grace time
    back: tuple[str, ...] = ()  # moved aside earlier, but in use since
    gone: tuple[Aside, ...] = ()  # moved aside longer ago than the grace time: deleted
    litter: tuple[Path, ...] = ()  # what dead writers left

    @property
    def empty(self) -> bool:
        "Is there nothing to do?"
        return not (self.aside or self.back or self.gone or self.litter)


def plan_versions(registry: Registry, keep: int, grace: timedelta, now: datetime) -> Plan:
    """What may go of a model's versions. Raises VolumeFault.

    Kept are the newest `keep`, those younger than the grace time, and those that a role named within it.
    """
    needed = named_within(registry, now - grace)
    listed = registry.versions()
    kept = {*needed, *(listed[-keep:] if keep else []), *(v for v in listed if published(v) > now - grace)}
    waiting = list_aside(registry.aside)
    return Plan(
        aside=tuple(version for version in listed if version not in kept),
        back=tuple(sorted({one.name for one in waiting} & needed)),
        gone=tuple(one for one in waiting if one.since <= now - grace and one.name not in needed),
        litter=tuple(_litter(registry.root)),
    )


def named_within(registry: Registry, start: datetime) -> set[str]:
    "The versions that an entry younger than `start` names, and those in use when that time began."
    named: set[str] = set()
    for number in range(registry.log.newest(), 0, -1):
        entry = registry.log.read(number)
        if _when(entry) <= start:
            return named | set(entry.in_use)
        named |= {*entry.in_use, *entry.withdrawn}
    return named


def _when(entry: Roles) -> datetime:
    try:
        when = datetime.fromisoformat(entry.when)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)  # nobody knows: what it names stays
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def published(version: str) -> datetime:
    "The time in a version's name; for a name without one, long ago."
    try:
        return datetime.strptime(age_order(version)[0], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def carry_out(registry: Registry, plan: Plan, now: datetime) -> None:
    "Do what the plan says, except to what a role has come to name since. Raises VolumeFault."
    for version in plan.back:
        bring_back(registry, version)
    for version in plan.aside:
        if registry.exists(version):
            move_aside(registry.folder(version), registry.aside, now)
    # Whoever promotes looks after writing whether the version is still there; so do we, after moving it.
    for version in registry.roles().in_use:
        bring_back(registry, version)
    for one in plan.gone:
        if one.name not in registry.roles().in_use:
            delete(registry, one)
    for path in plan.litter:
        remove(path)


def sweep(root: Path, older_than: timedelta = LITTER) -> list[Path]:
    "Delete what dead writers left below a model's folder; the paths that are gone. Raises VolumeFault."
    found = _litter(root, older_than)
    for path in found:
        remove(path)
    return found


def _litter(root: Path, older_than: timedelta = LITTER) -> list[Path]:
    found: list[Path] = []
    with faults(root):
        for parent, folders, _ in os.walk(root):
            found += abandoned(Path(parent), older_than.total_seconds())
            inside = Path(parent).name in ("versions", "roles", "aside")  # what lies below was placed whole
            folders[:] = [] if inside else [name for name in folders if not name.startswith(STAGING)]
    return sorted(found)


# Runs


def aside_runs(home: Path) -> Path:
    "Where runs wait to be deleted."
    return home / "runs-aside"


def plan_runs(home: Path, keep: int, grace: timedelta, now: datetime) -> Plan:
    """What may go of the runs. Raises VolumeFault.

    Kept are the newest `keep`, those touched within the grace time, those that a published version was
    trained in, and all that any of these reads from.
    """
    with faults(home / "runs"):
        listed = list_runs(home / "runs")
        kept = {*(listed[-keep:] if keep else []), *(run for run in listed if touched(run) > now - grace)}
    kept |= {home / "runs" / name for name in trained_in(home)}
    kept = with_parents(kept)
    waiting = list_aside(aside_runs(home))
    return Plan(
        aside=tuple(run.name for run in listed if run not in kept),
        gone=tuple(one for one in waiting if one.since <= now - grace),
    )


def touched(run: Path) -> datetime:
    "When a run was opened, or when a step of it last noted something."
    notes = [note.stat().st_mtime for note in [run, *(run / "steps").glob("*.json")]]
    return datetime.fromtimestamp(max(notes), UTC)


def trained_in(home: Path) -> set[str]:
    "The runs that the published versions of all models name. Raises VolumeFault."
    named: set[str] = set()
    with faults(home / "models"):
        models = complete(home / "models")
    for model in models:
        versions = Versions(home, model)
        for version in versions.versions():
            try:
                named.add(versions.manifest(version).run)
            except (NotTrusted, VolumeFault):  # an unreadable version names no run that could be needed
                continue
    return named


def with_parents(runs: Iterable[Path]) -> set[Path]:
    "The runs, and those that they read from."
    found: set[Path] = set()
    waiting = list(runs)
    while waiting:
        run = waiting.pop()
        if run not in found:
            found.add(run)
            parent = parent_of(run)
            waiting += [parent] if parent else []
    return found


def carry_out_runs(home: Path, plan: Plan, now: datetime) -> None:
    "Move runs aside, and delete those whose grace time is over. Raises VolumeFault."
    for name in plan.aside:
        move_aside(home / "runs" / name, aside_runs(home), now)
    for one in plan.gone:
        remove(one.folder)
