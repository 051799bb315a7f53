"""Whoever watches the answers, off the hot path: log, metrics, shadow; each if its setting says so."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask

from goldenpath.predict import Answer
from goldenpath.schema.contract import Record
from goldenpath.settings import Settings
from serving.figures import Figures, looking
from serving.figures import routes as figure_routes
from serving.guards import InFlight
from serving.models import Models
from serving.trace import Seen
from serving.watchers.log import lines_written, request_log
from serving.watchers.queue import Background, every
from serving.watchers.shadow import Shadow

if TYPE_CHECKING:
    from prometheus_client import Metric

WAITING = 50_000  # requests that may wait to be counted
GAUGES_SECONDS = 1.0  # between two looks at the queues


class Observer:
    "All watchers of one worker."

    def __init__(self, settings: Settings, models: Models) -> None:
        self.in_flight = InFlight(settings.max_in_flight)
        self.sinks: list[Callable[[Seen], None]] = []
        self.answered: Callable[[Record, Answer], None] = lambda record, answer: None
        self._queues: list[Background[Any]] = []
        self._agreed: Callable[[bool, float], None] = lambda agrees, seconds: None
        self.figures: Callable[[], Figures] | None = None  # None: nothing is counted
        self._blueprints: list[Blueprint] = []
        if settings.metrics:
            self._count(models)
        lines = lines_written().start()
        self._queues.append(lines)
        self.sinks.append(request_log(lines, settings.log_sample))
        if settings.shadow_queue:
            shadow = Shadow(models, settings.shadow_queue, self._agreed)
            self._queues.append(shadow.queue.start())
            self.answered = shadow.offer

    def install(self, app: Flask) -> None:
        "Add the routes that show what was seen."
        for blueprint in self._blueprints:
            app.register_blueprint(blueprint)

    def _count(self, models: Models) -> None:
        from serving.watchers.metrics import Metrics, forget_the_dead, routes

        forget_the_dead()
        metrics = Metrics()
        seen = Background("metrics", metrics.see, WAITING).start()
        self.sinks.append(seen.offer)
        self._queues.append(seen)
        every(GAUGES_SECONDS, lambda: metrics.measure(self._queues, self.in_flight), "gauges")
        models.swapped = metrics.hold
        metrics.hold(models.live)

        def agreed(agrees: bool, seconds: float) -> None:
            metrics.shadow.labels("yes" if agrees else "no").inc()
            metrics.shadow_seconds.observe(seconds)

        self._agreed = agreed

        def families() -> "Iterable[Metric]":
            seen.drain()
            return metrics.together().collect()

        self.figures = looking(families, models)
        self._blueprints = [routes(metrics, seen.drain), figure_routes(self.figures)]
