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
    level, asked, version = repeated_parts(exchange.method, exchange.route, exchange.status, exchange.version)
    seconds, model = exchange.seconds, exchange.model_seconds
    figures = f"{seconds * 1e3:.3f}" if model is None else f'{seconds * 1e3:.3f},"model_ms":{model * 1e3:.3f}'
    key = f',"key":{exchange.key}' if exchange.key else ""
    head = f'"time":"{utc(exchange.ended)}",{level},"id":"{exchange.id}",{asked}'
    return f'{{{head},"ms":{figures}{version}{key}}}\n'


@lru_cache(256)
def repeated_parts(method: str, route: str, status: int, version: str) -> tuple[str, str, str]:
    "Format what many lines share: the level; method, route and status; the version."
    level = {"level": "info" if status < 500 else "error"}
    asked = {"method": method, "route": route, "status": status}
    parts = [json.dumps(part, separators=(",", ":"))[1:-1] for part in (level, asked, {"version": version})]
    return parts[0], parts[1], f",{parts[2]}" if version else ""


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
    whole = int(seconds)
    return f"{whole_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


@lru_cache(16)
def whole_second(seconds: int) -> str:
    "Format the part that all lines of a second share."
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
