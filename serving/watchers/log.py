"""Logs as JSON, one line each: requests in the background, and all other messages."""

import json
import logging
import random
import sys
from datetime import UTC, datetime
from functools import lru_cache, partial

from serving.trace import Exchange
from serving.watchers.queue import Queue

WAITING = 50_000  # requests that may wait for a slow reader of the log


def lines_written(
    sample: float,  # share of the good requests that get a line; all that failed do
) -> Queue[Exchange]:
    "Return the queue of the requests that are not logged yet."
    return Queue("log", partial(write, sample), WAITING)


def write(sample: float, exchanges: list[Exchange]) -> None:
    "Write a line for each request, all at once."
    lines = [line(exchange) for exchange in exchanges if exchange.status >= 400 or random.random() < sample]
    if lines:
        sys.stdout.write("".join(lines))
        sys.stdout.flush()


def line(exchange: Exchange) -> str:
    "One request; put together by hand: its parts are harmless, and `json.dumps` takes four times as long."
    model = "" if exchange.model_seconds is None else f',"model_ms":{exchange.model_seconds * 1e3:.3f}'
    version = f",{version_part(exchange.version)}" if exchange.version else ""
    key = f',"key":{exchange.key}' if exchange.key else ""
    level = "info" if exchange.status < 500 else "error"
    head = f'"time":"{utc(exchange.ended)}","level":"{level}","id":"{exchange.id}"'
    figures = f'"status":{exchange.status},"ms":{exchange.seconds * 1e3:.3f}'
    return f"{{{head},{asked_part(exchange.method, exchange.route)},{figures}{model}{version}{key}}}\n"


@lru_cache(256)
def asked_part(method: str, route: str) -> str:
    "Format method and route for a line."
    return json.dumps({"method": method, "route": route}, separators=(",", ":"))[1:-1]


@lru_cache(256)
def version_part(version: str) -> str:
    "Format the version for a line."
    return json.dumps({"version": version}, separators=(",", ":"))[1:-1]


class JsonLines(logging.Formatter):
    "A log record as one JSON line; of an exception only its kind, because its text may quote a record."

    def format(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0] if record.exc_info else None
        raised = {"exception": kind.__name__} if kind else {}
        entry = {
            "time": utc(record.created),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **raised,
        }
        return json.dumps(entry)


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
    "Format the part that all lines of a second share."
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
