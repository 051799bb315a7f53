"""Start the real server as a program of its own, on a free loopback address, and stop it again."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import goldenpath
from goldenpath.errors import GoldenpathError
from goldenpath.measure.http_client import Connection, NoAnswer
from goldenpath.programs import Program, free_ports, last_line, running
from goldenpath.settings import Settings

_READY_WITHIN = 60.0  # seconds
_LOOK_EVERY = 0.01  # seconds


class NoServer(GoldenpathError):
    "The server did not start, or there is none to start."


class Started(NamedTuple):
    url: str
    seconds: float  # from the start of the program until it was ready


def serving_folder() -> Path:
    "Return the folder that contains `serving/`, beside this library. Raises NoServer, as in a pod."
    library = Path(goldenpath.__file__).parent
    for folder in (library.parent, library.resolve().parent):
        if (folder / "serving" / "__main__.py").is_file():
            return folder
    raise NoServer("serving/ is not here and GOLDENPATH_SERVER_URL names no deployed server")


@contextmanager
def running_server(
    settings: Settings,
    version: str,
    variables: Mapping[str, str] | None = None,  # of the environment, on top of what `environment` sets
    *options: str,
) -> Iterator[Started]:
    "Serve one version with one worker until the block ends. Raises NoServer with what the program said."
    folder, listen = serving_folder(), f"127.0.0.1:{free_ports(1)[0]}"
    command = [
        sys.executable,
        "-m",
        "serving",
        "--listen",
        listen,
        "--version",
        version,
        "--workers",
        "1",
        *options,
    ]
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        with running(command, folder, {**environment(settings), **(variables or {})}, output) as program:
            wait_until_ready(program, f"http://{listen}", output.fileno())
            yield Started(f"http://{listen}", time.perf_counter() - begun)


def environment(settings: Settings) -> dict[str, str]:
    "Return this process's environment with home and model set, without tokens: only this process calls it."
    own = {
        "GOLDENPATH_HOME": str(settings.home_folder()),
        "GOLDENPATH_MODEL": settings.model,
        "GOLDENPATH_TOKENS_FILE": "",
        "GOLDENPATH_DRAIN_SECONDS": "0",
        "GOLDENPATH_FEEDBACK": "off",  # what is asked to measure does not count
    }
    return {**os.environ, **own}


def wait_until_ready(program: Program, url: str, output: int) -> None:
    "Until /health/ready says 200. Raises NoServer where the program ends before, or takes too long."
    until = time.monotonic() + _READY_WITHIN
    while time.monotonic() < until:
        if program.poll() is not None:
            raise NoServer(f"the server ended with code {program.returncode}: {last_words(output)}")
        try:
            with Connection(url) as line:
                if line.get("/health/ready").status == 200:
                    return
        except (OSError, NoAnswer):
            pass  # it does not listen yet
        time.sleep(_LOOK_EVERY)
    raise NoServer(f"the server was not ready within {_READY_WITHIN:.0f} s: {last_words(output)}")


def last_words(output: int) -> str:
    "Return the last line that a program wrote."
    size = os.fstat(output).st_size
    return last_line(os.pread(output, 4096, max(size - 4096, 0)).decode(errors="replace"))
