"""The time of a request to a real server: the deployed one, or one that is started here and stopped again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from goldenpath.errors import GoldenpathError
from goldenpath.measure.http_client import Connection, time_posts
from goldenpath.measure.server import NoServer, running_server
from goldenpath.measure.stopwatch import cut_short, latency, once
from goldenpath.records import Latency
from goldenpath.settings import Settings

_KEYS = ("first_request_s", "http_s", "http_floor_s", "http_bare_s")

LANE = "http_s: answered in front of Flask; lane = no measures it through Flask"
NO_LANE = "http_s: answered through Flask (lane = no)"


@dataclass(frozen=True)
class EndpointTimes:
    "Times over HTTP in seconds, or in `notes` why there are none."

    first: float | None = None
    one: Latency | None = None
    floor: Latency | None = None
    bare: Latency | None = None
    notes: tuple[str, ...] = ()


def time_endpoint(
    settings: Settings,
    version: str,
    bodies: Sequence[bytes],  # JSON, one record each
    requests: int,
    within: float,  # seconds for each route
) -> EndpointTimes:
    "Time `/predict` and `/floor` of the server at `server_url`, else of one started here, and a bare one."
    try:
        if settings.server_url:
            return _deployed(settings, version, bodies, requests, within)
        return _started_here(settings, version, bodies, requests, within)
    except (OSError, GoldenpathError) as error:
        return EndpointTimes(notes=tuple(f"{key}: {error}" for key in _KEYS))


def _started_here(
    settings: Settings, version: str, bodies: Sequence[bytes], requests: int, within: float
) -> EndpointTimes:
    memo = (
        f"remembers up to {settings.memo:,} answers" if settings.memo else "remembers no answers (memo = 0)"
    )
    with running_server(settings, version) as server:
        first = once(lambda: _answer(server.url, "", bodies[0]))
        notes = f"the server was ready {server.seconds:.2f} s after its start; one worker", f"it {memo}"
        with Connection(server.url) as line:
            times = _in_turns(line, bodies, requests, within, first, notes)
    with running_server(settings, "", None, "--bare") as server, Connection(server.url) as line:
        bare = time_posts(line, ("/",), bodies, requests, within=within)["/"]
    return replace(times, bare=latency(bare), notes=(*times.notes, LANE if settings.lane else NO_LANE))


def _deployed(
    settings: Settings, version: str, bodies: Sequence[bytes], requests: int, within: float
) -> EndpointTimes:
    url, token = settings.server_url, settings.server_token
    answers_with = _answer(url, token, bodies[0]).get("version")
    if answers_with != version:
        raise NoServer(f"{url} answers with {answers_with}, not with {version}")
    notes = (
        "first_request_s: the deployed server had been started before",
        "http_bare_s: a deployed server has no bare floor",
        f"measured against {url}, network included",
    )
    with Connection(url, token) as line:
        return _in_turns(line, bodies, requests, within, None, notes)


def _answer(url: str, token: str, body: bytes) -> dict[str, Any]:
    "Send one request on a connection of its own. Raises NoServer if it is refused, or is not a prediction."
    with Connection(url, token) as line:
        reply = line.post("/predict", body)
    if reply.status != 200:
        raise NoServer(f"{url}/predict answered with status {reply.status}")
    try:
        answer = json.loads(reply.body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):  # as the page of a login in front of the server
        raise NoServer(f"{url}/predict answered with something else than a prediction; see server_url")
    return answer


def _in_turns(
    line: Connection,
    bodies: Sequence[bytes],
    requests: int,
    within: float,
    first: float | None,
    notes: tuple[str, ...],
) -> EndpointTimes:
    timed = time_posts(line, ("/predict", "/floor"), bodies, requests, within=within)
    few = cut_short("http_s", timed["/predict"], requests)
    return EndpointTimes(first, latency(timed["/predict"]), latency(timed["/floor"]), None, (*notes, *few))
