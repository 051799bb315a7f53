"""From a body to an answer: check it against the contract, choose the version, call the model."""

import time
from collections.abc import Callable
from typing import NamedTuple

from goldenpath.predict import Answer
from goldenpath.schema.contract import Contract, Record
from serving.models import Models


class Asked(NamedTuple):
    "One record and its answer."

    record: Record
    answer: Answer
    seconds: float | None  # that the model took; None where the answer was remembered


Ask = Callable[[bytes, str], Asked]  # the body, and the key that the caller sticks by ("" for none)


def asking(contract: Contract, models: Models) -> Ask:
    "Answer by the version that this caller, or else this record, belongs to."

    def ask(body: bytes, key: str = "") -> Asked:
        record = contract.parse(body)
        predictor = models.live.pick(lambda: (key or record.model_dump_json()).encode())
        started = time.perf_counter()
        answer = predictor.one(record)
        return Asked(record, answer, time.perf_counter() - started)

    return ask
