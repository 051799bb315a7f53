"""The lane of the ordinary request: it answers a plain `POST /predict`, and Flask answers everything else.

Setting up and taking down a request of its own is four fifths of what Flask takes for an answer. Everything
out of the ordinary goes through Flask, with its body unread if the headers show it, so that each error has
one place. Both ways call the same functions; the setting `lane = no` takes this one out.
"""

import io
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from serving.http import JSON, plain_length, read_body
from serving.state import State
from serving.trace import HEADER, TRACE, Trace

Environ: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environ, Any], Iterable[bytes]]

LONGEST = 65_536  # bytes of a body; the contract looks through a longer one before it checks it


class Lane:
    "WSGI middleware in front of Flask: `app.wsgi_app = Lane(app.wsgi_app, state)`."

    def __init__(self, flask: Application, state: State) -> None:
        self._flask, self._state = flask, state
        self._longest = min(state.settings.max_body, LONGEST)

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        "Answer, or hand over to Flask: before the body is read, or with what went wrong."
        state, guards = self._state, self._state.guards
        length = self._length(environ)
        if length < 0 or not guards.known(environ):
            return self._flask(environ, start_response)
        place = guards.in_flight.take()
        if place is None:
            return self._flask(environ, start_response)
        noted = state.traces.begin(environ)
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
        state.traces.end(noted, "POST", "/predict", 200)
        start_response("200 OK", [*headers, (HEADER, noted.id)])
        return [answer]

    def _length(self, environ: Environ) -> int:  # bytes of the body; -1 where the request is not ordinary
        if (
            environ["PATH_INFO"] != "/predict"
            or environ["REQUEST_METHOD"] != "POST"
            or environ.get("CONTENT_TYPE") != JSON
            or environ.get("QUERY_STRING")
            or "HTTP_CONTENT_ENCODING" in environ
        ):
            return -1
        return plain_length(environ, self._longest)

    def _answer(self, environ: Environ, length: int, noted: Trace) -> bytes | None:
        "Return the answer; None if the trace now holds the fault, or if a short body was put back."
        try:
            body = read_body(environ["wsgi.input"], length)
            if len(body) == length:
                return self._state.predict(body, environ, noted)
        except Exception as fault:  # of any kind: the route raises it again, and Flask answers it
            noted.fault = fault
        else:
            environ["wsgi.input"] = io.BytesIO(body)
        return None
