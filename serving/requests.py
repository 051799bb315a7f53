"""Every request has an id, from the caller or from us, and every answer carries it."""

import itertools
import os
import re
import time
from typing import Any

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


def install(app: Flask) -> None:
    "Number the requests of one worker; its random prefix keeps them apart from those of others."
    prefix = os.urandom(5).hex()
    numbers = itertools.count(1)

    def begin() -> None:
        sent = request.environ.get("HTTP_X_REQUEST_ID", "")
        g.trace = Trace(sent if ALLOWED.fullmatch(sent) else f"{prefix}-{next(numbers):x}")

    def end(response: Response) -> Response:
        response.headers[HEADER] = g.trace.id
        return response

    app.before_request(begin)
    app.after_request(end)


def trace() -> Trace:
    "The request that is being answered."
    found: Any = g.trace
    assert isinstance(found, Trace)
    return found
