"""Every request has an id, from the caller or from us; every answer carries it; and what it took is noted."""

import itertools
import os
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from flask import Flask, Response, g, request

from goldenpath.errors import GoldenpathError, NoModel
from goldenpath.schema.contract import Broken, Malformed

HEADER = "X-Request-Id"
ALLOWED = re.compile(r"[\w.:-]{1,64}", re.ASCII)
TRACE = "goldenpath.trace"  # key in the WSGI environment of the trace that the lane began


class Trace:
    "What is known of one request while it runs."

    __slots__ = ("fault", "id", "key", "model_seconds", "reasons", "start", "version")

    def __init__(self, name: str) -> None:
        self.id = name
        self.start = time.perf_counter()
        self.model_seconds: float | None = None  # None: no model was called
        self.version = ""
        self.key = ""  # as JSON: whom the record was about, if the contract's author wants it in the log
        self.reasons: tuple[str, ...] = ()  # why it was refused: fields or kinds of problems, never a value
        self.fault: Exception | None = None  # why the lane could not answer; its route raises it


class Exchange(NamedTuple):
    "One request when it is over; of what was submitted it holds a harmless id, and a key if that is wanted."

    ended: float  # seconds since 1970
    id: str
    method: str
    route: str
    status: int
    seconds: float
    model_seconds: float | None
    version: str
    key: str = ""  # as JSON


class Traces:
    "The ids of one worker's requests, with a random prefix of its own, and the sinks of what they took."

    def __init__(
        self,
        sinks: Sequence[Callable[[Exchange], None]],
        refused: Callable[[str, int, tuple[str, ...]], None] | None = None,  # gets route, status and reasons
    ) -> None:
        self._sinks, self._refused = sinks, refused
        self._prefix = os.urandom(5).hex()
        self._numbers = itertools.count(1)

    def begin(self, environ: dict[str, Any]) -> Trace:
        "Name a request as its caller did, if the name is harmless."
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        taken = sent and ALLOWED.fullmatch(sent)
        return Trace(sent if taken else f"{self._prefix}-{next(self._numbers):x}")

    def end(self, noted: Trace, method: str, route: str, status: int) -> None:
        "Tell log and metrics of a request that is over."
        if not self._sinks:
            return
        now, seconds = time.time(), time.perf_counter() - noted.start
        exchange = Exchange(
            now, noted.id, method, route, status, seconds, noted.model_seconds, noted.version, noted.key
        )
        for sink in self._sinks:
            sink(exchange)

    def install(self, app: Flask) -> None:
        "Do both for every request that Flask answers."

        def begin() -> None:
            g.trace = request.environ.get(TRACE) or self.begin(request.environ)

        def end(response: Response) -> Response:
            response.headers[HEADER] = trace().id
            rule = request.url_rule
            route = rule.rule if rule else "unknown"
            if self._refused and response.status_code >= 400:
                self._refused(route, response.status_code, trace().reasons)
            self.end(trace(), request.method, route, response.status_code)
            return response

        app.before_request(begin)
        app.after_request(end)


def trace() -> Trace:
    "Return the current request."
    return cast(Trace, g.trace)


def note_refusal(error: GoldenpathError) -> None:
    "Note why the current request is refused, without any word of its caller."
    if isinstance(error, Broken):
        trace().reasons = tuple({problem.field or "(unknown field)" for problem in error.problems})
    elif isinstance(error, Malformed):
        trace().reasons = ("(malformed)",)
    elif isinstance(error, NoModel):
        trace().reasons = ("(no model)",)
