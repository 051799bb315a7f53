"""A real MLflow server on the loopback, and MLflow's own client, in an environment made by a lock."""

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from goldenpath.measure.environments import isolated_python
from goldenpath.programs import free_ports, running
from tests.helpers.patience import LONG, wait_until
from tests.helpers.project import PROJECT

# The current version; with MLFLOW_TESTED=3.15 that of the stock images.
VERSION = os.environ.get("MLFLOW_TESTED", "")
LOCK = PROJECT / "tests" / "tracking" / (f"mlflow-{VERSION}.lock" if VERSION else "mlflow.lock")
# A busy machine may need longer than a step waits; what the limits do is tested by servers that never answer.
PATIENT = """
import sys
from goldenpath.tracking import within
within._PROBING = 60.0
within.call_within.__kwdefaults__["seconds"] = 60.0
"""
COMMAND = PATIENT + "from goldenpath.cli import main; main(sys.argv[1:])"
STEP = (
    PATIENT
    + """
from goldenpath import open_step
with open_step("02_data", limit=7) as step:
    if sys.argv[1:]:
        raise ValueError(sys.argv[1])
"""
)


def mlflow_python() -> Path:
    "Return the interpreter of an environment with MLflow, made on first use."
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:8]
    return isolated_python(f"mlflow-{digest}", "--require-hashes", "-r", str(LOCK))


@dataclass(frozen=True)
class MlflowServer:
    "A server, or an address at which there is none."

    python: Path
    uri: str
    log: Path | None = None

    def call(
        self, home: Path, *words: str, code: str = COMMAND, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        "Run code of the project with this home beside MLflow's client."
        named = {"MLFLOW_TRACKING_URI": self.uri, "GOLDENPATH_HOME": str(home), "PYTHONPATH": str(PROJECT)}
        return self._run(["-c", code, *words], {**named, "GOLDENPATH_USER": "ada", **variables}, home)

    def all(self) -> dict[str, Any]:
        "Return what MLflow's client finds."
        return self._asked("all")

    def answers(self, uri: str, records: list[dict[str, Any]], scratch: Path) -> dict[str, list[Any]]:
        "Load a model by MLflow's client alone, without the project, and ask it."
        file = scratch / "records.json"
        file.write_text(json.dumps(records))
        return self._asked("predict", uri, str(file))

    def _asked(self, *words: str) -> dict[str, Any]:
        script = str(PROJECT / "tests" / "helpers" / "ask_mlflow.py")
        done = self._run(
            [script, *words], {"MLFLOW_TRACKING_URI": self.uri}, Path(script).parents[2] / "docs"
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout.rpartition("ANSWER ")[2]))

    def _run(
        self, words: list[str], variables: dict[str, str], folder: Path
    ) -> subprocess.CompletedProcess[str]:
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
        command = [str(self.python), *words]
        return subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, timeout=5 * LONG, check=False
        )


@contextmanager
def running_mlflow(folder: Path, *options: str) -> Iterator[MlflowServer]:
    "Start a server with a database in this folder."
    python, log = mlflow_python(), folder / "mlflow.log"
    port = free_ports(1)[0]
    command = [python, "-m", "mlflow", "server", "--port", str(port), "--workers", "1", *options]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        folder / "files",
    ]
    server = MlflowServer(python, f"http://127.0.0.1:{port}", log)
    fewer = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (
        log.open("wb") as output,
        running([*map(str, command)], folder, os.environ | fewer, output) as process,
    ):
        try:
            wait_until(lambda: _answers(server.uri), log.read_text)
            yield server
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # it would take its time to end


class _Answer(BaseHTTPRequestHandler):
    "Remembers the headers, and answers with the server's code; with 0 it answers only a first HEAD."

    server: "AnsweringServer"

    def do_GET(self) -> None:
        self.server.headers_sent.append(self.headers)
        if self.command != "HEAD" and not self.server.code:
            self.server.over.wait()
            return
        self.send_response(self.server.code or 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_HEAD = do_GET

    def log_message(self, *words: Any) -> None: ...


class AnsweringServer(ThreadingHTTPServer):
    "A server that is no MLflow."

    def __init__(self, code: int) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.code, self.headers_sent, self.over = code, list[Any](), Event()


@contextmanager
def answering(code: int, headers: list[Any] | None = None) -> Iterator[str]:
    "Answer every request with this code; the address. What is sent goes to `headers`."
    with AnsweringServer(code) as server:
        server.headers_sent = server.headers_sent if headers is None else headers
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.over.set()
        server.shutdown()


def _answers(uri: str) -> bool:
    try:
        with urlopen(f"{uri}/health", timeout=5):
            return True
    except (URLError, OSError):
        return False
