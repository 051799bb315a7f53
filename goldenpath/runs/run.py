"""Runs: one folder under home for each execution, in which every step finds its input and leaves its output.

In a pipeline the first step makes the run and hands `run.json` on, the only file that travels between steps;
what they work on stays on the volume. A step alone opens a new run that reads from an older one, because a
finished run never changes.
"""

import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from goldenpath.errors import BadInput, VolumeFault
from goldenpath.runs.ending import whereabouts
from goldenpath.runs.spec import find_spec, maker_of, step_before
from goldenpath.settings import Settings
from goldenpath.text.plain import put
from goldenpath.text.spelling import nearest
from goldenpath.volume import faults, read_file

RunModel = TypeVar("RunModel", bound=BaseModel)

_SMALL = 1 << 24  # bytes of a record, text or picture of a run
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
HANDED_ON = "run.json"  # in the working directory of each step of a pipeline


@dataclass(frozen=True)
class Run:
    "One execution; paths are asked for by name, so that no step knows where another one ran."

    id: str
    folder: Path
    step: str
    parent: Path | None = None  # the folder of the run that this one reads from
    parameters: Mapping[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.time)  # seconds since 1970

    def input(self, name: str) -> Path:
        "Find a file or folder of this run, else of its parents. Raises BadInput if it is missing."
        return self._folder_with(name) / name

    def has(self, name: str) -> bool:
        "Would `input(name)` find something?"
        return any((folder / name).exists() for folder in self._chain)

    def record(self, name: str, kind: type[RunModel]) -> RunModel:
        "Read a JSON file of this run, else of those that it reads from. Raises BadInput, VolumeFault."
        return record_in(self._folder_with(name), name, kind)

    def output(self, name: str) -> Path:
        "Where to write: always in this run's own folder, parent folders made."
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def doing(self, what: str) -> None:
        "Say what the step works on now: in its notebook, and in its note, which a terminal follows."
        put(what)
        self.note("running", doing=what)

    def note(self, status: str, **more: Any) -> None:
        "Record how the step stands (running, done, failed) and what it took. Raises OSError."
        seconds = None if status == "running" else round(time.time() - self.started, 3)
        record = {
            "step": self.step,
            "status": status,
            "started": datetime.fromtimestamp(self.started, UTC).isoformat(timespec="seconds"),
            "seconds": seconds,
            "parent": self.parent.name if self.parent else None,
            "parameters": dict(self.parameters),
            **whereabouts(),
            **more,
        }
        write_json(self.output(f"steps/{self.step}.json"), record)

    @cached_property
    def _chain(self) -> tuple[Path, ...]:
        "This run's folder and those that it reads from, nearest first."
        folders = [self.folder]
        parent = self.parent
        while parent and parent not in folders:
            folders.append(parent)
            parent = parent_of(parent)
        return tuple(folders)

    def _folder_with(self, name: str) -> Path:
        for folder in self._chain:
            if (folder / name).exists():
                return folder
        maker = maker_of(name)
        where = self.parent.name if self.parent else self.id
        raise BadInput(f"run {where} holds no {name}: run {maker} first (goldenpath step {maker})")


def open_run(
    settings: Settings,
    step: str,  # name of the notebook, such as 05_train
    run: str = "",  # id of the run to read from; empty: the pipeline's own, else the newest that fits
    parameters: Mapping[str, Any] | None = None,  # of the step, for the record
) -> Run:
    """Open the run that a step works in: the pipeline's, or a new one that reads from an older one.

    Raises BadInput if `run` or the step is unknown, VolumeFault if home cannot be written.
    """
    spec, runs = find_spec(step), settings.writable_home() / "runs"
    in_pipeline = bool(os.environ.get("ELYRA_RUNTIME_ENV"))
    if in_pipeline and spec.reads and Path(HANDED_ON).is_file():
        folder = _handed_on(runs)
        opened = Run(folder.name, folder, step, parent_of(folder), parameters or {})
    else:
        parent = find_run(runs, run) if run else _newest_with(runs, step_before(step))
        folder = make_run(runs, os.environ.get("RUN_ID", ""))
        opened = Run(folder.name, folder, step, parent, parameters or {})
    if in_pipeline:
        write_json(Path(HANDED_ON), {"run_id": opened.id, "run_folder": str(opened.folder)})
    opened.note("running")
    return opened


