"""What one worker works with: one object on the application, which its routes ask for with `state()`."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.util import Finalize
from typing import Any, Generic, TypeVar, cast

from flask import current_app
from pydantic_core import from_json

from goldenpath.errors import BadInput, GoldenpathError, NoModel
from goldenpath.evaluation.leaderboard import Leaderboard
from goldenpath.feedback.answers import PLAIN_RECORD
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.outcome_intake import OutcomeIntake
from goldenpath.inference.explanation import Explanation
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import Contract, Record
from goldenpath.settings import Settings
from goldenpath.volume import read_file
from serving.candidates import read_leaderboard
from serving.guards import Guards
from serving.http import as_json, encode, prediction, predictions
from serving.models import AnyAnswer, Live, Models, TimedAnswer
from serving.trace import Exchange, Trace, Traces
from serving.watchers.feedback import Batch, FeedbackCollector
from serving.watchers.log import lines_written
from serving.watchers.metrics import (
    COUNTED,
    Copy,
    Figures,
    Metrics,
    copies_compared,
    figures,
    forget_the_dead,
)
from serving.watchers.queue import Queue, every
from serving.watchers.report import LatestReport

EXTENSION = "goldenpath"  # of this object among the extensions of the application
COUNTED_LATER = 50_000  # requests that may wait to be counted
GAUGES_SECONDS = 1.0  # between two looks at the queues
INTAKE_SECONDS = 60.0  # between two looks whether the file of outcomes is to be closed
REMEMBERED = 5.0  # seconds for which a contrast is not read again
FileContent = TypeVar("FileContent")
LARGEST_CONTRAST = 1 << 16  # bytes of a contrast; a measured one has about 2,500


class State:
    "Settings, contract and models of one worker, and what watches its answers."

    def __init__(
        self,
        settings: Settings,
        contract: Contract,
        models: Models,
        draining: Callable[[], bool],  # is the server about to stop?
    ) -> None:
        self.settings, self.contract, self.models, self.draining = settings, contract, models, draining
        self.contrasts, self.leaderboards = Contrasts(models.registry), Leaderboards(models.registry)
        folder = FeedbackFolder(settings.home_folder(), models.registry.model)
        self.guards, self.monitor = Guards(settings), LatestReport(folder)
        self.metrics = Metrics((self.monitor,)) if settings.metrics else None
        self.lines = lines_written(settings.log_sample)
        self.uncounted = Queue("metrics", self.metrics.see, COUNTED_LATER) if self.metrics else None
        compared = copies_compared(settings.shadow_queue, self.metrics, self._note_shadow)
        self.copies = compared if settings.shadow_queue else None
        kept = settings.feedback != "off"
        self.feedback = FeedbackCollector(settings, contract, models.registry) if kept else None
        sinks = [queue.offer for queue in (self.lines, self.uncounted) if queue is not None]
        self.traces = Traces(sinks, self._refuse)
        self.outcomes = OutcomeIntake(folder, contract, settings.max_batch) if settings.outcomes else None

    @property
    def live(self) -> Live:
        "The versions that answer at this moment."
        return self.models.live

    @property
    def queues(self) -> list[Queue[Any]]:
        "Everything that waits to be done in the background."
        return [*self._plain_queues, *(self.feedback.queues if self.feedback else [])]

    @property
    def _plain_queues(self) -> list[Queue[Any]]:
        return [queue for queue in (self.lines, self.uncounted, self.copies) if queue is not None]

    @property
    def problems(self) -> list[str]:
        "What is wrong: with versions and roles, with what is kept of requests, with the monitor's report."
        kept = self.feedback.problems if self.feedback else ()
        return [*self.live.problems, *kept, *self.monitor.problems]

    def watch(self) -> None:
        "Start the threads that log, count, compare and write."
        if feedback := self.feedback:  # first, so that it ends after what adds to it
            self.models.subscribe(feedback.hold)
            feedback.start()
        for queue in self._plain_queues:
            queue.start()
        self.monitor.start()
        if intake := self.outcomes:
            every(INTAKE_SECONDS, intake.close_if_due, "outcomes")
            Finalize(None, intake.close, exitpriority=0)
        if metrics := self.metrics:
            forget_the_dead()
            self.models.subscribe(metrics.hold)
            every(GAUGES_SECONDS, lambda: self.measure(metrics), "gauges")

    def measure(self, metrics: Metrics) -> None:
        "Note how long the queues are, and how many problems there are."
        metrics.measure(self.queues, self.guards.in_flight, len(self.problems))

    def predict(self, body: bytes, environ: Mapping[str, Any], noted: Trace, explain: bool = False) -> bytes:
        """Answer one record as JSON, note it, and copy it to the shadow: what /predict does on both ways.

        Raises Malformed, Broken, NoModel, BackendFailed, BackendTimeout, and BadInput if `explain` cannot be.
        """
        timed = self.answer(body, sticky_key(self.live, environ))
        noted.version, noted.model_seconds = timed.answer.version, timed.seconds
        key = self.key(timed.record, noted)
        answer = prediction(noted.id, timed.answer, key)
        reply = self.explained(answer, timed) if explain else answer
        self.note(timed.role, timed.record, timed.answer, answer, body)
        self.compare(timed.record, timed.answer, noted.id, key, body)
        return reply

    def note(self, role: str, record: Record, answer: AnyAnswer, reply: bytes, body: bytes) -> None:
        "Leave an answer to be counted, and kept if the setting `feedback` wants it."
        if (feedback := self.feedback) is None:
            return
        now = time.time()
        if len(reply) + len(body) > PLAIN_RECORD:
            feedback.keep_long((now, role, reply, body))
            reply = body = b""  # so that it is only counted here
        feedback.single.offer((now, role, record, answer, reply, body))

    def note_batch(self, batch: Batch, reply: Callable[[], bytes], body: Callable[[], bytes]) -> None:
        "Do the same for the answers to several records; reply and body as /predict/batch has them."
        if (feedback := self.feedback) is None:
            return
        feedback.batches.offer(batch)
        if feedback.long is not None:
            feedback.keep_long((time.time(), batch.role, reply(), body()))

    def _note_shadow(self, copy: Copy, answer: AnyAnswer) -> None:
        self.note("shadow", copy.record, answer, prediction(copy.id, answer, copy.key), copy.body)

    def _refuse(self, route: str, status: int, reasons: tuple[str, ...]) -> None:
        if self.feedback and route in COUNTED:
            self.feedback.refuse(self.live, status, reasons)

    def explained(self, answer: bytes, timed: TimedAnswer) -> bytes:
        "Add what each field contributed to an answer."
        return answer[:-1] + b',"explanation":' + as_json(self.explanation(timed).model_dump()) + b"}"

    def explanation(self, timed: TimedAnswer) -> Explanation:
        "Say what each field contributed to an answer. Raises BadInput if its version does not know."
        loaded = {predictor.version: predictor for _, predictor in self.live.holders}
        predictor = loaded.get(timed.answer.version)
        if predictor is None:
            raise NoModel("another version took over in the middle of this request; ask again")
        return predictor.explain(timed.record, timed.answer)

    def key(self, record: Record, noted: Trace) -> str:  # as JSON; empty if the contract has none
        "Return whom a record is about; its author decides whether the log names them."
        if not self.contract.spec.key:
            return ""
        key = encode(self.contract.key_of(record))
        noted.key = key if self.contract.log_key else ""
        return key

    def predict_batch(self, body: bytes, environ: Mapping[str, Any], noted: Trace) -> bytes:
        """Answer a list of records in its order, all by one version: what /predict/batch does on both ways.

        Raises as `predict` does, and BadInput for more records than `max_batch`.
        """
        contract, live, most = self.contract, self.live, self.settings.max_batch
        columns = contract.columns_of_body(body)
        if (count := len(next(iter(columns.values())))) > most:
            raise BadInput(f"{count} records in one batch; at most {most} are answered")
        predictor = live.pick(lambda: sticky_bytes(live, environ, lambda: contract.parse_many(body)))
        started = time.perf_counter()
        scores = predictor.scores(columns)
        noted.version, noted.model_seconds = predictor.version, time.perf_counter() - started
        reply = predictions(noted.id, predictor, scores, contract.keys_of_body(body))
        self.note_batch(
            Batch(live.role_of(predictor), predictor, columns, scores), lambda: reply, lambda: body
        )
        return reply

    def answer(
        self,
        body: bytes,
        key: str = "",  # that the caller sticks to a version by
    ) -> TimedAnswer:
        """Answer one record by the version that this caller, or else this record, belongs to.

        Raises Malformed, Broken, NoModel.
        """
        live, most = self.models.live, self.settings.memo
        if most and (remembered := live.memo.get((key, body))):
            return remembered
        record = self.contract.parse(body)
        predictor = live.pick(lambda: (key or record.model_dump_json()).encode())
        started = time.perf_counter()
        answer = predictor.one(record)
        seconds = time.perf_counter() - started
        timed = TimedAnswer(record, answer, seconds, live.role_of(predictor))
        if most:
            live.memo.keep((key, body), timed, most)
        return timed

    def compare(self, record: Record, answer: AnyAnswer, name: str, key: str, body: bytes) -> None:
        "Let the shadow, if there is one, answer the same record in the background."
        shadow = self.models.live.shadow
        if shadow is not None and self.copies is not None:
            self.copies.offer(Copy(shadow, record, answer, name, key, body))

    def counted(self) -> Metrics:
        "Return the metrics of this worker, with all its requests; only if the setting `metrics` is on."
        metrics, uncounted = cast(Metrics, self.metrics), cast(Queue[Exchange], self.uncounted)
        uncounted.drain()
        return metrics

    def figures(self) -> Figures:
        "Return the current state of all workers together; only if the setting `metrics` is on."
        return figures(self.counted().together().collect(), self.live, self.problems)


def sticky_key(live: Live, environ: Mapping[str, Any]) -> str:
    "Return the key that keeps a caller with the same version while there is a challenger."
    return str(environ.get("HTTP_X_STICKY_KEY", "")) if live.challenger else ""


def sticky_bytes(live: Live, environ: Mapping[str, Any], records: Callable[[], Sequence[Record]]) -> bytes:
    "Return the key of several records, which keep the same version however they are written."
    key = sticky_key(live, environ)
    return (key or "".join(record.model_dump_json() for record in records())).encode()


def state() -> State:
    "Return the state of the application that handles the request."
    return cast(State, current_app.extensions[EXTENSION])


class ReadForOne(Generic[FileContent]):
    "A file of one version at a time, which no more than one visitor waits for."

    def __init__(self) -> None:
        self._reading = threading.Lock()
        self._latest: tuple[str, float, FileContent | None] = ("", 0.0, None)  # version, monotonic seconds

    def latest(self, version: str, read: Callable[[], FileContent | None]) -> FileContent | None:
        "Return what the file of a version holds, at most a few seconds old."
        version_read, when, content = self._latest
        fresh = version_read == version and time.monotonic() - when < REMEMBERED
        if not fresh and self._reading.acquire(blocking=False):
            try:
                content = read()
                self._latest, version_read = (version, time.monotonic(), content), version
            finally:
                self._reading.release()
        return content if version_read == version else None


class Leaderboards(ReadForOne[Leaderboard]):
    "The candidates that a version was chosen from."

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self._registry = registry

    def of(self, manifest: Manifest) -> Leaderboard | None:
        "Return the leaderboard of a version; None if there is none, or one that cannot be shown."
        return self.latest(manifest.version, lambda: read_leaderboard(self._registry, manifest))


class Contrasts(ReadForOne[Any]):
    "The measured contrast of a version."

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self._registry = registry

    def of(self, version: str) -> Any:  # what the file holds as JSON; None where there is none, or no JSON
        "Return the contrast of a version."
        return self.latest(version, lambda: self._read(version))

    def _read(self, version: str) -> Any:
        try:
            return from_json(read_file(self._registry.contrast_file(version), LARGEST_CONTRAST))
        except (OSError, ValueError, GoldenpathError):
            return None
