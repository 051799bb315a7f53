"""Logs as JSON, one line each: requests in the background, and whatever else is said."""

import json
import logging
import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from serving.trace import Seen
from serving.watchers.queue import Background

WAITING = 20_000  # lines that may wait for a slow reader of the log


def lines_written() -> Background[Seen]:
    "The queue of the lines that are to be written."
    return Background("log", write, WAITING)


def request_log(lines: Background[Seen], sample: float) -> Callable[[Seen], None]:
    "A sink for requests: all that failed, and this share of the others."

    def sink(seen: Seen) -> None:
        if seen.status >= 400 or random.random() < sample:
            lines.offer(seen)

    return sink


def write(some: list[Seen]) -> None:
    "A line for each request, all at once."
    sys.stdout.write("".join(map(line, some)))
    sys.stdout.flush()


def line(seen: Seen) -> str:
    "One request; put together by hand: its parts are harmless, and `json.dumps` takes four times as long."
    model = "" if seen.model_seconds is None else f',"model_ms":{seen.model_seconds * 1e3:.3f}'
    version = f",{version_part(seen.version)}" if seen.version else ""
    level = "info" if seen.status < 500 else "error"
    head = f'"time":"{utc(seen.ended)}","level":"{level}","id":"{seen.id}"'
    figures = f'"status":{seen.status},"ms":{seen.seconds * 1e3:.3f}'
    return f"{{{head},{asked_part(seen.method, seen.route)},{figures}{model}{version}}}\n"


@lru_cache(256)
def asked_part(method: str, route: str) -> str:
    "Method and route as they stand in a line."
    return json.dumps({"method": method, "route": route}, separators=(",", ":"))[1:-1]


@lru_cache(256)
def version_part(version: str) -> str:
    "The version as it stands in a line."
    return json.dumps({"version": version}, separators=(",", ":"))[1:-1]


class JsonLines(logging.Formatter):
    "A log record as one JSON line; of an exception only its kind, because its text may quote a record."

    def format(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0] if record.exc_info else None
        raised = {"exception": kind.__name__} if kind else {}
        said = {
            "time": utc(record.created),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **raised,
        }
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


def utc(seconds: float) -> str:
    "Seconds since 1970 in ISO 8601, to the millisecond."
    return f"{whole_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(16)
def whole_second(seconds: int) -> str:
    "The same for all lines of a second."
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
