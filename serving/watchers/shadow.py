"""The shadow sees a copy of what was answered, in the background, and is only compared."""

import time
from collections.abc import Callable
from typing import NamedTuple

from goldenpath.predict import Answer, Predictor
from goldenpath.schema.contract import Record
from serving.models import Models
from serving.watchers.queue import Background

Noted = Callable[[bool, float], None]  # does the shadow agree, and the seconds it took


class Copy(NamedTuple):
    shadow: Predictor
    record: Record
    answer: Answer


class Shadow:
    "Sends copies to whoever is shadow; where too many wait, one is dropped and counted."

    def __init__(self, models: Models, limit: int, noted: Noted) -> None:
        self.queue: Background[Copy] = Background("shadow", self._compare, limit)
        self._models = models
        self._noted = noted

    def offer(self, record: Record, answer: Answer) -> None:
        "Hand over a copy, if anybody is shadow."
        shadow = self._models.live.shadow
        if shadow is not None:
            self.queue.offer(Copy(shadow, record, answer))

    def _compare(self, copies: list[Copy]) -> None:
        for copy in copies:
            started = time.perf_counter()
            other = copy.shadow.one(copy.record)
            self._noted(other.label == copy.answer.label, time.perf_counter() - started)
