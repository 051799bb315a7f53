"""Every request has an id, from the caller or from us; every answer carries it; and what it took is noted."""

import itertools
import os
import re
import time
from collections.abc import Callable
from typing import NamedTuple, cast

from flask import Flask, Response, g, request

HEADER = "X-Request-Id"
ALLOWED = re.compile(r"[\w.:-]{1,64}", re.ASCII)


class Trace:
    "What is known of one request while it runs."

    __slots__ = ("id", "model_seconds", "start", "version")

    def __init__(self, name: str) -> None:
        self.id = name
        self.start = time.perf_counter()
        self.model_seconds: float | None = None  # None: no model was called
        self.version = ""


class Exchange(NamedTuple):
    "One request when it is over; holds nothing that was submitted but a harmless id."

    ended: float  # seconds since 1970
    id: str
    method: str
    route: str
    status: int
    seconds: float
    model_seconds: float | None
    version: str


def install(app: Flask, sinks: list[Callable[[Exchange], None]]) -> None:
    "Assign an id to each request of one worker; a random prefix separates them from those of others."
    prefix = os.urandom(5).hex()
    numbers = itertools.count(1)

    def begin() -> None:
        sent = request.environ.get("HTTP_X_REQUEST_ID", "")
        taken = sent and ALLOWED.fullmatch(sent)
        g.trace = Trace(sent if taken else f"{prefix}-{next(numbers):x}")

    def end(response: Response) -> Response:
        noted = trace()
        response.headers[HEADER] = noted.id
        if sinks:
            exchange = _exchange(noted, response.status_code)
            for sink in sinks:
                sink(exchange)
        return response

    app.before_request(begin)
    app.after_request(end)


def _exchange(noted: Trace, status: int) -> Exchange:
    rule = request.url_rule
    seconds = time.perf_counter() - noted.start
    route = rule.rule if rule else "unknown"
    return Exchange(
        time.time(), noted.id, request.method, route, status, seconds, noted.model_seconds, noted.version
    )


def trace() -> Trace:
    "Return the current request."
    return cast(Trace, g.trace)
