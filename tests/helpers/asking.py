"""Callers that ask a server all the time, and remember what they were answered."""

import contextlib
import http.client
import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from tests.helpers.patience import LONG, wait_until
from tests.helpers.serving_program import Program


class Callers:
    "Several threads that ask, each on a connection of its own."

    def __init__(self, program: Program, records: Sequence[dict[str, Any]], count: int = 4) -> None:
        self.versions: Counter[str] = Counter()  # of good answers
        self.ids: list[str] = []
        self.failed: list[str] = []  # statuses of other answers
        self.unanswered = 0  # requests whose connection broke
        self._bodies = [json.dumps(record) for record in records]
        self._program, self._enough = program, threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(at,)) for at in range(count)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait_for(self, more: int) -> None:
        "Wait for so many further good answers."
        enough = len(self.ids) + more
        wait_until(lambda: len(self.ids) >= enough, lambda: f"{len(self.ids)} answers, {self.failed[:3]}")

    def stop(self) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join(LONG)

    def _ask(self, at: int) -> None:
        host, _, port = self._program.listen.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=LONG)
        for number, body in zip(itertools.count(), itertools.cycle(self._bodies[at:] + self._bodies[:at])):
            if self._enough.is_set():
                break
            name = f"caller-{at}-{number}"
            headers = {"Content-Type": "application/json", "X-Request-Id": name}
            try:
                connection.request("POST", "/predict", body, headers)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException):  # the server has ended, or its worker
                self.unanswered += 1
                connection.close()
                continue
            if answer.status == 200:
                self.versions[json.loads(content)["version"]] += 1
                self.ids.append(name)
            else:
                self.failed.append(f"{answer.status}: {content!r}")
        connection.close()


@contextlib.contextmanager
def asking(program: Program, records: Sequence[dict[str, Any]], count: int = 4) -> Iterator[Callers]:
    "Ask until the end of the block."
    callers = Callers(program, records, count)
    callers.start()
    try:
        yield callers
    finally:
        callers.stop()
