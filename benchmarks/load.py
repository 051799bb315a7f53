"""Start a server on one core, load it from another, and read what came of it."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from goldenpath.errors import BadInput
from goldenpath.programs import Program, free_ports, running

SCRIPT = Path(__file__).with_name("bodies.lua")
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
PATIENCE = 120.0  # seconds until a server must answer


@dataclass(frozen=True)
class Load:
    "What one run of wrk found."

    rate: float  # requests/s
    p50: float  # seconds
    p99: float
    failed: int  # answers other than 2xx and 3xx, and broken connections


@dataclass(frozen=True)
class Started:
    "A running server."

    url: str
    pid: int
    seconds: float  # from the start of the process to its first good answer

    def memory(self) -> int:  # bytes
        "Resident memory of the largest process below the one that was started: the worker."
        return max(resident(pid) for pid in family(self.pid))


def pinned(core: int) -> list[str]:
    "Words that keep a command on one core, where there are several."
    several = (os.cpu_count() or 1) > 1 and shutil.which("taskset")
    return ["taskset", "-c", str(core)] if several else []


@contextlib.contextmanager
def started(
    command: Sequence[str],  # `{address}`, `{host}` and `{port}` are filled in, in `variables` as well
    first: tuple[str, bytes],  # path and body of a request that must be answered
    folder: Path,  # working directory
    pin: bool = True,  # to the first core
    **variables: object,
) -> Iterator[Started]:
    "Run a server until the end of the block."
    host, [port] = "127.0.0.1", free_ports(1)
    address = f"{host}:{port}"

    def fill(word: object) -> str:
        return str(word).format(address=address, host=host, port=port)

    words = [fill(word) for word in command]
    environ = {**os.environ, **{name: fill(value) for name, value in variables.items()}}
    with tempfile.TemporaryFile() as log:
        began = time.perf_counter()
        with running([*(pinned(0) if pin else []), *words], folder, environ, log) as process:
            wait(process, f"http://{address}{first[0]}", first[1], log)
            yield Started(f"http://{address}", process.pid, time.perf_counter() - began)


def wait(process: Program, url: str, body: bytes, log) -> None:  # type: ignore[no-untyped-def]
    "Until the first good answer. Raises BadInput with the end of the log where there is none."
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=30) as reply:
                if reply.status == 200:
                    return
        time.sleep(0.01)
    log.seek(0)
    raise BadInput(f"the server did not answer: {log.read()[-1500:].decode(errors='replace')}")


def wrk(
    url: str,
    bodies: Path,  # one JSON text in each line, sent in turn
    connections: int,
    seconds: int,
) -> Load:
    "Load with wrk, on the second core."
    if shutil.which("wrk") is None:
        raise BadInput("wrk is not installed: apt-get install wrk")
    options = ["-t1", f"-c{connections}", f"-d{seconds}", "--latency", "--timeout", "20", "-s", str(SCRIPT)]
    environ = {**os.environ, "BODIES": str(bodies)}
    command = [*pinned(1), "wrk", *options, url]
    return read(subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout)


def read(output: str) -> Load:
    "Parse the output of wrk."
    shares = re.findall(r"^\s+(50|99)%\s+(\S+)\s*$", output, re.MULTILINE)
    times = {share: in_seconds(value) for share, value in shares}
    bad = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", output)))
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    rate = re.search(r"Requests/sec:\s+(\S+)", output)
    assert rate is not None, output
    failed = bad + sum(map(int, broken.groups() if broken else ()))
    return Load(float(rate[1]), times["50"], times["99"], failed)


def in_seconds(text: str) -> float:
    "`1.23ms` in seconds."
    value, unit = re.fullmatch(r"([\d.]+)(\D+)", text).groups()  # type: ignore[union-attr]
    return float(value) * UNITS[unit]


def write_bodies(file: Path, records: Sequence[object]) -> Path:
    "One JSON text in each line."
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


def family(pid: int) -> list[int]:
    "List a process and all its descendants."
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(inner for child in children for inner in family(int(child)))]


def resident(pid: int) -> int:  # bytes
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
