"""What a worker counts of its answers, and keeps of them if the setting `feedback` wants it.

A request appends a small tuple to a queue and is done. One thread counts and never touches the volume;
another one writes, so that a volume that hangs delays neither answers nor counts.
"""

import logging
import threading
import time
from collections.abc import Callable
from multiprocessing.util import Finalize
from typing import Any, NamedTuple, TypeAlias

from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.feedback.answers import PLAIN_RECORD, AnswerWriter, PlainRow, record_keeper
from goldenpath.feedback.counted_rows import BatchParts, row_values
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.ledger import Ledger, Refusal
from goldenpath.feedback.profile import Profile, read_profile
from goldenpath.feedback.retention import Limits, retain
from goldenpath.predict import Predictor
from goldenpath.records import Columns
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import Contract, Record
from goldenpath.schema.targets import Scores
from goldenpath.settings import Settings
from serving.models import Live
from serving.watchers.queue import HandfulQueue, Queue, every, reason_of, with_errors_logged

TICK_SECONDS = 0.1  # between two looks at what is to be counted or kept
WRITE_SECONDS = 10.0  # between two writes of counts: what a worker loses that is killed outright
RETAIN_SECONDS = 3_600.0  # between two looks for feedback beyond its limits
FLUSH_SECONDS = 1.0  # between two writes of answers
FLUSH_BYTES = 1_000_000  # of answers, which are written at once
LAST_SECONDS = 5.0  # that the last write gets when the worker stops
MOST_UNCOUNTED = 20_000  # requests that may wait to be counted
MOST_BYTES = 16 * 2**20  # of long replies and records that may wait to be kept
MOST_ROWS = 200_000  # rows of batches that may wait to be counted
PROFILES = 8  # of versions that answered earlier, in memory
REFUSAL_KINDS = {  # of refusals that name no field, by status
    400: "(bad request)",
    401: "(no token)",
    404: "(not loaded)",
    413: "(too large)",
    415: "(wrong type)",
    500: "(server error)",
    502: "(backend failed)",
    503: "(too many at once)",
    504: "(backend took too long)",
}

_log = logging.getLogger(__name__)


# Of an answer to one record: time, role, record, answer, reply and body; without names, which take time.
Single: TypeAlias = tuple[float, str, Record, Any, bytes, bytes]


