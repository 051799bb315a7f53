"""A keep-alive HTTP connection that costs next to nothing, so that what is measured is the server.

`http.client` takes about 100 us to build and parse a request, as much as the server that is measured; here
the request is bytes before the clock starts, and of the answer only the length is read.
"""

import math
import socket
import ssl
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import numpy as np

from goldenpath.errors import GoldenpathError
from goldenpath.measure.stopwatch import Seconds, time_calls

_CHUNK = 1 << 16  # bytes


class Reply(NamedTuple):
    status: int
    body: bytes


class NoAnswer(GoldenpathError):
    "The server closed the connection, or does not speak plain HTTP/1.1 with a length."


class Connection:
    "One connection to the server at `url` (http or https, with or without a path prefix)."

    def __init__(self, url: str, token: str = "", timeout: float = 10.0) -> None:  # seconds
        "Connect to the server. Raises OSError if nothing listens there."
        self._access = f"Authorization: Bearer {token}\r\n" if token else ""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._prefix = parts.path.rstrip("/")
        self._netloc = parts.netloc.rpartition("@")[2]
        plain = socket.create_connection((self._host, parts.port or (443 if secure else 80)), timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl.create_default_context() if secure else None
        self._socket = context.wrap_socket(plain, server_hostname=self._host) if context else plain

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        "Encode the whole request."
        head = (
            f"{method} {self._prefix}{path} HTTP/1.1\r\nHost: {self._netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{self._access}\r\n"
        )
        return head.encode() + body

    def exchange(self, request: bytes) -> Reply:
        "Send a request, wait for the whole answer. Raises NoAnswer, OSError."
        self._socket.sendall(request)
        data = self._socket.recv(_CHUNK)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        whole = end + 4 + _length(data[:end])
        while len(data) < whole:
            data += self._more()
        return Reply(int(data[9:12]), data[end + 4 :])

    def get(self, path: str) -> Reply:
        return self.exchange(self.request("GET", path))

    def post(self, path: str, body: bytes) -> Reply:
        return self.exchange(self.request("POST", path, body))

    def _more(self) -> bytes:
        data = self._socket.recv(_CHUNK)
        if not data:
            raise NoAnswer(f"{self._netloc} closed the connection before its answer was complete")
        return data


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    raise NoAnswer("the answer has no Content-Length, so its end is unknown")


def time_posts(
    line: Connection,
    paths: Sequence[str],
    bodies: Sequence[bytes],  # JSON; taken in this order, from the start again where they are too few
    count: int,  # requests measured on each path
    warm_up: int = 200,  # requests on each path before that, not measured
    block: int = 250,  # requests on one path before it is the other's turn
    within: float = math.inf,  # seconds that each path may take; the blocks of a slow one end early
) -> dict[str, Seconds]:  # (count,) by path, or fewer
    """Seconds of each request, one after another on one connection.

    The paths take turns, so that the machine's other work affects them alike. Raises NoAnswer where a
    reply is not 200, OSError.
    """
    requests = {path: [line.request("POST", path, body) for body in bodies] for path in paths}
    for path in paths:
        _exchange_all(line, requests[path], 0, warm_up, within / 10)
    seconds: dict[str, list[Seconds]] = {path: [] for path in paths}
    share = within / math.ceil(count / block)
    for start in range(0, count, block):
        for path in paths:
            size = min(block, count - start)
            seconds[path].append(_exchange_all(line, requests[path], start, size, share))
    return {path: np.concatenate(parts) for path, parts in seconds.items()}


def _exchange_all(
    line: Connection, requests: Sequence[bytes], start: int, count: int, within: float
) -> Seconds:
    statuses: list[int] = []
    mine = [requests[i % len(requests)] for i in range(start, start + count)]
    seconds = time_calls(lambda request: statuses.append(line.exchange(request).status), mine, within=within)
    if bad := next((status for status in statuses if status != 200), None):
        raise NoAnswer(f"a request was answered with status {bad}")
    return seconds
