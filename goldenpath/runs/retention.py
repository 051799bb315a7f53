"""What may go of the runs: first moved aside, deleted after a grace time."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from goldenpath.errors import NotTrusted, VolumeFault
from goldenpath.registry.litter import abandoned, delete, remove_all
from goldenpath.registry.retention import Plan
from goldenpath.registry.trash import list_aside, move_all_aside
from goldenpath.registry.versions import Versions
from goldenpath.runs.run import list_runs, parent_of
from goldenpath.tables.progress import counted
from goldenpath.volume import complete, faults


def aside_runs(home: Path) -> Path:
    "Where runs wait to be deleted."
    return home / "runs-aside"


def plan_runs(home: Path, keep: int, grace: timedelta, now: datetime) -> Plan:
    """List the runs that may be removed. Raises VolumeFault.

    Kept are the newest `keep`, those touched within the grace time, those that a published version was
    trained in, and all that any of these reads from.
    """
    with faults(home / "runs"):
        listed = list_runs(home / "runs")
        kept = {*(listed[-keep:] if keep else []), *(run for run in listed if touched(run) > now - grace)}
        litter = abandoned(aside_runs(home))
    kept |= {home / "runs" / name for name in trained_in(home)}
    kept = with_parents(kept)
    waiting = list_aside(aside_runs(home))
    return Plan(
        aside=tuple(run.name for run in listed if run not in kept),
        gone=tuple(item for item in waiting if item.since <= now - grace),
        litter=tuple(litter),
    )


def touched(run: Path) -> datetime:
    "When a run was opened, or when a step of it last noted something; long ago where it is gone."
    try:
        notes = [note.stat().st_mtime for note in [run, *(run / "steps").glob("*.json")]]
    except FileNotFoundError:  # moved aside by another process
        notes = [0.0]
    return datetime.fromtimestamp(max(notes), UTC)


def trained_in(home: Path) -> set[str]:
    "Return the runs that the published versions of all models name. Raises VolumeFault."
    named: set[str] = set()
    with faults(home / "models"):
        models = complete(home / "models")
    for model in models:
        versions = Versions(home, model)
        for version in counted(versions.versions(), f"reading the versions of {model}"):
            try:
                named.add(versions.manifest(version).run)
            except (NotTrusted, VolumeFault):  # an unreadable version names no run that could be needed
                continue
    return named


def with_parents(runs: Iterable[Path]) -> set[Path]:
    "Return the runs, and those that they read from."
    parents: set[Path] = set()
    waiting = list(runs)
    while waiting:
        run = waiting.pop()
        if run not in parents:
            parents.add(run)
            parent = parent_of(run)
            waiting += [parent] if parent else []
    return parents


def carry_out_runs(home: Path, plan: Plan, now: datetime) -> Plan:
    "Move runs aside, and delete those whose grace time is over; what was done. Raises VolumeFault."
    leaving = (home / "runs" / name for name in counted(plan.aside, "moving aside"))
    aside = move_all_aside(leaving, aside_runs(home), now)
    deleted = delete([run.folder for run in plan.gone])
    remove_all(plan.litter)
    gone = tuple(run for run in plan.gone if run.folder.name in deleted)
    return plan.model_copy(update={"aside": tuple(aside), "gone": gone})
