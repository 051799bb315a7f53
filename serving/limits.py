"""No more requests at once than a worker can answer soon: the others are told to come back."""

from collections import deque

from flask import Flask, Response, g, request

from serving.replies import reply
from serving.tokens import OPEN

ALWAYS = {*OPEN, "metrics.show"}  # endpoints that must answer in any crowd
RETRY_SECONDS = "1"


class InFlight:
    "Places for requests; taking and giving back are single operations, so no lock is needed."

    def __init__(self, most: int) -> None:
        self._free = deque(range(most))
        self._most = most

    def __len__(self) -> int:
        return self._most - len(self._free)

    def install(self, app: Flask) -> None:
        "Answer 503 with Retry-After where no place is free."
        app.before_request(self._enter)
        app.teardown_request(self._leave)

    def _enter(self) -> Response | None:
        if request.endpoint in ALWAYS:
            return None
        try:
            g.place = self._free.pop()
        except IndexError:
            refusal = reply({"error": "too many requests at once; try again"}, 503)
            refusal.headers["Retry-After"] = RETRY_SECONDS
            return refusal
        return None

    def _leave(self, error: BaseException | None) -> None:
        place = g.pop("place", None)
        if place is not None:
            self._free.append(place)
