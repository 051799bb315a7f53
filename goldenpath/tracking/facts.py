"""What a run is in MLflow's terms, read from its folder without MLflow.

Only results are taken. Tables, rejected rows and executed notebooks stay on the volume, because they may hold
rows of persons.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from goldenpath.errors import VolumeFault, without_credentials
from goldenpath.evaluation.gate import Verdict
from goldenpath.evaluation.leaderboard import LEADERBOARD, CandidateEntry, Leaderboard
from goldenpath.evaluation.record import Evaluation
from goldenpath.registry.manifest import DataSummary, TrainingRecord
from goldenpath.runs.ending import RunState, is_not_due, run_state
from goldenpath.runs.run import find_record, parent_of, read_json, read_small, steps_of
from goldenpath.runs.taken_over import TAKEN_OVER, taken_over_in, taken_over_in_words

_RunRecord = TypeVar("_RunRecord", bound=BaseModel)

RUN_TAG, DATA_TAG = (
    "goldenpath.run",
    "goldenpath.data",
)  # tags: the run's id; the whole fingerprint of its rows
CANDIDATE_TAG = "goldenpath.candidate"  # tag of the run of one candidate
FAILED_TAG, NOT_DUE_TAG = "goldenpath.failed", "goldenpath.not_due"  # tags: why a run ended early
OF_RUN_TAG = "goldenpath.of"  # tag: the run whose candidate it is
_RECORDS = ("evaluation.json", "verdict.json", LEADERBOARD, "contrast.json", "published.json")
_FILES = (
    *_RECORDS,
    "data/summary.json",
    "report.html",
    "monitor.json",
    "monitor.html",
    "candidate/MODEL_CARD.md",
)
_PICTURES = ("evaluation/*.png", "explore/*.png", "explore/findings.txt", "candidate/*.png")
_LONGEST = 5_000  # characters of a parameter or a tag
_STATUS: dict[RunState, str] = {
    "running": "RUNNING",
    "done": "FINISHED",
    "failed": "FAILED",
    "killed": "KILLED",
}


@dataclass(frozen=True)
class RunFacts:
    "A run in MLflow's terms."

    name: str
    status: str  # FINISHED, FAILED, KILLED, RUNNING
    started: int  # milliseconds since 1970
    ended: int
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)  # by path
    data: DataSummary | None = None
    candidates: tuple["RunFacts", ...] = ()

    @property
    def hashes(self) -> dict[str, str]:
        "Return the beginning of each file's sha256, by path."
        return {name: hashlib.sha256(content).hexdigest()[:12] for name, content in self.files.items()}

    @property
    def digest(self) -> str:
        "Return a hash of everything: equal means that MLflow has nothing to learn."
        data = self.data.model_dump() if self.data else None
        parts = [self.name, self.status, self.started, self.ended, self.parameters, self.metrics, self.tags]
        below = [candidate.digest for candidate in self.candidates]
        text = json.dumps([*parts, self.hashes, data, below], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def facts_of(folder: Path) -> RunFacts:
    "Read a run in MLflow's terms. A record that cannot be read is left out."
    notes = steps_of(folder)
    started, ended = _times(notes, folder)
    training = _record(find_record(folder, "training.json"), TrainingRecord)
    leaderboard = _record(read_json(folder / LEADERBOARD), Leaderboard)
    data = _record(find_record(folder, "data/summary.json"), DataSummary)
    return RunFacts(
        name=folder.name,
        status=_STATUS[run_state(folder, notes)],
        started=started,
        ended=ended,
        parameters=dict(_parameters(notes, training, leaderboard, data)),
        metrics={name: value for name, value in _metrics(folder, notes, data) if math.isfinite(value)},
        tags=dict(_tags(folder, notes, training, data)),
        files=dict(_files(folder)),
        data=data and data.model_copy(update={"source": without_credentials(data.source)}),
        candidates=tuple(_candidates(folder.name, leaderboard, started, ended)),
    )


def _record(values: dict[str, Any], kind: type[_RunRecord]) -> _RunRecord | None:
    try:
        return kind.model_validate_json(json.dumps(values)) if values else None
    except ValidationError:
        return None


def _times(notes: dict[str, dict[str, Any]], folder: Path) -> tuple[int, int]:  # milliseconds since 1970
    spans = [span for note in notes.values() if not note.get(TAKEN_OVER) and (span := _span(note))]
    if not spans:
        begun = datetime.strptime(f"{folder.name[:16]}+0000", "%Y%m%dT%H%M%SZ%z").timestamp()
        spans = [(begun, begun)]
    return int(min(spans)[0] * 1000), int(max(end for _, end in spans) * 1000)


def _span(note: dict[str, Any]) -> tuple[float, float] | None:  # seconds since 1970
    try:
        started = datetime.fromisoformat(str(note.get("started"))).timestamp()
        return started, started + float(note.get("seconds") or 0)
    except ValueError:
        return None


def _parameters(
    notes: dict[str, dict[str, Any]],
    training: TrainingRecord | None,
    leaderboard: Leaderboard | None,
    data: DataSummary | None,
) -> Iterator[tuple[str, str]]:
    for step, note in notes.items():
        for name, value in dict(note.get("parameters") or {}).items():
            yield f"{step}.{name}", str(value)[:_LONGEST]
    if training:
        yield from (("seed", str(training.seed)), ("model_version", training.model_version))
        yield from (("candidate", training.candidate), ("contract", training.contract_hash))
    if leaderboard:
        yield "choose", leaderboard.rule
    if data:
        yield from (("split", data.split), ("source", without_credentials(data.source)[:_LONGEST]))


def _metrics(
    folder: Path, notes: dict[str, dict[str, Any]], data: DataSummary | None
) -> Iterator[tuple[str, float]]:
    for step, note in notes.items():
        if isinstance(note.get("seconds"), int | float):
            yield f"seconds.{step}", float(note["seconds"])
    for part, rows in data.rows.items() if data else ():
        yield f"rows.{part}", float(rows)
    evaluation = _record(read_json(folder / "evaluation.json"), Evaluation)
    for model in evaluation.models if evaluation else ():
        prefix = "" if model.name == "candidate" else f"{model.name.replace(' ', '_')}."
        for name, interval in model.metrics.items():
            parts = (("", interval.value), (".low", interval.low), (".high", interval.high))
            yield from ((f"{prefix}{name}{end}", value) for end, value in parts if value is not None)
    if evaluation and evaluation.threshold:
        yield "threshold", evaluation.threshold.value
    yield from _numbers("contrast", read_json(folder / "contrast.json"))


def _numbers(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _numbers(f"{prefix}.{name}", value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}.{name}", float(value)


def _tags(
    folder: Path,
    notes: dict[str, dict[str, Any]],
    training: TrainingRecord | None,
    data: DataSummary | None,
) -> Iterator[tuple[str, str]]:
    yield RUN_TAG, folder.name
    if data:
        yield from ((DATA_TAG, data.fingerprint), ("goldenpath.synthetic", str(data.synthetic).lower()))
    if training:
        yield from (
            ("goldenpath.version", training.version),
            ("mlflow.source.git.commit", training.git_commit),
        )
        yield "mlflow.user", training.who
    if verdict := _record(find_record(folder, "verdict.json"), Verdict):
        yield "goldenpath.verdict", "passed" if verdict.passed else "refused"
    if parent := parent_of(folder):
        yield "goldenpath.reads_from", parent.name
    if taken := taken_over_in_words(taken_over_in(folder)):
        yield "goldenpath.taken_over_from", taken
    for step, note in notes.items():
        if note.get("status") == "failed":
            name = NOT_DUE_TAG if is_not_due(note) else FAILED_TAG
            yield name, f"{step}: {note.get('reason', '')}"[:_LONGEST]


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what a person would look at, by path.

    A link is not followed: it could name any file that this user may read.
    """
    paths = [folder / name for name in _FILES]
    paths += [path for pattern in _PICTURES for path in sorted(folder.glob(pattern))]
    for path in paths:
        try:
            yield str(path.relative_to(folder)), read_small(path)
        except VolumeFault:
            continue


def _candidates(run: str, leaderboard: Leaderboard | None, started: int, ended: int) -> Iterator[RunFacts]:
    for entry in leaderboard.entries if leaderboard else ():
        tags = {OF_RUN_TAG: run, CANDIDATE_TAG: entry.name, "goldenpath.engine": entry.engine}
        tags |= {"goldenpath.why_not": entry.why_not} if entry.why_not else {}
        yield RunFacts(
            name=f"{run} {entry.name}",
            status="FINISHED" if entry.metrics else "FAILED",
            started=started,
            ended=ended,
            parameters={"candidate": entry.name, "chosen": str(entry.name == leaderboard.chosen).lower()}
            if leaderboard
            else {},
            metrics=dict(_costs(entry)),
            tags=tags,
        )


def _costs(entry: CandidateEntry) -> Iterator[tuple[str, float]]:
    for name, spread in entry.metrics.items():
        yield from ((name, spread.mean), (f"{name}.low", spread.low), (f"{name}.high", spread.high))
    if entry.fit_seconds is not None:
        yield "fit_seconds", entry.fit_seconds
    if entry.latency:
        yield from _numbers("one_answer_s", entry.latency.model_dump())
    if entry.size:
        yield "bytes", float(entry.size)
