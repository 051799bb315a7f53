"""Who may ask, how much, how often: tokens, limits, headers, origins."""

import hashlib
import http.client
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from goldenpath.errors import BadInput
from serving.guards import OPEN, InFlight
from serving.launcher import check_access
from tests.helpers.patience import LONG, wait_until
from tests.helpers.serving_app import client, settings_of
from tests.helpers.serving_fixtures import records
from tests.helpers.serving_program import Program, running

RECORD = records(1, 7)[0]
TOKEN = "correct-horse-battery"


def token_file(folder: Path, *tokens: str) -> Path:
    path = folder / "tokens"
    path.write_text("".join(f"{hashlib.sha256(t.encode()).hexdigest()}  -  # {len(t)}\n" for t in tokens))
    return path


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_every_route_but_the_probes_asks_for_a_token(published: Path, tmp_path: Path) -> None:
    asking = client(published, tokens_file=str(token_file(tmp_path, TOKEN)), metrics=True)
    rules = [rule for rule in asking.application.url_map.iter_rules() if rule.endpoint not in OPEN]
    assert len(rules) >= 8
    for rule in rules:
        for method in (rule.methods or set()) - {"OPTIONS"}:
            address = re.sub(r"<[^>]+>", "x", rule.rule)
            answer = asking.open(address, method=method)
            assert answer.status_code == 401, f"{method} {address}"
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            if method != "HEAD":
                assert "token" in answer.json["error"]
    assert asking.get("/nowhere").status_code == 401


def test_a_known_token_opens_and_a_wrong_one_does_not(published: Path, tmp_path: Path) -> None:
    asking = client(published, tokens_file=str(token_file(tmp_path, "another", TOKEN)))
    assert asking.post("/predict", json=RECORD, headers=bearer(TOKEN)).status_code == 200
    assert asking.post("/predict", json=RECORD, headers=bearer(TOKEN + "x")).status_code == 401
    assert asking.post("/predict", json=RECORD, headers={"Authorization": TOKEN}).status_code == 401


def test_a_probe_without_a_token_learns_yes_or_no_and_nothing_else(published: Path, tmp_path: Path) -> None:
    asking = client(published, tokens_file=str(token_file(tmp_path, TOKEN)))
    assert set(asking.get("/health/ready").json) == {"id", "ready"}
    assert "version" in asking.get("/health/ready", headers=bearer(TOKEN)).json


