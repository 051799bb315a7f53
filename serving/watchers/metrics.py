"""Metrics for Prometheus, exact over several workers: each writes its numbers into files of a shared folder.

The folder must be named in PROMETHEUS_MULTIPROC_DIR before prometheus_client is imported; the launcher does.
"""

import contextlib
import os
import shutil
import tempfile
from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from goldenpath.predict import Predictor
from goldenpath.registry.registry import Roles
from serving.guards import InFlight
from serving.models import Live
from serving.trace import Seen
from serving.watchers.queue import Background

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MEMORY = Path("/dev/shm")  # not the disk
EDGES = (50e-6, 75e-6, 1e-4, 1.5e-4, 2e-4, 3e-4, 5e-4, 75e-5, 1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3)
BUCKETS = (10e-6, 15e-6, 20e-6, 30e-6, *EDGES, 1e-2, 2e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds


@contextlib.contextmanager
def shared_folder() -> Iterator[None]:
    "A folder for the numbers of all workers, removed at the end; one that is named already is used."
    if FOLDER in os.environ:
        yield
        return
    sweep()
    folder = tempfile.mkdtemp(
        prefix=f"goldenpath-metrics-{os.getpid()}-", dir=MEMORY if MEMORY.is_dir() else None
    )
    os.environ[FOLDER] = folder
    try:
        yield
    finally:
        del os.environ[FOLDER]
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
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

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = CollectorRegistry()
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
            "Reasons why the roles are not served as they stand; /health/ready tells them",
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

    def see(self, some: list[Seen]) -> None:
        "Count and time requests, many at once."
        counts = Counted((seen.route, str(seen.status)) for seen in some)
        for labels, count in counts.items():
            self._child(self.requests, *labels).inc(count)
        for route in {seen.route for seen in some}:
            times = [seen.seconds for seen in some if seen.route == route]
            observe(self._child(self.request_seconds, route), times)
        for version in {seen.version for seen in some if seen.model_seconds is not None}:
            calls = [one.model_seconds for one in some if one.version == version]
            known = [seconds for seconds in calls if seconds is not None]
            observe(self._child(self.model_seconds, version), known)

    def _child(self, metric: Any, *labels: str) -> Any:
        "The metric with these labels; finding it takes longer than counting."
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
        "A problem that is over without another assignment is none: nothing was loaded for it."
        assigned, problems = (live.roles, live.holders), set(live.problems)
        if assigned != self._assigned or problems - self._problems:
            self.reloads.labels("refused" if problems else "loaded").inc()
        self._assigned, self._problems = assigned, problems

    def measure(self, queues: Sequence[Background[Any]], in_flight: InFlight) -> None:
        "Note how long the queues are; done every second."
        self.waiting.labels("requests").set(len(in_flight))
        for queue in queues:
            self.waiting.labels(queue.name).set(len(queue))
            dropped, queue.dropped = queue.dropped, 0
            self.dropped.labels(queue.name).inc(dropped)

    def together(self) -> "CollectorRegistry":
        "The numbers of all workers."
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        if FOLDER not in os.environ:
            return self.registry
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return registry


def observe(histogram: Any, values: list[float]) -> None:
    """The same as `histogram.observe` for each value, which would go through all edges and write twice.

    Reaches into prometheus_client, which has no call for many values; tests compare it with that call.
    """
    histogram._sum.inc(sum(values))
    for place, count in Counted(bisect_left(BUCKETS, value) for value in values).items():
        histogram._buckets[place].inc(count)


def routes(metrics: Metrics, flush: Callable[[], None]) -> Blueprint:
    "The blueprint of `/metrics`; `flush` counts what this worker has seen but not yet counted."
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    api = Blueprint("metrics", __name__)

    @api.get("/metrics")
    def show() -> Response:
        "Every number, for Prometheus."
        flush()
        return Response(generate_latest(metrics.together()), content_type=CONTENT_TYPE_LATEST)

    return api
