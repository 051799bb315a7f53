"""Mirroring beside other work, within five seconds of waiting for MLflow.

The server is asked first whether it answers at all. Then a program of its own mirrors, and ends itself in
time: neither MLflow's library nor a request that hangs enters a step.
"""

import os
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import goldenpath
from goldenpath.programs import last_line
from goldenpath.settings import Settings
from goldenpath.text.plain import say
from goldenpath.tracking.address import NO_CLIENT, find_mlflow, network_reason, without_credentials

_PROBING = 2.0  # seconds until the server must have answered a first request
_WORKING = 3.0  # seconds for everything else, from the moment on at which the client is loaded
_STARTING = 30.0  # seconds that a busy machine may need to load it
LATER = "`goldenpath mlflow sync` makes up for it"


def mirror_within(settings: Settings, *words: str) -> None:
    "Call `goldenpath mlflow sync` with these words, if there is an MLflow; say in one line if it fails."
    try:
        fault = call_within(settings, "sync", *words)
    except Exception as error:  # a mirror never stops what it shows
        fault = f"{type(error).__name__}: {error}"
    if fault:
        say(f"not mirrored: {fault}; {LATER}")


def call_within(settings: Settings, *words: str) -> str:  # "" if it went well, or if there is no MLflow
    "Call `goldenpath mlflow`, and return why it failed."
    address = find_mlflow()
    if address is None:
        return ""
    if not find_spec("mlflow"):
        return NO_CLIENT
    if silence := why_silent(address.uri):
        return f"MLflow at {address.shown}: {silence}"
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "goldenpath",
        "mlflow",
        *words,
        "--within",
        f"{_WORKING}",
    ]
    with tempfile.TemporaryFile() as output:
        code = subprocess.run(
            command,
            cwd=settings.folder,
            env=_environ(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=_STARTING + _WORKING,
            check=False,
        ).returncode
        output.seek(0)
        text = output.read().decode(errors="replace")
    if code == -signal.SIGALRM:
        return f"MLflow at {address.shown}: it did not take everything within {_PROBING + _WORKING:.0f} s"
    return last_line(text).removeprefix("error: ") if code else ""


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
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(uri, method="HEAD"), timeout=_PROBING):
            return ""
    except HTTPError as answer:
        answer.close()
        return ""
    except OSError as error:  # of other words MLflow's client may know better, such as its own certificates
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