class FeedbackCollector:
    "Counts the answers of one worker, and writes counts and answers in the background."

    def __init__(
        self, settings: Settings, contract: Contract, registry: Registry, seconds: float = WRITE_SECONDS
    ) -> None:
        folder = FeedbackFolder(settings.home_folder(), settings.model)
        self._registry, self._home, self._seconds = registry, folder.home, seconds
        self._profiles: dict[str, Profile | None] = {}
        self._ledger = Ledger(contract.spec, folder, self.profile)
        self._values = row_values(contract)  # of a record, to be counted
        self.single: HandfulQueue[Single] = HandfulQueue("answers", self._see, MOST_UNCOUNTED)
        self.refused: Queue[Refusal] = Queue("refusals", self._ledger.refuse, MOST_UNCOUNTED)
        self.batches = Batches(self._ledger)
        self._folder, self._limits = folder, Limits(settings.feedback_days, settings.feedback_mb)
        self._appended = AnswerWriter(folder, self._limits)
        self._records = settings.feedback == "records"
        self._kept = record_keeper(contract, self._records)
        self._keeps_bodies = self._records or bool(contract.spec.event_time)
        keeps = settings.feedback in ("scores", "records")
        self.long = LongAnswers("long answers", self._keep_long, MOST_UNCOUNTED) if keeps else None
        self._drain_long = (
            with_errors_logged(self.long.drain, self.long.name) if self.long is not None else None
        )
        self._faults: dict[str, str] = {}  # what cannot be done, and why
        self._due, self._end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._write_on, name="feedback writer", daemon=True)

    @property
    def problems(self) -> tuple[str, ...]:
        "What is not counted, kept or written, and why."
        return tuple(f"{what}: {why}" for what, why in sorted(self._faults.items()))

    @property
    def queues(self) -> list[Queue[Any]]:
        "What waits to be counted or kept."
        long = [self.long] if self.long is not None else []
        return [self.single, self.refused, self.batches, *long]

    def start(self) -> None:
        "Count and write from now on, and once more when the worker stops."
        every(TICK_SECONDS, self.count, "feedback")
        every(RETAIN_SECONDS, self._remove_old, "old feedback")
        self._thread.start()
        Finalize(None, self.stop, exitpriority=0)

    def _remove_old(self) -> None:
        retain(self._folder, self._limits)

    def count(self) -> None:
        "Count what waits."
        for queue in (self.single, self.refused, self.batches):
            queue.drain()
        self._ledger.tidy()

    def keep_long(self, row: PlainRow) -> None:
        "Leave a long answer to be kept, if the setting `feedback` wants it."
        if self.long is not None:
            self.long.offer(row)

    def _see(self, answers: list[Single]) -> None:
        for role in {role for _, role, *_ in answers}:
            rows = [
                self._values(each.__dict__) + answer for _, of, each, answer, _, _ in answers if of == role
            ]
            self._ledger.see(role, rows)
        if self.long is not None:
            self._keep([(time, role, reply, body) for time, role, _, _, reply, body in answers if reply])

    def refuse(self, live: Live, status: int, reasons: tuple[str, ...]) -> None:
        "Note a refused request."
        version = live.champion.version if live.champion else ""
        reasons = reasons or (REFUSAL_KINDS.get(status, "(other)"),)
        self.refused.offer(Refusal(version, reasons))

    def hold(self, live: Live) -> None:
        "Read the profiles of versions before they answer, and write soon what the others answered."
        earlier = self._profiles
        newest = {
            predictor.version: earlier[predictor.version]
            if predictor.version in earlier
            else self._profile_of(predictor)
            for _, predictor in live.holders
        }
        others = [version for version in earlier if version not in newest][-PROFILES:]
        self._profiles = {version: earlier[version] for version in others} | newest
        self._due.set()

    def _profile_of(self, predictor: Predictor) -> Profile | None:
        if predictor.manifest is None:
            return None
        try:
            return read_profile(self._registry.folder(predictor.version), predictor.manifest)
        except GoldenpathError as fault:
            _log.warning("%s is counted without its profile: %s", predictor.version, fault)
            return None

    def profile(self, version: str) -> Profile | None:
        "Return the profile of a loaded version."
        return self._profiles.get(version)

    def has_profile(self, version: str) -> bool:
        "Are the fields and scores of this version counted?"
        return self.profile(version) is not None

    def _append(self) -> None:
        "Hand long answers over; what was dropped for want of room is counted as what a full queue drops."
        if self._drain_long:
            self._drain_long()
            self.single.dropped += self._appended.dropped
            self._appended.dropped = 0

    def _keep(self, rows: list[PlainRow]) -> None:
        if not self._keeps_bodies:
            rows = [(time, role, reply, b"") for time, role, reply, _ in rows]
        elif not self._records or any(len(body) >= PLAIN_RECORD for *_, body in rows):
            rows = [(time, role, reply, self._kept(body)) for time, role, reply, body in rows]
        self._appended.add(rows)

    def _keep_long(self, rows: list[PlainRow]) -> None:
        self._keep(rows)
        if self._appended.waiting > FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._attempt("answers cannot be kept", self._appended.flush)

    def _write_on(self) -> None:
        "Write at times, at every change of versions, and at last when the worker stops."
        last_write = last_flush = time.monotonic()
        while not self._end.wait(TICK_SECONDS):
            now = time.monotonic()
            self._append()
            if now - last_flush >= FLUSH_SECONDS or self._appended.waiting > FLUSH_BYTES:
                last_flush = now
                self._flush()
            if self._due.is_set() or now - last_write >= self._seconds:
                self._due.clear()
                last_write = now
                self.attempt_to_write()
        self.attempt_to_write()
        self._append()
        self._attempt("answers cannot be kept", self._appended.close)

    def attempt_to_write(self) -> None:
        "Write counts; why it failed is a problem until it succeeds."
        self._attempt("counts cannot be written", self.write)

    def write(self) -> None:
        "Write the counts of all that was answered until now. Raises BadInput, VolumeFault."
        self.count()
        if not self._home.is_dir():
            raise BadInput(f"{self._home} is not there: look whether the volume is mounted")
        self._ledger.write()

    def _attempt(self, what: str, job: Callable[[], object]) -> None:
        "Do a job, and note why it failed."
        try:
            job()
            self._faults.pop(what, None)
        except Exception as fault:
            reason = reason_of(fault)
            if self._faults.get(what) != reason:
                _log.warning("%s: %s", what, reason)
            self._faults[what] = reason

    def stop(self) -> None:
        "Write what is left; a volume that hangs is not waited for."
        self._end.set()
        self._thread.join(LAST_SECONDS)


class Batch(NamedTuple):
    "Several records that one version answered at once."

    role: str
    predictor: Predictor
    columns: Columns
    scores: Scores

    def table(self) -> BatchParts:
        "Return them with their labels."
        labels = self.predictor.answers(self.scores).get("label")
        listed = [] if labels is None else labels.tolist()
        return BatchParts(self.role, self.predictor.version, self.columns, self.scores, listed)


class LongAnswers(Queue[PlainRow]):
    "Answers to batches and to large records that wait to be kept; bounded by their bytes as well."

    _bytes = 0  # since the last look

    def offer(self, item: PlainRow) -> None:
        "Take it, or drop and count it; a volume that hangs fills no memory."
        self._bytes += len(item[2]) + len(item[3])
        if self._bytes <= MOST_BYTES:
            super().offer(item)
        else:
            self.dropped += 1

    def drain(self) -> None:
        "Do all that is waiting; then there is room again."
        super().drain()
        self._bytes = 0


class Batches(Queue[Batch]):
    "Batches that wait to be counted; bounded by their rows."

    def __init__(self, ledger: Ledger) -> None:
        super().__init__("batch counts", self._see, MOST_UNCOUNTED)
        self._ledger, self._rows, self._lock = ledger, 0, threading.Lock()

    def offer(self, item: Batch) -> None:
        "Take it, or drop and count it if too many rows are waiting."
        rows = len(item.scores)
        with self._lock:
            free = self._rows + rows <= MOST_ROWS
            self._rows += rows * free
        if free:
            super().offer(item)
        else:
            self.dropped += rows

    def _see(self, batches: list[Batch]) -> None:
        try:
            self._ledger.see_tables([batch.table() for batch in batches])
        finally:
            with self._lock:
                self._rows -= sum(len(batch.scores) for batch in batches)
