"""The running program: role changes under load, stopping, killed workers, metrics, logs."""

import http.client
import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Histogram

from serving.watchers.metrics import BUCKETS, observe
from tests.helpers.patience import LONG, wait_until
from tests.helpers.serving_fixtures import promote, publish, records
from tests.helpers.serving_program import Program, running, wait_for
from tests.serving.test_guards import half_sent

BODIES = [json.dumps(record).encode() for record in records(200, 7)]


@pytest.fixture(scope="module")
def pair(published: Path) -> Iterator[Program]:
    "Yield a server with two workers."
    with running(published, "--workers", "2", poll_seconds=0.2) as program:
        yield program


class Load:
    "Steady requests from a few keep-alive connections; a failure is whatever is not a 200."

    def __init__(self, program: Program, connections: int = 4) -> None:
        self.failures: list[str] = []
        self.versions: list[tuple[float, str]] = []
        self._program, self._over = program, threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(connections)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._program.listen, timeout=LONG)
        number = 0
        while not self._over.is_set():
            try:
                connection.request(
                    "POST", "/predict", BODIES[number % len(BODIES)], {"Content-Type": "application/json"}
                )
                reply = connection.getresponse()
                said = json.loads(reply.read())
                if reply.status != 200:
                    self.failures.append(f"{reply.status} {said}")
                self.versions.append((time.monotonic(), said.get("version", "")))
            except (OSError, http.client.HTTPException) as fault:
                self.failures.append(repr(fault))
                connection.close()
            number += 1
            time.sleep(0.001)
        connection.close()


def test_no_request_fails_while_roles_change_and_the_new_one_answers_soon(
    pair: Program, published: Path
) -> None:
    with Load(pair) as load:
        for seed in (11, 12, 13):
            version = publish(published, seed)
            promote(published, version)
            wait_until(lambda version=version: {said for _, said in load.versions[-8:]} == {version})
    assert load.failures == []
    assert len(load.versions) > 200


def test_a_killed_worker_is_replaced(pair: Program) -> None:
    before = pair.workers()
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: set(pair.workers()) - set(before))
    wait_for(pair, 200)
    assert len(pair.workers()) == 2
    lines = [line for line in pair.log.read_text().splitlines() if "Unexpected exit" in line]
    # The line may follow half a line of the worker, which was killed while it wrote.
    said = [json.loads(line[line.rindex('{"time"') :]) for line in lines]
    assert [line["level"] for line in said] == ["error"]


def numbers(program: Program, name: str) -> dict[str, float]:
    "Return the samples of one metric, by their labels."
    lines = re.findall(rf"^{name}(\{{.*\}})? (\S+)$", program.get("/metrics").body.decode(), re.MULTILINE)
    return {labels: float(value) for labels, value in lines}


def of_predict(program: Program) -> dict[str, float]:
    "How many requests to /predict were counted, by their status."
    counted = numbers(program, "goldenpath_requests_total")
    return {labels: count for labels, count in counted.items() if '"/predict"' in labels}


def test_the_metrics_of_two_workers_are_exact(published: Path) -> None:
    with running(published, "--workers", "2", log_sample=0) as program:
        for body in [*BODIES, b"{}", b"{}"]:
            program.post("/predict", body)
        wait_until(lambda: sum(of_predict(program).values()) == len(BODIES) + 2)  # both workers have counted
        assert of_predict(program) == {
            '{route="/predict",status="200"}': len(BODIES),
            '{route="/predict",status="422"}': 2,
        }
        timed = numbers(program, "goldenpath_request_seconds_count")
        assert timed['{route="/predict"}'] == len(BODIES) + 2
        assert sum(numbers(program, "goldenpath_model_seconds_count").values()) == len(BODIES)
        [info] = numbers(program, "goldenpath_model_info")
        assert 'role="champion"' in info
        assert list(Path("/dev/shm").glob(f"goldenpath-metrics-{program.process.pid}-*"))
    assert not list(Path("/dev/shm").glob(f"goldenpath-metrics-{program.process.pid}-*"))


def test_many_times_are_observed_as_each_alone_would_be() -> None:
    values = [1e-5, 1e-5 + 1e-12, 0.00012, 0.5, 3.0, 10.0, 11.0]
    registry = CollectorRegistry()
    together = Histogram("together", "a test", registry=registry, buckets=BUCKETS)
    alone = Histogram("alone", "a test", registry=registry, buckets=BUCKETS)
    observe(together, values)
    for value in values:
        alone.observe(value)
    samples = {
        name: [(one.labels, one.value) for one in metric.samples if not one.name.endswith("_created")]
        for metric in registry.collect()
        if (name := metric.name)
    }
    assert samples["together"] == samples["alone"]


def test_readiness_fails_first_while_requests_go_on_and_a_second_signal_ends_it_at_once(
    published: Path,
) -> None:
    with running(published, drain_seconds=30, grace_seconds=1) as program:
        with Load(program, 2) as load:
            program.process.send_signal(signal.SIGTERM)
            assert wait_for(program, 503).json()["problems"] == ["the server is about to stop"]
            answered = len(load.versions)
            wait_until(lambda: load.failures or len(load.versions) >= answered + 50)
        assert load.failures == []
        with half_sent(program.listen):  # whose body never comes
            assert program.stop() == 0


def test_a_request_is_one_json_line_without_what_was_sent(published: Path) -> None:
    with running(published, drain_seconds=30) as program:
        said = program.post("/predict", {"sex": "Zebra-1931"}, X_Request_Id="mine-1")
        good = program.post("/predict", BODIES[0])
        assert program.stop(signal.SIGINT) == 0  # at once: Ctrl-C does not drain
        text = program.log.read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    refused = next(line for line in lines if line["id"] == "mine-1")
    answered = next(line for line in lines if line["id"] == good.json()["id"])
    assert (refused["route"], refused["status"]) == ("/predict", said.status) == ("/predict", 422)
    assert answered["version"] == good.json()["version"]
    assert 0 < answered["model_ms"] <= answered["ms"]
    assert "Zebra" not in text


def test_good_requests_can_be_left_out_of_the_log_and_errors_cannot(published: Path) -> None:
    with running(published, log_sample=0.000001) as program:
        program.post("/predict", BODIES[0], X_Request_Id="good")
        program.post("/predict", b"{}", X_Request_Id="bad")
        program.stop()
        assert '"bad"' in program.log.read_text()
        assert '"good"' not in program.log.read_text()


def test_the_server_dies_with_its_launcher_and_the_next_one_clears_up(published: Path) -> None:
    with running(published) as program:
        workers = program.workers()
        [left] = Path("/dev/shm").glob(f"goldenpath-metrics-{program.process.pid}-*")
        program.process.kill()
        program.process.wait()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    with running(published):
        assert not left.exists()
