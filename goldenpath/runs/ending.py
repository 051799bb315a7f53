"""Is a run over, and how did it end? Its steps are programs of their own, and none of them sees the end.

Each step notes where it works, and in a pipeline which steps will run. So anyone who looks at the notes later
can tell, also if a step or the whole pipeline was killed.
"""

import os
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from goldenpath.programs import is_alive
from goldenpath.runs.executed import read_step
from goldenpath.runs.spec import all_specs, begins, maker_of

RUN_STEPS = "RUN_STEPS"  # variable of a pipeline's steps: the names of all that will run, if it is known
_SILENT = 24 * 3600.0  # seconds after which a run in which nothing was noted is over

RunState = Literal["running", "done", "failed", "killed"]
Notes = Mapping[str, Mapping[str, Any]]  # what each step noted, by its name


def planned_steps(names: Iterable[str]) -> str:
    "Return RUN_STEPS for a pipeline of these notebooks: those that declare no step note nothing."
    declared = {spec.name for spec in all_specs()}
    return " ".join(name for name in dict.fromkeys(names) if name in declared)


def whereabouts(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    "Return what a step notes of itself: its process, and the steps of its pipeline (None: it is in none)."
    in_pipeline = bool(environ.get("ELYRA_RUNTIME_ENV"))
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "pipeline": environ.get(RUN_STEPS, "").split() if in_pipeline else None,
    }


def run_state(folder: Path, notes: Notes) -> RunState:
    "Return how a run stands, by the notes of its steps."
    stopped = [note for note in notes.values() if note.get("status") == "failed"]
    if stopped:
        return "done" if all(map(is_not_due, stopped)) else "failed"
    silent = time.time() - _newest(folder) > _SILENT
    working = [note for note in notes.values() if note.get("status") == "running"]
    if working:
        return "running" if any(_works(note, silent) for note in working) else "killed"
    if _is_complete(notes):
        return "done"
    if _stopped(folder):
        return "failed"
    if not silent:
        return "running"
    return "killed" if _planned(notes) else "done"


def is_not_due(note: Mapping[str, Any]) -> bool:
    "Did a step end a run because no training is due? That counts as success."
    return str(note.get("reason", "")).startswith("NotDue:")


def _works(note: Mapping[str, Any], silent: bool) -> bool:
    "Is a step that noted its beginning still at work? Elsewhere only time can tell."
    if note.get("host") == socket.gethostname():
        return is_alive(int(note.get("pid") or 0))
    return not silent


def _planned(notes: Notes) -> set[str]:
    return {str(name) for note in notes.values() for name in note.get("pipeline") or ()}


def _is_complete(notes: Notes) -> bool:
    "Check whether all steps ran. If a pipeline did not say which, its report or a lone step is the end."
    if planned := _planned(notes):
        return planned <= set(notes)
    if all(note.get("pipeline") is None for note in notes.values()):
        return True
    return any(_closes(name) for name in notes)


def _closes(name: str) -> bool:
    "Check whether nothing follows this step in the pipelines as they are shipped."
    return name == maker_of("report.html") or (begins(name) and not _is_read(name))


def _is_read(name: str) -> bool:
    "Check whether any step reads what this one makes."
    return any(maker_of(path) == name for spec in all_specs() for path in spec.reads)


def _stopped(folder: Path) -> bool:
    "Did a notebook stop outside its step, in a cell before or after it?"
    for file in (folder / "notebooks").glob("*.ipynb"):
        try:
            if read_step(file).status == "failed":
                return True
        except (OSError, ValueError):  # being written
            continue
    return False


def _newest(folder: Path) -> float:  # seconds since 1970; 0: there are none
    return max((file.stat().st_mtime for file in (folder / "steps").glob("*.json")), default=0.0)
