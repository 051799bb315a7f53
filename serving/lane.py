"""The lane of the ordinary request: it answers a plain `POST /predict`, and Flask answers everything else.

Setting up and taking down a request of its own is four fifths of what Flask takes for an answer. Everything
out of the ordinary goes through Flask, with its body unread if the headers show it, so that each error has
one place. Both ways call the same functions; the setting `lane = no` takes this one out.
"""

import io
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from flask import Flask

from serving.http import JSON, plain_length, read_body
from serving.state import State
from serving.trace import HEADER, TRACE, Trace, trace

Environ: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environ, Any], Iterable[bytes]]


def add_lane(app: Flask, state: State) -> None:
    "Put the lane in front of an application, which answers with the faults that it met."
    app.wsgi_app = Lane(app.wsgi_app, state)  # type: ignore[method-assign]  # the place that Flask documents
    app.before_request(raise_fault)


def raise_fault() -> None:
    "Raise what kept the lane from answering, after the guards and in place of the route."
    noted = trace()
    fault, noted.fault = noted.fault, None  # not to stay: its traceback holds the body, and this trace
    if fault:
        try:
            raise fault
        finally:
            del fault


class Lane:
    "WSGI middleware that answers with what the routes of the same addresses call."

    def __init__(self, flask: Application, state: State) -> None:
        self._flask, self._state = flask, state
        self._most = state.settings.max_body
        self._answers = {"/predict": state.predict, "/predict/batch": state.predict_batch}

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        "Answer, or hand over to Flask: before the body is read, or with what went wrong."
        guards, traces = self._state.guards, self._state.traces
        length = self._length(environ)
        if length < 0 or not guards.known(environ) or (place := guards.in_flight.take()) is None:
            return self._flask(environ, start_response)
        noted = traces.begin(environ)
        try:
            answer = self._answer(environ, length, noted)
        finally:
            guards.in_flight.give_back(place)
        if answer is None:
            environ[TRACE] = noted
            return self._flask(environ, start_response)
        headers = [("Content-Type", JSON), ("Content-Length", str(len(answer)))]
        if guards.origins is not None:
            headers += guards.origins.headers(environ.get("HTTP_ORIGIN"))
        traces.end(noted, "POST", environ["PATH_INFO"], 200)
        start_response("200 OK", [*headers, (HEADER, noted.id)])
        return [answer]

    def _length(self, environ: Environ) -> int:  # bytes of the body; -1 if the request is not ordinary
        if (
            environ["PATH_INFO"] not in self._answers
            or environ["REQUEST_METHOD"] != "POST"
            or environ.get("CONTENT_TYPE") != JSON
            or environ.get("QUERY_STRING")
            or "HTTP_CONTENT_ENCODING" in environ
        ):
            return -1
        return plain_length(environ, self._most)

    def _answer(self, environ: Environ, length: int, noted: Trace) -> bytes | None:
        "Return the answer; None if the trace now holds the fault, or if a short body was put back."
        try:
            body = read_body(environ["wsgi.input"], length)
            if len(body) == length:
                return self._answers[environ["PATH_INFO"]](body, environ, noted)
        except Exception as fault:  # of any kind: Flask has an answer to each
            noted.fault = fault
        else:
            environ["wsgi.input"] = io.BytesIO(body)
        return None
