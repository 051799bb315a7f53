"""A stand-in of the Kubeflow Pipelines API: the calls that Elyra makes to submit, and the one that we make.

It is no Kubeflow: it stores what is uploaded, and its run goes through the states that a test hands it.
"""

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RUN = "3b1c7f6e-run"
NOW = "2026-11-21T20:00:00Z"


class Kubeflow(ThreadingHTTPServer):
    "What was asked of it, and what it will say."

    def __init__(self, states: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.states = states  # the next one for each question; the last one stays
        self.asked: list[tuple[str, str]] = []  # method and path
        self.uploaded = ""  # the compiled pipeline
        self.tokens: set[str] = set()
        self.codes: list[int] = []  # errors to answer with first

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def run(self) -> dict[str, Any]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        told: dict[str, Any] = {"run_id": RUN, "display_name": "train", "state": state, "created_at": NOW}
        if state == "FAILED":
            tasks = [
                {"display_name": "data", "state": "SUCCEEDED"},
                {"display_name": "train", "state": "FAILED"},
            ]
            told |= {"error": {"message": "OOMKilled"}, "run_details": {"task_details": tasks}}
        return told


class Handler(BaseHTTPRequestHandler):
    server: Kubeflow

    def log_message(self, format: str, *args: Any) -> None:
        "Nothing."

    def do_GET(self) -> None:
        path = self._note()
        if re.fullmatch(r"/apis/v2beta1/runs/[^/]+", path):
            if self.server.codes:
                self._say({"error": "not now"}, self.server.codes.pop(0))
            else:
                self._say(self.server.run())
        elif path == "/apis/v2beta1/healthz":
            self._say({"multi_user": False})
        elif path.endswith("/versions"):
            self._say({"pipeline_versions": [{"pipeline_id": "p1", "pipeline_version_id": "v1"}]})
        elif path.startswith("/apis/v2beta1/pipelines"):
            self._say({})
        elif path.startswith("/apis/v2beta1/experiments"):
            self._say({"experiments": [{"experiment_id": "e1", "display_name": "train", "created_at": NOW}]})
        else:
            self._say({"error": f"no {path} here"}, 404)

    def do_POST(self) -> None:
        path = self._note()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path.startswith("/apis/v2beta1/pipelines/upload"):
            self.server.uploaded = body.decode()
            self._say({"pipeline_id": "p1", "display_name": "train", "created_at": NOW})
        elif path == "/apis/v2beta1/runs":
            self._say({"run_id": RUN, "display_name": "train", "created_at": NOW})
        else:
            self._say({"experiment_id": "e1", "display_name": "train", "created_at": NOW})

    def _note(self) -> str:
        path = self.path.partition("?")[0]
        self.server.asked.append((self.command, path))
        self.server.tokens.add(self.headers.get("Authorization", ""))
        return path

    def _say(self, what: dict[str, Any], code: int = 200) -> None:
        body = json.dumps(what).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def kubeflow(*states: str) -> Iterator[Kubeflow]:
    "Yield a stand-in on a free loopback port, until the block ends."
    server = Kubeflow(list(states))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
