"""Logs as JSON, one line each: requests in the background, and whatever else is said."""

import json
import logging
import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from serving.background import Background
from serving.requests import Seen

WAITING = 20_000  # lines that may wait for a slow reader of the log


def request_log(sample: float) -> Callable[[Seen], None]:
    "A sink for requests: all that failed, and this share of the others."
    lines = Background("log", write, WAITING, sys.stdout.flush).start()

    def sink(seen: Seen) -> None:
        if seen.status >= 400 or random.random() < sample:
            lines.offer(seen)

    return sink


def write(seen: Seen) -> None:
    "One line for one request."
    model = {} if seen.model_seconds is None else {"model_ms": round(seen.model_seconds * 1e3, 3)}
    version = {"version": seen.version} if seen.version else {}
    line = {
        "time": now(),
        "level": "info" if seen.status < 500 else "error",
        "id": seen.id,
        "method": seen.method,
        "route": seen.route,
        "status": seen.status,
        "ms": round(seen.seconds * 1e3, 3),
        **model,
        **version,
    }
    sys.stdout.write(json.dumps(line) + "\n")


class JsonLines(logging.Formatter):
    "A log record as one JSON line; of an exception only its kind, because its text may quote a record."

    def format(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0] if record.exc_info else None
        raised = {"exception": kind.__name__} if kind else {}
        said = {"time": now(), "level": record.levelname.lower(), "message": record.getMessage(), **raised}
        return json.dumps(said)


AS_JSON = {  # what granian itself says, in the form of `logging.config.dictConfig`
    "formatters": {"json": {"()": JsonLines}},
    "handlers": {"console": {"formatter": "json", "class": "logging.StreamHandler"}},
    "loggers": {"_granian": {"handlers": ["console"], "propagate": False}},
}


def configure() -> None:
    "Everything that is logged in this process goes to stderr as JSON."
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def now() -> str:
    "UTC, ISO 8601, to the millisecond."
    return datetime.now(UTC).isoformat(timespec="milliseconds")
