"""Send requests on a schedule, and time each from the moment at which it should have been sent.

A generator that waits for an answer before it sends the next request (wrk) hides what a stalled server does
to callers who do not wait for each other. Here a late answer makes the next ones late as well, as in wrk2.
`python -m benchmarks.open_load URL BODIES RATE SECONDS` prints what it measured as JSON.
"""

import json
import select
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.load import Load, pinned

CONNECTIONS = 64
PATIENCE = 30.0  # seconds after the last request until what is missing has failed
SPARE = 0.002  # seconds before the next request in which the generator waits without sleeping


def open_load(
    url: str,
    bodies: Path,  # one JSON text in each line, sent in turn
    rate: float,  # requests/s
    seconds: float,
) -> Load:
    "Send requests at this rate, from the second core."
    words = [sys.executable, "-m", __name__, url, str(bodies), str(rate), str(seconds)]
    done = subprocess.run([*pinned(1), *words], capture_output=True, text=True, check=True)
    return Load(**json.loads(done.stdout))


@dataclass(eq=False)
class Connection:
    "A connection that is kept open, and the request that it waits for."

    socket: socket.socket
    due: float = 0.0  # when its request should have been sent
    received: bytearray = field(default_factory=bytearray)

    def answered(self) -> int:  # status; 0 if more is to come, -1 if the connection is gone
        "Read what is there."
        try:
            piece = self.socket.recv(65_536)
        except OSError:
            return -1
        self.received += piece
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if not piece:
            return -1
        if not end or not complete(bytes(head).lower(), rest):
            return 0
        status = int(head[9:12])
        self.received.clear()
        return status


def request(head: str, body: bytes) -> bytes:
    "Put a request together."
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def complete(head: bytes, rest: bytes | bytearray) -> bool:
    "Check that a whole body follows these headers, which are in lower case."
    _, named, length = head.partition(b"content-length:")
    return len(rest) >= int(length.split(b"\r\n")[0]) if named else rest.endswith(b"0\r\n\r\n")


class Generator:
    "One thread that sends and receives on all connections."

    def __init__(self, url: str, bodies: Path) -> None:
        parts = urlsplit(url)
        head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        texts = bodies.read_bytes().splitlines()
        self._requests = cycle([request(head, text) for text in texts])
        self._address = (parts.hostname, parts.port)
        self._poll = select.epoll()
        self._idle: deque[Connection] = deque()
        self._open: dict[int, Connection] = {}
        self._busy = 0
        self.times: list[float] = []  # seconds from when a request was due to its answer
        self.failed = 0
        for _ in range(CONNECTIONS):
            self._connect()

    def _connect(self) -> None:
        connection = Connection(socket.create_connection(self._address))
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll.register(connection.socket, select.EPOLLIN)
        self._open[connection.socket.fileno()] = connection
        self._idle.append(connection)

    def run(self, rate: float, seconds: float) -> Load:
        "Send until the time is over, and wait for the last answers."
        count, began, sent = round(rate * seconds), time.perf_counter(), 0
        while sent < count or (self._busy and time.perf_counter() < began + seconds + PATIENCE):
            while sent < count and self._idle and (due := began + sent / rate) <= time.perf_counter():
                self._send(due)
                sent += 1
            soon = sent < count and began + sent / rate - time.perf_counter() < SPARE
            self._receive(0 if soon else SPARE / 2)
        took = time.perf_counter() - began
        for connection in self._open.values():
            connection.socket.close()
        self._poll.close()
        times = sorted(self.times) or [float("inf")]
        p50, p99 = (times[int(share * len(times))] for share in (0.5, 0.99))
        return Load(len(self.times) / took, p50, p99, self.failed + self._busy)

    def _send(self, due: float) -> None:
        connection = self._idle.popleft()
        connection.due = due
        connection.socket.sendall(next(self._requests))
        self._busy += 1

    def _receive(self, patience: float) -> None:
        for number, _ in self._poll.poll(patience):
            connection = self._open[number]
            status = connection.answered()
            if status < 0 and connection in self._idle:  # closed by the server while nothing was asked
                self._idle.remove(connection)
                self._replace(connection)
            elif status:
                self._note(connection, status)

    def _note(self, connection: Connection, status: int) -> None:
        self._busy -= 1
        if status == 200:
            self.times.append(time.perf_counter() - connection.due)
        else:
            self.failed += 1
        if status > 0:
            self._idle.append(connection)
        else:
            self._replace(connection)

    def _replace(self, connection: Connection) -> None:
        self._poll.unregister(connection.socket)
        del self._open[connection.socket.fileno()]
        connection.socket.close()
        self._connect()


if __name__ == "__main__":
    url, bodies, rate, seconds = sys.argv[1:]
    print(json.dumps(asdict(Generator(url, Path(bodies)).run(float(rate), float(seconds)))))
