"""The shadow sees a copy of what was answered, in the background, and is only compared."""

import time
from functools import partial
from typing import NamedTuple

from goldenpath.predict import Answer, Predictor
from goldenpath.schema.contract import Record
from serving.watchers.metrics import Metrics
from serving.watchers.queue import Queue


class Copy(NamedTuple):
    "A record that was answered, and the version that answers it once more."

    shadow: Predictor
    record: Record
    answer: Answer


def copies_compared(
    limit: int,  # copies that may wait; a further one is dropped and counted
    metrics: Metrics | None,
) -> Queue[Copy]:
    "Return the queue of the copies that are to be compared."
    return Queue("shadow", partial(compare, metrics), limit)


def compare(metrics: Metrics | None, copies: list[Copy]) -> None:
    "Let the shadow answer, and count whether it agrees."
    for shadow, record, answer in copies:
        started = time.perf_counter()
        other = shadow.one(record)
        if metrics:
            metrics.compare(other.label == answer.label, time.perf_counter() - started)
