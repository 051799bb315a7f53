"""Metrics for Prometheus, exact over several workers: each writes its numbers into files of a shared folder.

The folder must be named in PROMETHEUS_MULTIPROC_DIR before prometheus_client is imported; the launcher does.
"""

import contextlib
import os
import shutil
import tempfile
import time
from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ConfigDict

from goldenpath.inference.answers import agree
from goldenpath.predict import Predictor
from goldenpath.registry.registry import Roles
from goldenpath.schema.contract import Record
from serving.guards import InFlight
from serving.http import JsonReply
from serving.models import AnyAnswer, Live
from serving.trace import Exchange
from serving.watchers.queue import Queue

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric
    from prometheus_client.registry import Collector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MEMORY = Path("/dev/shm")  # not the disk
EDGES = (50e-6, 75e-6, 1e-4, 1.5e-4, 2e-4, 3e-4, 5e-4, 75e-5, 1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3)
BUCKETS = (10e-6, 15e-6, 20e-6, 30e-6, *EDGES, 1e-2, 2e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds

INFER = "/v2/models/<model>"
COUNTED = ("/predict", "/predict/batch", f"{INFER}/infer", f"{INFER}/versions/<version>/infer")


@contextlib.contextmanager
def shared_folder() -> Iterator[None]:
    "Name a folder for the numbers of all workers, removed at the end; one that is named already stays."
    if FOLDER in os.environ:
        yield
        return
    sweep_folders()
    folder = tempfile.mkdtemp(
        prefix=f"goldenpath-metrics-{os.getpid()}-", dir=MEMORY if MEMORY.is_dir() else None
    )
    os.environ[FOLDER] = folder
    try:
        yield
    finally:
        del os.environ[FOLDER]
        shutil.rmtree(folder, ignore_errors=True)


def sweep_folders() -> None:
    "Remove what launchers left behind that were killed outright."
    for folder in MEMORY.glob("goldenpath-metrics-*-*"):
        if not Path(f"/proc/{folder.name.split('-')[2]}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def forget_the_dead() -> None:
    "Take the gauges of workers that are gone out of the sums; their counts stay."
    from prometheus_client.multiprocess import mark_process_dead

    folder = os.environ.get(FOLDER)
    for file in Path(folder).glob("gauge_live*.db") if folder else ():
        pid = file.stem.rpartition("_")[2]
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(int(pid), folder)  # type: ignore[no-untyped-call]


class Metrics:
    "What is counted and timed; made once in each worker."

    def __init__(self, further: "Sequence[Collector]" = ()) -> None:  # what is known without counting
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry, self._further = CollectorRegistry(), further
        for collector in further:
            self.registry.register(collector)
        count = partial(Counter, registry=self.registry)
        timed = partial(Histogram, registry=self.registry, buckets=BUCKETS)
        state = partial(Gauge, registry=self.registry)
        self.requests = count("goldenpath_requests", "Requests", ["route", "status"])
        self.request_seconds = timed("goldenpath_request_seconds", "The whole request", ["route"])
        self.model_seconds = timed("goldenpath_model_seconds", "The call of the model", ["version"])
        self.model_info = state(
            "goldenpath_model_info",
            "1: this version holds this role, by this path",
            ["role", "version", "path"],
            multiprocess_mode="livemax",
        )
        self.problems = state(
            "goldenpath_problems",
            "Reasons why the roles are not served as they stand, or feedback is not kept; /model tells them",
            multiprocess_mode="livemax",
        )
        self.reloads = count("goldenpath_reloads", "Looks at the roles that changed something", ["result"])
        self.waiting = state(
            "goldenpath_waiting",
            "Requests in flight, and what waits in the queues of the background",
            ["queue"],
            multiprocess_mode="livesum",
        )
        self.dropped = count("goldenpath_dropped", "What a full queue did not take", ["queue"])
        self.shadow = count("goldenpath_shadow_answers", "Answers of the shadow", ["agrees"])
        self.shadow_seconds = timed("goldenpath_shadow_seconds", "The call of the shadow's model")
        self._held: set[tuple[str, str, str]] = set()
        self._assigned: tuple[Roles, list[tuple[str, Predictor]]] | None = None
        self._problems: set[str] = set()
        self._known: dict[tuple[object, ...], Any] = {}

    def see(self, some: list[Exchange]) -> None:
        "Count and time requests, many at once."
        counts = Counted((exchange.route, str(exchange.status)) for exchange in some)
        for labels, count in counts.items():
            self._child(self.requests, *labels).inc(count)
        for route in {exchange.route for exchange in some}:
            times = [exchange.seconds for exchange in some if exchange.route == route]
            observe(self._child(self.request_seconds, route), times)
        for version in {exchange.version for exchange in some if exchange.model_seconds is not None}:
            calls = [entry.model_seconds for entry in some if entry.version == version]
            measured = [seconds for seconds in calls if seconds is not None]
            observe(self._child(self.model_seconds, version), measured)

    def _child(self, metric: Any, *labels: str) -> Any:
        "Return the metric with these labels; finding it takes longer than counting."
        key = (id(metric), *labels)
        if key not in self._known:
            self._known[key] = metric.labels(*labels)
        return self._known[key]

    def hold(self, live: Live) -> None:
        "Note who holds which role, and what is wrong."
        held = {(role, predictor.version, predictor.path) for role, predictor in live.holders}
        for gone in self._held - held:
            self.model_info.labels(*gone).set(0)
        for labels in held:
            self.model_info.labels(*labels).set(1)
        self._held = held
        self.problems.set(len(live.problems))
        self._count_reload(live)

    def _count_reload(self, live: Live) -> None:
        "Clear a problem that ended without another assignment: nothing was loaded for it."
        assigned, problems = (live.roles, live.holders), set(live.problems)
        if assigned != self._assigned or problems - self._problems:
            self.reloads.labels("refused" if problems else "loaded").inc()
        self._assigned, self._problems = assigned, problems

    def compare(self, agrees: bool, seconds: float) -> None:
        "Count an answer of the shadow."
        self.shadow.labels("yes" if agrees else "no").inc()
        self.shadow_seconds.observe(seconds)

    def measure(self, queues: Sequence[Queue[Any]], in_flight: InFlight, problems: int) -> None:
        "Note how long the queues are, and how many problems there are; done every second."
        self.problems.set(problems)
        self.waiting.labels("requests").set(len(in_flight))
        for queue in queues:
            self.waiting.labels(queue.name).set(len(queue))
            dropped, queue.dropped = queue.dropped, 0
            self.dropped.labels(queue.name).inc(dropped)

    def together(self) -> "CollectorRegistry":
        "Return the numbers of all workers."
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        if FOLDER not in os.environ:
            return self.registry
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        for collector in self._further:
            registry.register(collector)
        return registry


class Copy(NamedTuple):
    "A record that was answered, and the version, the shadow, that answers it once more."

    shadow: Predictor
    record: Record
    answer: AnyAnswer
    id: str  # of the request
    key: str  # as JSON
    body: bytes


def copies_compared(
    limit: int,  # copies that may wait; a further one is dropped and counted
    metrics: Metrics | None,
    note: Callable[[Copy, AnyAnswer], None],  # gets what the shadow answered
) -> Queue[Copy]:
    "Return the queue of the copies that the shadow answers in the background, only to be compared."
    return Queue("shadow", partial(compare_copies, metrics, note), limit)


def compare_copies(
    metrics: Metrics | None, note: Callable[[Copy, AnyAnswer], None], copies: list[Copy]
) -> None:
    "Let the shadow answer, and count whether it agrees."
    for copy in copies:
        started = time.perf_counter()
        other = copy.shadow.one(copy.record)
        if metrics:
            metrics.compare(agree(copy.answer, other), time.perf_counter() - started)
        note(copy, other)


def observe(histogram: Any, values: list[float]) -> None:
    """Observe many values: `histogram.observe` would go through all edges and write twice for each.

    Reaches into prometheus_client, which has no call for many values; tests compare it with that call.
    """
    histogram._sum.inc(sum(values))
    for place, count in Counted(bisect_left(BUCKETS, value) for value in values).items():
        histogram._buckets[place].inc(count)


class Figures(JsonReply):
    "Counts since the start, and what is loaded here."

    model_config = ConfigDict(extra="allow", json_schema_extra={"required": ["id", "requests", "roles"]})

    requests: int  # to predict
    edges: list[float]  # seconds; upper edges of the histogram, without the last one, which is infinite
    counts: list[int]  # requests up to each edge, and all of them at the end
    p50: float | None  # seconds, since the start; None before the first request
    p99: float | None
    compared: int  # answers of the shadow
    agreed: int
    roles: dict[str, Any]
    problems: list[str]


def figures(families: "Iterable[Metric]", live: Live, problems: list[str]) -> Figures:
    "Read the metrics of all workers."
    samples = [sample for family in families for sample in family.samples]
    buckets: dict[float, float] = {}
    shadow = {"yes": 0.0, "no": 0.0}
    for sample in samples:
        if sample.name == "goldenpath_request_seconds_bucket" and sample.labels["route"] in COUNTED:
            edge = float(sample.labels["le"])
            buckets[edge] = buckets.get(edge, 0.0) + sample.value
        elif sample.name == "goldenpath_shadow_answers_total":
            shadow[sample.labels["agrees"]] += sample.value
    edges = sorted(buckets)
    counts = [round(buckets[edge]) for edge in edges]
    return Figures(
        requests=counts[-1] if counts else 0,
        edges=edges[:-1],
        counts=counts,
        p50=quantile(0.50, edges[:-1], counts),
        p99=quantile(0.99, edges[:-1], counts),
        compared=round(shadow["yes"] + shadow["no"]),
        agreed=round(shadow["yes"]),
        roles=live.assignment,
        problems=problems,
    )


def quantile(share: float, edges: list[float], counts: list[int]) -> float | None:
    "As Prometheus' histogram_quantile: linear within a bucket, the last finite edge beyond it."
    if not counts or not counts[-1]:
        return None
    wanted, low, before = share * counts[-1], 0.0, 0
    for edge, count in zip(edges, counts, strict=False):
        if count >= wanted:
            return low + (edge - low) * (wanted - before) / (count - before)
        low, before = edge, count
    return edges[-1]