def new_id(now: datetime | None = None) -> str:
    "`YYYYMMDDTHHMMSSZ-xxxxxx`: sorts by time, and two people in one second do not meet."
    return f"{(now or datetime.now(UTC)):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def make_run(
    runs: Path,  # <home>/runs
    run_id: str = "",  # empty: a new one
) -> Path:
    "Make the folder of a run, writable for the group (on OpenShift every pod has group 0). Raises BadInput."
    if run_id and not RUN_ID.fullmatch(run_id):
        raise BadInput(f"RUN_ID = '{run_id}' is not a run id; it looks like {new_id()}")
    folder = runs / (run_id or new_id())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o775)
    except PermissionError:
        if not os.access(folder, os.W_OK):
            raise VolumeFault(f"user id {os.getuid()} may not write to {folder}") from None
    except OSError as fault:
        raise VolumeFault(f"run folder {folder} cannot be made ({fault.strerror})") from None
    return folder


def parent_of(folder: Path) -> Path | None:
    "Return the run that a run reads from, as its steps recorded it."
    for record in steps_of(folder).values():
        if record.get("parent"):
            return folder.parent / str(record["parent"])
    return None


def steps_of(folder: Path) -> dict[str, dict[str, Any]]:
    "Read the record of each step of a run, in order of the steps' names."
    return {file.stem: read_json(file) for file in sorted((folder / "steps").glob("*.json"))}


def list_runs(runs: Path) -> list[Path]:
    "List the folders of all runs, oldest first."
    if not runs.is_dir():
        return []
    return sorted(path for path in runs.iterdir() if RUN_ID.fullmatch(path.name))


def find_run(runs: Path, name: str) -> Path:
    "Find a run by its id, by a unique part of it, or as `latest`. Raises BadInput."
    folders = list_runs(runs)
    fitting = folders[-1:] if name == "latest" else [path for path in folders if name in path.name]
    if len(fitting) == 1:
        return fitting[0]
    if len(fitting) > 1:
        raise BadInput(
            f"run '{name}' fits {len(fitting)} runs, such as {fitting[0].name}: write more of the id"
        )
    hint = nearest(name, [path.name for path in folders]) or "; `goldenpath runs` lists them"
    raise BadInput(f"there is no run '{name}' in {runs}{hint}")


def read_json(file: Path) -> dict[str, Any]:
    "Read a small record of a run; empty if it is missing, half written, or not a small regular file."
    try:
        return dict(from_json(read_file(file, _SMALL)))
    except (OSError, ValueError, TypeError):
        return {}


def record_in(folder: Path, name: str, kind: type[RunModel]) -> RunModel:
    "Read a JSON file of a run as a record. Raises BadInput, VolumeFault."
    try:
        return kind.model_validate_json(read_small(folder / name))
    except ValidationError as error:
        why = f"is not a {kind.__name__} ({error.errors(include_url=False)[0]['msg']})"
        raise BadInput(f"{folder / name} {why}; run {maker_of(name)} again") from None


def read_small(file: Path) -> bytes:
    "Read a small file of a run. Raises VolumeFault, also for a link, a pipe or a huge file."
    with faults(file):
        return read_file(file, _SMALL)


def find_record(folder: Path | None, name: str) -> dict[str, Any]:
    """Read a small record of a run, else of those that it reads from; empty if there is none.

    It looks no further than a run in which the record's own step, or one before it, ran anew: what an older
    run says of another candidate is not this one's.
    """
    visited: set[Path] = set()
    while folder and folder not in visited:
        visited.add(folder)
        if record := read_json(folder / name):
            return record
        if any(step <= maker_of(name) for step in steps_of(folder)):
            return {}
        folder = parent_of(folder)
    return {}


def write_json(file: Path, record: Mapping[str, Any]) -> None:
    "Write a small record as readable text."
    file.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def _handed_on(runs: Path) -> Path:
    "Return the run that the pipeline's first step handed on."
    record = read_json(Path(HANDED_ON))
    for folder in (runs / str(record.get("run_id")), Path(str(record.get("run_folder")))):
        if record.get("run_id") and folder.is_dir():
            return folder
    raise BadInput(
        f"{HANDED_ON} names run '{record.get('run_id')}', which is not in {runs}: run 02_data first"
    )


def _newest_with(runs: Path, step: str) -> Path | None:
    "Return the newest run in which `step` was done; None if there is none, or none is needed."
    if not step:
        return None
    for folder in reversed(list_runs(runs)):
        if steps_of(folder).get(step, {}).get("status") == "done":
            return folder
    return None
