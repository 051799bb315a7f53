"""The floor of every WSGI application on this web server: the body is read, a constant answered.

`python -m benchmarks.bare HOST:PORT`
"""

import sys
from collections.abc import Iterable
from typing import Any

from granian.constants import Interfaces
from granian.server import Server

from goldenpath.settings import load_settings
from serving.launcher import SPARE_THREADS

ANSWER = b'{"floor":true}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(ANSWER)))]


def bare(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    "Read the body and answer a constant."
    environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", HEADERS)
    return [ANSWER]


if __name__ == "__main__":
    host, _, port = sys.argv[1].rpartition(":")
    threads = load_settings().max_in_flight + SPARE_THREADS  # as many as our own server has
    served = Server("bare", host, int(port), interface=Interfaces.WSGI, blocking_threads=threads)
    served.serve(target_loader=lambda: bare, wrap_loader=False)
