"""The measurements run and read what they measure; their full forms are slow."""

import math
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks import feedback, load, soak
from benchmarks.open_load import Generator, complete
from benchmarks.scenarios import Scenario
from benchmarks.soak import Happened, Seen, judge
from tests.helpers.begun_projects import FEW

SAID = """Running 2s test @ http://127.0.0.1:1/predict
  Latency Distribution
     50%  168.00us
     75%    1.02ms
     99%    4.97s 
  8170 requests in 2.00s, 1.43MB read
  Socket errors: connect 0, read 2, write 0, timeout 1
  Non-2xx or 3xx responses: 4
Requests/sec:   4083.84
"""


def test_what_wrk_says_is_read_as_seconds_and_counts() -> None:
    found = load.read(SAID)
    assert found == load.Load(rate=4083.84, p50=168e-6, p99=4.97, failed=7)


def test_a_soak_is_judged_by_failures_delays_and_memory() -> None:
    memory = [(float(second), 100) for second in range(1, 300)]
    told = Happened(changes=[(10.0, "b")], kills=[50.0], memory=memory)
    good = Seen(answers=[(9.0, "a"), (11.5, "a"), (12.5, "b")], failures=[(50.2, "reset")])
    assert judge(0.0, good, told, "w") == []
    late = Seen(answers=[(13.0, "a"), (14.0, "b")], failures=[(80.0, "500")])
    assert [one.split()[0] for one in judge(0.0, late, told, "w")] == ["1", "a"]
    grown = Happened(kills=[], memory=[(when, 100 + round(when)) for when, _ in memory])
    assert "memory grew" in judge(0.0, Seen(), grown, "w")[0]
    assert not math.isnan(soak.memory_of(told, 0.0)[0])


@pytest.mark.slow(seconds=80)
def test_a_short_soak_holds(tmp_path: Path) -> None:
    said: list[str] = []
    late = math.inf  # beside other tests
    assert soak.run(tmp_path, 50, said.append, within=late, **FEW) == [], said


class Server(ThreadingHTTPServer):
    "Answers at once, but for one request that stops all others."

    daemon_threads = True
    stall = 0.0  # seconds


class Constant(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    turn = threading.Lock()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.turn:
            pause, Server.stall = Server.stall, 0.0
            time.sleep(pause)
        self.send_response(200 if self.path == "/good" else 503)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *words: object) -> None:
        "Say nothing."


@pytest.fixture
def constant(tmp_path: Path) -> Iterator[str]:
    server = Server(("127.0.0.1", 0), Constant)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_late_answer_makes_those_late_that_should_have_been_sent_meanwhile(
    constant: str, tmp_path: Path
) -> None:
    bodies = load.write_bodies(tmp_path / "bodies", [{}, {"a": 1}])
    Server.stall = 0.2
    generator = Generator(f"{constant}/good", bodies)
    result = generator.run(rate=400, seconds=0.25)
    assert (len(generator.times), result.failed) == (100, 0)
    late = sum(seconds > 0.1 for seconds in generator.times)
    assert late >= 40, "only requests that had been sent were late"


def test_answers_that_are_not_good_are_counted_as_failed(constant: str, tmp_path: Path) -> None:
    bodies = load.write_bodies(tmp_path / "bodies", [{}])
    assert Generator(f"{constant}/bad", bodies).run(rate=200, seconds=0.25).failed == 50


@pytest.mark.parametrize(
    ("head", "rest", "whole"),
    [
        (b"content-length: 2\r\nx: y", b"{}", True),
        (b"content-length: 2", b"{", False),
        (b"transfer-encoding: chunked", b"2\r\n{}\r\n", False),
        (b"transfer-encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n", True),
    ],
)
def test_an_answer_is_complete_when_its_body_is(head: bytes, rest: bytes, whole: bool) -> None:
    assert complete(head, rest) == whole


def test_what_feedback_costs_is_judged_by_rate_and_memory(tmp_path: Path) -> None:
    scenario = Scenario("/predict", tmp_path, tmp_path, {})
    rates = {"off": 100.0, "counts": 98.0, "scores": 96.0, "records": 93.0}

    def verdict(changes: dict[str, float], memory: int) -> bool:
        loads = {
            mode: [load.Load(rate * turn, 1e-3, 2e-3, 0) for turn in (1, 2, 3)]
            for mode, rate in {**rates, **changes}.items()
        }
        return feedback.as_table(scenario, 16, loads, {**dict.fromkeys(rates, 0), "counts": memory})[1]

    assert verdict({}, 9_000_000)
    assert not verdict({}, 11_000_000)
    assert not verdict({"scores": 94.0}, 0)
