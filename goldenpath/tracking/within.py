"""Mirroring beside other work, within five seconds of it, the loading of MLflow's client among them.

The server is asked first whether it answers at all. Then a program of its own mirrors, and is killed when the
time is over: neither MLflow's library nor a request that hangs enters a step. What it wrote until then is
completed by the next one.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import goldenpath
from goldenpath.errors import without_credentials
from goldenpath.programs import last_line
from goldenpath.runs.ending import run_state
from goldenpath.runs.run import steps_of
from goldenpath.settings import Settings
from goldenpath.text.plain import say
from goldenpath.tracking.address import NO_CLIENT, find_mlflow, network_reason

MIRROR_SECONDS = 5.0  # seconds for all of it
_PROBING = 2.0  # seconds of these until the server must have answered a first request
_DYING = 5.0  # seconds until a kernel notices that the program which started it was killed
LATER = "`goldenpath mlflow sync` makes up for it"


def mirror_within(settings: Settings, *words: str) -> None:
    "Call `goldenpath mlflow sync` with these words, if there is an MLflow; say in one line if it fails."
    try:
        fault = call_within(settings, "sync", *words)
    except Exception as error:  # a mirror never stops what it shows
        fault = f"{type(error).__name__}: {error}"
    if fault:
        say(f"not mirrored: {fault}; {LATER}")


@contextmanager
def mirrored_end(settings: Settings, run: Path) -> Iterator[None]:
    "Mirror a run after the block if one of its steps could not do it: it was killed, or stopped outside."
    try:
        yield
    finally:
        if find_mlflow() and _ended_unseen(run):
            mirror_within(settings, run.name)


def _ended_unseen(run: Path) -> bool:
    "Did a run end without a step that noted it? What was killed just now may need a moment to end."
    end = time.monotonic() + _DYING
    while True:
        notes = steps_of(run)
        statuses = {note.get("status") for note in notes.values()}
        state = run_state(run, notes)
        if "running" not in statuses or state != "running" or time.monotonic() > end:
            return bool(notes) and "failed" not in statuses and state in ("failed", "killed")
        time.sleep(0.2)


def call_within(
    settings: Settings,
    *words: str,
    seconds: float = MIRROR_SECONDS,
) -> str:  # "" if it went well, or if there is no MLflow
    "Call `goldenpath mlflow`, and return why it failed."
    end = time.monotonic() + seconds
    address = find_mlflow()
    if address is None:
        return ""
    if not find_spec("mlflow"):
        return NO_CLIENT
    if silence := why_silent(address.uri):
        return f"MLflow at {address.shown}: {silence}"
    left = max(end - time.monotonic(), 0.1)
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "goldenpath",
        "mlflow",
        *words,
        "--within",
        f"{left:.2f}",
    ]
    with tempfile.TemporaryFile() as output:
        program = subprocess.Popen(
            command,
            cwd=settings.folder,
            env=_environ(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        code = _wait(program, end)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if code in (-signal.SIGALRM, -signal.SIGKILL):
        return f"MLflow at {address.shown}: {seconds:.0f} s were not enough for everything"
    return last_line(text).removeprefix("error: ") if code else ""


def _wait(program: "subprocess.Popen[bytes]", end: float) -> int:  # exit code
    "Wait until a program has ended, or the time is over: then end it, and all that it started."
    try:
        return program.wait(max(end - time.monotonic(), 0.0))
    except BaseException as fault:  # Ctrl-C too
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        if isinstance(fault, subprocess.TimeoutExpired):
            return -signal.SIGKILL
        raise


def why_silent(uri: str) -> str:  # "" if it answers, also with an error
    "Ask a server for anything, and return why there is no answer."
    if not uri.startswith(("http://", "https://")):
        return ""
    reasons = ["it did not answer in time"]

    def ask() -> None:
        reasons[:] = [_no_answer(without_credentials(uri))]

    thread = Thread(target=ask, daemon=True)  # the look-up of a name has no limit of its own
    thread.start()
    thread.join(_PROBING)
    return reasons[0]


def _no_answer(uri: str) -> str:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(uri, method="HEAD"), timeout=_PROBING):
            return ""
    except HTTPError as answer:
        answer.close()
        return ""
    except (
        OSError,
        HTTPException,
        ValueError,
    ) as error:  # MLflow's client may know better, such as a certificate
        return network_reason(str(error))


def _environ(settings: Settings) -> dict[str, str]:
    library = str(Path(goldenpath.__file__).parent.parent)
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [library, os.environ.get("PYTHONPATH")])),
        "GOLDENPATH_HOME": str(settings.home_folder()),
        "GOLDENPATH_MODEL": settings.model,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
