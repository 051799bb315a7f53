"""Start the real server as a program on a free loopback address, and end it."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from goldenpath import programs
from tests.helpers.patience import LONG, wait_until
from tests.helpers.project import PROJECT


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Program:
    "A running server."

    def __init__(self, process: subprocess.Popen[bytes], listen: str, log: Path) -> None:
        self.process = process
        self.listen = listen
        self.url = f"http://{listen}"
        self.log = log

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        "One request on a connection of its own; a body that is not bytes is sent as JSON."
        connection = http.client.HTTPConnection(self.listen, timeout=LONG)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            names.setdefault("Content-Type", "application/json")
        with contextlib.closing(connection):
            connection.request(method, path, body, names)
            reply = connection.getresponse()
            return Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)

    def workers(self) -> list[int]:
        "Process ids of the workers."
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in found]

    def stop(self, how: int = signal.SIGTERM) -> int:
        "End the program; its exit code."
        self.process.send_signal(how)
        return self.process.wait(LONG)


def free_address() -> str:
    "Return a loopback address that nobody listens on."
    return f"127.0.0.1:{programs.free_ports(1)[0]}"


@contextlib.contextmanager
def running(
    home: Path,
    *options: str,
    ready: bool = True,  # wait until it is
    without: str = "",  # a package that the program shall not find
    python: str | Path = sys.executable,  # the interpreter that runs it
    project: Path = PROJECT,  # the folder whose code is served
    **settings: object,
) -> Iterator[Program]:
    "`python -m serving` on this home, from its first answer until the end of the block."
    listen = free_address()
    variables = {f"GOLDENPATH_{key.upper()}": str(value) for key, value in settings.items()}
    environ = {**os.environ, "GOLDENPATH_HOME": str(home), **variables}
    if without:
        hider = home / f"without-{without}"
        hider.mkdir(exist_ok=True)
        (hider / "sitecustomize.py").write_text(f"import sys\nsys.modules[{without!r}] = None\n")
        environ["PYTHONPATH"] = str(hider)
    log = home / f"server-{listen.rpartition(':')[2]}.log"
    with log.open("wb") as out:
        command = [python, "-m", "serving", "--listen", listen, *options]
        with programs.running(command, project, environ, out) as process:
            program = Program(process, listen, log)
            wait_for(program, 200 if ready else None)
            yield program


def wait_for(program: Program, status: int | None) -> Answer:
    "Ask whether it is ready until the answer has this status (None: any answer at all)."

    def look() -> Answer | None:
        assert program.process.poll() is None, f"the server ended: {program.log.read_text()}"
        with contextlib.suppress(OSError, http.client.HTTPException):
            answer = program.get("/health/ready")
            return answer if status in (None, answer.status) else None
        return None

    return wait_until(look, lambda: f"status {status}: {program.log.read_text()}")
