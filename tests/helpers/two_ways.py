"""One request to two applications that differ in the lane alone, and what each makes of it."""

import contextlib
import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from goldenpath.contract import CONTRACT
from goldenpath.predict import Predictor
from goldenpath.schema.contract import Contract
from goldenpath.settings import Settings
from serving.app import create_app
from serving.models import Models
from serving.state import EXTENSION, State
from serving.worker import load, registry_of
from tests.helpers.request_bodies import RECORD
from tests.helpers.serving_app import settings_of

CHANGING = re.compile(r'"(time|ms|model_ms)":("[^"]*"|[\d.]+)')  # in a log line; differs from time to time
ID = re.compile(r"\b[0-9a-f]{10}-[0-9a-f]+\b")  # that a server gives
NUMBERS = ("_total", "_count")  # endings of the metrics that do not depend on time


@dataclass
class Question:
    "A request as a WSGI server hands it over."

    method: str = "POST"
    path: str = "/predict"
    query: str = ""
    body: bytes = json.dumps(RECORD).encode()
    headers: dict[str, str] = field(default_factory=lambda: {"CONTENT_TYPE": "application/json"})
    length: str | None = None  # what is said of the body; None: the truth, "": nothing
    terminated: bool = True  # does the stream end where the body does, as granian's?

    def environ(self) -> dict[str, Any]:
        said = str(len(self.body)) if self.length is None else self.length
        sent = self.body[: int(said)] if said.isascii() and said.isdigit() else self.body
        environ = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path,
            "QUERY_STRING": self.query,
            "SERVER_NAME": "here",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(sent),
            "wsgi.input_terminated": self.terminated,
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **self.headers,
        }
        return environ if said == "" else {**environ, "CONTENT_LENGTH": said}


@dataclass(frozen=True)
class Result:
    "What one application made of a request, without what may differ: times, and ids that it gave."

    status: str
    headers: list[tuple[str, str]]
    body: str
    lines: list[str]  # of the log of requests
    faults: list[str]  # logged besides


class Way:
    "One application, whose background work is done when it is asked for."

    def __init__(
        self,
        settings: Settings,
        draining: bool = False,
        contract: Contract = CONTRACT,
        models: Models | None = None,  # None: those of the home, by this contract
    ) -> None:
        self.settings = settings
        if models is None:
            models = Models(registry_of(settings), partial(loaded, settings.home))
            models.look()
        with nothing_watched():
            self.app = create_app(settings, contract, models, lambda: draining)
        self.state: State = self.app.extensions[EXTENSION]

    def ask(self, question: Question) -> Result:
        told: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], error: object = None) -> Any:
            told.update(status=status, headers=headers)

        with _faults() as faults, contextlib.redirect_stdout(io.StringIO()) as log:
            chunks = self.app.wsgi_app(question.environ(), start_response)
            body = b"".join(chunks)
            if close := getattr(chunks, "close", None):
                close()
            for queue in self.state.queues:
                queue.drain()
        headers = [(name, ID.sub("ID", value)) for name, value in told["headers"]]
        lines = [CHANGING.sub(r'"\1":0', ID.sub("ID", line)) for line in log.getvalue().splitlines()]
        return Result(told["status"], headers, ID.sub("ID", body.decode()), lines, faults)

    def numbers(self) -> dict[tuple[str, ...], float]:
        "Return the metrics that count, without those of time."
        samples = [sample for family in self.state.counted().registry.collect() for sample in family.samples]
        return {
            (one.name, *map(str, sorted(one.labels.items()))): one.value
            for one in samples
            if one.name.endswith(NUMBERS)
        }


@cache
def loaded(home: str, version: str) -> Predictor:
    "Load a version, once for both applications."
    settings = settings_of(Path(home))
    return load(registry_of(settings), settings, version)


@contextlib.contextmanager
def nothing_watched() -> Iterator[None]:
    "No threads: the queues wait until they are drained."
    watch, State.watch = State.watch, lambda self: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        State.watch = watch  # type: ignore[method-assign]


@contextlib.contextmanager
def _faults() -> Iterator[list[str]]:
    "Collect what is logged as an error: that there was an id, and the kind of the fault."
    kept: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(ID.sub("ID", record.getMessage()).partition(" at ")[0])

    keeper, log = Keeper(), logging.getLogger("serving.app")
    log.addHandler(keeper)
    try:
        yield kept
    finally:
        log.removeHandler(keeper)
