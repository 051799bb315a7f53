"""The versions to remove: unused ones are first moved aside, and deleted after a grace time.

A plan is made first and shown; carrying it out looks at the roles once more, because another process may have
promoted what was about to go.
"""

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from goldenpath.errors import DamagedEntry, NotTrusted
from goldenpath.records import Frozen
from goldenpath.registry.litter import LITTER, delete, hide, last_change, litter_below, name_of, remove_all
from goldenpath.registry.registry import Registry
from goldenpath.registry.roles import Roles
from goldenpath.registry.trash import STAMP, Aside, list_aside, move_all_aside
from goldenpath.registry.versions import age_order
from goldenpath.tables.progress import counted
from goldenpath.volume import complete, faults, move

_KINDS = ("signatures", "contrasts")  # stored beside a version, because a version never changes
GRACE = timedelta(days=7)  # in which what was moved aside, or named by a role, can be restored


class Plan(Frozen):
    "What goes where; nothing has been touched yet."

    aside: tuple[str, ...] = ()  # out of the list, to be deleted after the grace time
    back: tuple[str, ...] = ()  # moved aside earlier, but in use since
    gone: tuple[Aside, ...] = ()  # moved aside longer ago than the grace time: deleted
    attachments: tuple[Path, ...] = ()  # signatures and contrasts of versions that are gone
    litter: tuple[Path, ...] = ()  # what dead writers left

    @property
    def empty(self) -> bool:
        "Is there nothing to do?"
        return not (self.aside or self.back or self.gone or self.attachments or self.litter)


def plan_versions(registry: Registry, keep: int, grace: timedelta, now: datetime) -> Plan:
    """List the versions of a model that may be removed. Raises VolumeFault.

    Kept are the newest `keep`, those younger than the grace time, and those that a role named within it.
    """
    start = now - grace
    needed = named_within(registry, start, now)
    listed = registry.versions()
    kept = {*needed, *(listed[-keep:] if keep else []), *(v for v in listed if is_young(registry, v, start))}
    waiting = list_aside(registry.aside)
    missing = needed.difference(listed)
    gone = tuple(item for item in waiting if item.since <= start and item.name not in missing)
    there = {*listed, *(item.name for item in set(waiting).difference(gone))}
    return Plan(
        aside=tuple(version for version in listed if version not in kept),
        back=_restorable(registry, sorted({item.name for item in waiting} & missing)),
        gone=gone,
        attachments=tuple(_orphans(registry, there, now)),
        litter=tuple(litter_below(registry.root)),
    )


def named_within(registry: Registry, start: datetime, now: datetime) -> set[str]:
    """Return the versions in entries younger than `start`, and those in use at that time.

    An entry is at least as young as every entry before it, even if the clock of its writer is wrong.
    Raises DamagedEntry for a damaged entry among the young ones, VolumeFault.
    """
    named: set[str] = set()
    in_use: tuple[str, ...] = ()
    latest, damage = datetime.min.replace(tzinfo=UTC), None
    for number in counted(range(1, registry.log.newest() + 1), "reading the history"):
        try:
            entry = registry.log.read(number)
        except DamagedEntry as error:
            damage = error
            continue
        when = _when(entry)
        if when is None or when > now:  # unreadable entry: keep every version that it may name
            named |= {*entry.in_use, *entry.withdrawn}
            continue
        latest = max(latest, when)
        if latest <= start:
            in_use, damage = entry.in_use, None
        else:
            named |= {*entry.in_use, *entry.withdrawn}
    if damage:
        raise damage
    return named.union(in_use)


def _when(entry: Roles) -> datetime | None:
    try:
        when = datetime.fromisoformat(entry.when)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def is_young(registry: Registry, version: str, start: datetime) -> bool:
    "Was a version made after `start`, or placed after it: imported, or replaced where it was damaged?"
    if published(version) > start:
        return True
    folder = registry.folder(version)
    with faults(folder), contextlib.suppress(FileNotFoundError):
        return folder.lstat().st_mtime > start.timestamp()
    return False


def published(version: str) -> datetime:
    "Return the time in a version's name; a time long ago if the name contains none."
    try:
        return datetime.strptime(age_order(version)[0], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _restorable(registry: Registry, versions: list[str]) -> tuple[str, ...]:
    restorable = []
    for version in versions:
        with contextlib.suppress(NotTrusted):  # every copy is damaged: it is published again, or is lost
            restorable += [version] if registry.intact_copy(version) else []
    return tuple(restorable)


def carry_out(registry: Registry, plan: Plan, now: datetime) -> Plan:
    "Do what the plan says, except to what a role has come to name since; what was done. Raises VolumeFault."
    back = _bring_all_back(registry, plan.back)
    aside = _move_unneeded(registry, plan.aside, now)
    gone = _delete_overdue(registry, plan.gone)
    finish_deletions(registry, hide(plan.attachments))
    finish_deletions(registry, [path for path in plan.litter if _is_hidden(path)])
    remove_all(plan.litter)
    return plan.model_copy(update={"aside": aside, "back": back, "gone": gone})


def _move_unneeded(registry: Registry, versions: tuple[str, ...], now: datetime) -> tuple[str, ...]:
    in_use = registry.roles().in_use
    leaving = (registry.folder(v) for v in counted(versions, "moving aside") if v not in in_use)
    moved = move_all_aside(leaving, registry.aside, now)
    # A writer that promotes checks afterwards whether the version is still there; so do we, after moving it.
    returned = _bring_all_back(registry, registry.roles().in_use)
    return tuple(version for version in moved if version not in returned)


def _delete_overdue(registry: Registry, overdue: tuple[Aside, ...]) -> tuple[Aside, ...]:
    in_use = registry.roles().in_use
    going = [item for item in overdue if item.name not in in_use or registry.exists(item.name)]
    deleted = delete([item.folder for item in going])
    return tuple(item for item in going if item.folder.name in deleted)


def _bring_all_back(registry: Registry, versions: tuple[str, ...]) -> tuple[str, ...]:
    back = []
    for version in versions:
        with contextlib.suppress(NotTrusted):
            back += [version] if registry.restore(version) else []
    return tuple(back)


def _orphans(registry: Registry, kept: set[str], now: datetime) -> list[Path]:
    "List the folders of all versions but the kept ones, untouched for a day. Raises VolumeFault."
    with faults(registry.root):
        folders = [registry.root / kind / name for kind in _KINDS for name in complete(registry.root / kind)]
        old = (now - LITTER).timestamp()
        return [folder for folder in folders if folder.name not in kept and last_change(folder) <= old]


def finish_deletions(registry: Registry, hidden: list[Path]) -> None:
    "Delete what was hidden to be deleted, or put it back where its version is there. Raises VolumeFault."
    if hidden:
        kept = {*(item.name for item in list_aside(registry.aside)), *registry.versions()}
        for folder in hidden:
            if name_of(folder) in kept:
                _put_back(folder)
    remove_all(hidden)


def _is_hidden(litter: Path) -> bool:
    "Did a process that died want to delete this, and may not have looked whether its version came back?"
    return litter.parent.name in _KINDS and bool(name_of(litter))


def _put_back(hidden: Path) -> None:
    # One by one, because a writer may have published and signed the version again meanwhile.
    folder = hidden.parent / name_of(hidden)
    with faults(hidden):
        for name in complete(hidden):
            if not (folder / name).exists():
                move(hidden / name, folder / name)
