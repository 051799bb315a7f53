"""What a step reads that no run holds: the rows behind the source, and who trains from which commit.

Each kind has its state now, which is noted when a run begins, and a check that what an older run made of it
is what a new run would make.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from goldenpath.cluster.conditions import digest_of_texts
from goldenpath.errors import GoldenpathError
from goldenpath.project import Project
from goldenpath.registry.manifest import TrainingRecord
from goldenpath.registry.publishing import clash
from goldenpath.registry.registry import Registry
from goldenpath.registry.trash import list_aside
from goldenpath.runs.provenance import git_commit
from goldenpath.runs.run import read_json, record_in
from goldenpath.settings import Settings

SOURCE, ORIGIN = "source", "origin"


def outside_state(kind: str, settings: Settings) -> str | None:
    "Return the state of what is outside; None if it is not known, so that the step works every time."
    states: dict[str, Callable[[Settings], str | None]] = {SOURCE: _state_of_rows, ORIGIN: Settings.who_am_i}
    try:
        return states[kind](settings)
    except (KeyError, GoldenpathError, OSError):  # a kind of one's own, or a source that 02_data complains of
        return None


def would_be_the_same(
    kind: str,
    folder: Path,  # of the older run
    settings: Settings,
) -> bool:
    "Check what a run made of the world outside."
    try:
        return {SOURCE: _same_rows, ORIGIN: _same_origin}[kind](folder, settings)
    except (KeyError, GoldenpathError):
        return False


def _state_of_rows(settings: Settings) -> str | None:
    "Digest size and time of each file that is read, and of those in `data/`, which a step may read as well."
    source = settings.data_source()
    if settings.adds_feedback or "://" in source:
        return None
    return digest_of_texts([source, *_marks(source, settings.folder / "data")])


def _marks(source: str, beside: Path) -> Iterator[str]:
    from goldenpath.tables.sources import find_files, mark_of  # here, because it loads fsspec

    files = () if source == "synthetic" else find_files(source)
    yield from (f"{file}, {mark_of(file)}" for file in files)
    others = (file for file in sorted(beside.glob("*")) if file.is_file())
    yield from (f"{file.name}, {mark_of(str(file))}" for file in others)  # a project may be moved


def _same_rows(folder: Path, settings: Settings) -> bool:
    "Check that 02_data read this source: its notebook may name another one."
    summary, source = read_json(folder / "data" / "summary.json"), settings.data_source()
    if source == "synthetic":
        return summary.get("synthetic") is True
    return summary.get("source") == source


def _same_origin(folder: Path, settings: Settings) -> bool:
    """Check that a candidate would be trained and named like this one.

    A commit without changes says where the model comes from as long as the code is the same. What was left
    out for want of time or memory may be fitted now. A name that was published and is gone is not used again.
    """
    from goldenpath.evaluation.leaderboard import LEADERBOARD, Leaderboard  # here, because it loads numpy

    record, registry = record_in(folder, "training.json", TrainingRecord), Project(settings).registry
    commit, leaderboard = record.git_commit, record_in(folder, LEADERBOARD, Leaderboard)
    return (
        record.who == settings.who_am_i()
        and (not commit.endswith("+changes") or commit == git_commit(settings.folder))
        and leaderboard.complete
        and not record.clash
        and not clash(registry, record.model_version, record.fingerprint_parts, registry.versions())
        and not _is_gone(registry, record.version)
    )


def _is_gone(registry: Registry, version: str) -> bool:
    gone = {item.name for item in list_aside(registry.aside)} | {*registry.roles().withdrawn}
    return version in gone and not registry.exists(version)