def test_probes_and_metrics_need_no_place_and_probes_no_token(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.guards.InFlight", lambda most: InFlight(0))
    asking = client(published, tokens_file=str(token_file(tmp_path, TOKEN)), metrics=True)
    assert asking.get("/v2", headers=bearer(TOKEN)).status_code == 503
    assert asking.get("/v2").status_code == 401
    assert asking.get("/metrics", headers=bearer(TOKEN)).status_code == 200
    assert asking.get("/health/live").json["live"]
    assert asking.get("/health/ready").json["ready"]
    assert asking.get("/v2/health/live").json == {"live": True}
    assert asking.get("/v2/health/ready").json == {"ready": True}


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.1.2.3", "myhost"])
def test_it_listens_beyond_this_machine_only_behind_tokens_or_a_login(address: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"all users could reach .* set `tokens_file`"):
        check_access(settings_of(tmp_path), address)
    check_access(settings_of(tmp_path, behind_login=True), address)
    check_access(settings_of(tmp_path, tokens_file="tokens"), address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_token(address: str, tmp_path: Path) -> None:
    check_access(settings_of(tmp_path), address)


def test_places_are_given_back_after_good_and_bad_requests(published: Path) -> None:
    asking = client(published, max_in_flight=1)
    for _ in range(3):
        assert asking.post("/predict", json=RECORD).status_code == 200
        assert asking.post("/predict", json={}).status_code == 422
        assert asking.get("/nowhere").status_code == 404


def test_in_flight_counts_places_taken() -> None:
    from flask import Flask

    app, places = Flask("a test"), InFlight(2)
    places.install(app)
    app.add_url_rule("/", view_func=lambda: str(len(places)))
    assert app.test_client().get("/").text == "1"
    assert len(places) == 0


def test_the_page_may_load_only_what_is_here_and_nobody_may_frame_it(published: Path) -> None:
    headers = client(published).get("/").headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    with client(published).get("/static/page.js") as script:
        assert script.headers["X-Content-Type-Options"] == "nosniff"


def test_no_other_origin_may_call_unless_it_is_named(published: Path, tmp_path: Path) -> None:
    theirs = {"Origin": "https://portal.example.org"}
    assert "Access-Control-Allow-Origin" not in client(published).get("/model", headers=theirs).headers
    tokens = str(token_file(tmp_path, TOKEN))
    asking = client(
        published, cors_origins="https://portal.example.org, https://b.example.org", tokens_file=tokens
    )
    preflight = asking.options("/predict", headers={**theirs, "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 204
    assert "Content-Type" in preflight.headers["Access-Control-Allow-Headers"]
    answer = asking.get("/model", headers={**theirs, **bearer(TOKEN)})
    assert answer.headers["Access-Control-Allow-Origin"] == theirs["Origin"]
    assert answer.headers["Access-Control-Expose-Headers"] == "X-Request-Id"
    stranger = asking.get("/model", headers={"Origin": "https://evil.example.org", **bearer(TOKEN)})
    assert "Access-Control-Allow-Origin" not in stranger.headers


def test_a_batch_that_is_too_long_is_refused(published: Path) -> None:
    answer = client(published, max_batch=2).post("/predict/batch", json=[RECORD] * 3)
    assert answer.status_code == 400
    assert "3 records in one batch; at most 2" in answer.json["error"]


@pytest.fixture(scope="module")
def small(published: Path) -> Iterator[Program]:
    "Yield a server with three places."
    with running(published, max_in_flight=3, max_body=5000) as program:
        yield program


def connected(listen: str) -> socket.socket:
    address, _, port = listen.rpartition(":")
    return socket.create_connection((address, int(port)), timeout=LONG)


def half_sent(listen: str) -> socket.socket:
    "Return a request whose body is being read and never arrives in full."
    connection = connected(listen)
    head = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
    connection.sendall(head.encode() + b"Expect: 100-continue\r\n\r\n")
    assert connection.recv(100).startswith(b"HTTP/1.1 100")  # sent when the application asks for the body
    connection.sendall(b"{")
    return connection


def test_slow_callers_do_not_stop_the_others_until_all_places_are_taken(small: Program) -> None:
    slow = [half_sent(small.listen) for _ in range(2)]
    assert small.post("/predict", RECORD).status == 200
    slow.append(half_sent(small.listen))
    crowded = small.post("/predict", RECORD)
    assert crowded.status == 503
    assert crowded.headers["retry-after"] == "1"
    assert small.get("/health/live").status == 200
    for connection in slow:
        connection.close()
    wait_until(lambda: small.post("/predict", RECORD).status == 200)


def test_idle_connections_keep_nobody_out(small: Program) -> None:
    idle = []
    for _ in range(300):
        connection = http.client.HTTPConnection(small.listen, timeout=LONG)
        connection.request("GET", "/health/live")
        assert connection.getresponse().read()
        idle.append(connection)
    assert small.post("/predict", RECORD).status == 200
    for connection in idle:
        connection.close()


def test_a_body_of_unknown_length_is_measured_while_it_is_read(small: Program) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    pieces = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    with connected(small.listen) as connection:  # all at once: the server hangs up before the end
        connection.sendall(head + b"Content-Type: application/json\r\n\r\n" + pieces * 20 + b"0\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_headers_that_are_too_large_are_refused(small: Program) -> None:
    assert small.get("/model", X_Long="y" * 60_000).status in (400, 431)


def test_a_fault_is_logged_under_the_id_that_the_answer_names(
    published: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise ValueError("Zebra-1931")

    monkeypatch.setattr("serving.routes.about.describe_model", fail)
    answer = client(published).get("/model", headers={"X-Request-Id": "mine-1"})
    assert (answer.status_code, answer.json["id"]) == (500, "mine-1")
    [said] = [record.message for record in caplog.records]
    assert said.startswith("request mine-1: ValueError at ")
    assert "Zebra" not in said
