"""What a worker counts of itself: reloads, who holds which role, what queues dropped."""

import pytest
from flask import Flask

from goldenpath.contract import CONTRACT
from goldenpath.inference.engines import SklearnEngine
from goldenpath.predict import Predictor
from goldenpath.records import Layout
from goldenpath.registry.registry import Roles
from serving.guards import InFlight
from serving.models import Live
from serving.watchers.metrics import FOLDER, Metrics
from serving.watchers.queue import Queue

RESULTS = ("loaded", "refused")


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> Metrics:
    "Return the metrics of one worker alone."
    monkeypatch.delenv(FOLDER, raising=False)
    return Metrics()


def test_a_problem_counts_when_it_appears_and_not_when_it_is_over(metrics: Metrics) -> None:
    def counted(number: int, *problems: str) -> tuple[int, int]:
        metrics.hold(Live(Roles(number=number), problems=problems))
        found = [
            metrics.registry.get_sample_value("goldenpath_reloads_total", {"result": one}) for one in RESULTS
        ]
        loaded, refused = (int(value or 0) for value in found)
        return loaded, refused

    assert counted(1) == (1, 0)
    assert counted(1, "the volume is away") == (1, 1)
    assert counted(1, "the volume is away") == (1, 1)
    assert counted(1) == (1, 1)
    assert counted(2) == (2, 1)
    assert counted(3, "3 cannot answer") == (2, 2)
    assert metrics.registry.get_sample_value("goldenpath_problems") == 1


def named(version: str) -> Predictor:
    "Return a version that is only spoken of."
    return Predictor(SklearnEngine(None, Layout(text=(), number=())), CONTRACT, 0.5, version)


def test_one_version_at_a_time_holds_a_role(metrics: Metrics) -> None:
    def held(version: str) -> float | None:
        labels = {"role": "champion", "version": version, "path": "sklearn"}
        return metrics.registry.get_sample_value("goldenpath_model_info", labels)

    metrics.hold(Live(Roles(number=1), named("A"), problems=()))
    assert (held("A"), held("B")) == (1, None)
    metrics.hold(Live(Roles(number=2), named("B"), problems=()))
    assert (held("A"), held("B")) == (0, 1)


def test_what_a_queue_dropped_is_counted_once_and_what_waits_is_shown(metrics: Metrics) -> None:
    queue, places = Queue[int]("shadow", lambda items: None, 2), InFlight(5)
    for number in range(5):
        queue.offer(number)
    app = Flask("a test")
    places.install(app)
    app.add_url_rule("/", view_func=lambda: metrics.measure([queue], places, 0) or "measured")
    for _ in range(2):
        assert app.test_client().get("/").text == "measured"
    value = metrics.registry.get_sample_value
    assert value("goldenpath_dropped_total", {"queue": "shadow"}) == 3
    assert value("goldenpath_waiting", {"queue": "shadow"}) == 2
    assert value("goldenpath_waiting", {"queue": "requests"}) == 1
