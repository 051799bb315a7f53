"""Work that no request waits for: a queue that drops rather than delays, and jobs done now and then."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from multiprocessing.util import Finalize
from typing import Generic, TypeVar

from goldenpath.errors import GoldenpathError

_log = logging.getLogger(__name__)
Work = TypeVar("Work")

_PAUSE = 0.1  # seconds between two looks at a queue: `offer` wakes no thread, because waking takes a lock
TURN = 50  # items at a time, after which the threads that answer get their turn


class Queue(Generic[Work]):
    "One daemon thread and a bounded queue; `offer` takes no lock and never waits."

    def __init__(
        self,
        name: str,
        work: Callable[[list[Work]], None],  # gets at most TURN items at a time
        limit: int,  # items that may wait
    ) -> None:
        self.name, self.limit, self.dropped = name, limit, 0
        self._work = work
        self._waiting: deque[Work] = deque()
        self._working = threading.Lock()  # `offer` does not take it

    def start(self) -> "Queue[Work]":
        every(_PAUSE, self.drain, self.name)
        Finalize(None, self.drain, exitpriority=0)  # what waits when the worker is stopped is still done
        return self

    def offer(self, item: Work) -> None:
        "Take it, or drop and count it where too much is waiting."
        if len(self._waiting) < self.limit:
            self._waiting.append(item)
        else:
            self.dropped += 1

    def __len__(self) -> int:
        return len(self._waiting)

    def drain(self) -> None:
        "Do all that is waiting; also from another thread, and then what a thread is at is done as well."
        while self._did_some():
            time.sleep(0)

    def _did_some(self) -> bool:
        with self._working:
            return self._do_turn()

    def _do_turn(self) -> bool:
        "Work on the items of one turn; the caller holds the lock."
        take = self._waiting.popleft
        items = [take() for _ in range(min(TURN, len(self._waiting)))]
        if items:
            self._work(items)
        return bool(items)


class HandfulQueue(Queue[Work]):
    """A queue for work of a microsecond or less for each item, which never waits for anything.

    The request that completes a handful does the work: handing it to a thread would cost more than doing it.
    `drain` does what is left over; an error of the work is logged and fails no request.
    """

    def __init__(self, name: str, work: Callable[[list[Work]], None], limit: int) -> None:
        super().__init__(name, work, limit)
        self._attempt = with_errors_logged(self._do_turn, name)

    def offer(self, item: Work) -> None:
        "Take it, or drop and count it if too much is waiting."
        waiting = self._waiting
        if len(waiting) >= self.limit:
            self.dropped += 1
            return
        waiting.append(item)
        if len(waiting) >= TURN and self._working.acquire(blocking=False):
            try:
                self._attempt()
            finally:
                self._working.release()


def every(seconds: float, job: Callable[[], None], name: str) -> threading.Thread:
    "Do a job again and again in a daemon thread, which survives any error."
    attempt = with_errors_logged(job, name)

    def run() -> None:
        while True:
            time.sleep(seconds)
            attempt()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def with_errors_logged(job: Callable[[], object], name: str) -> Callable[[], None]:
    "Return the job with its errors logged: each once, until another one follows or the job succeeds."
    reported = ""

    def attempt() -> None:
        nonlocal reported
        try:
            job()
            reported = ""
        except Exception as error:
            reason = reason_of(error)
            if reason != reported:
                _log.error("%s failed: %s", name, reason)
            reported = reason

    return attempt


def reason_of(error: Exception) -> str:
    "Return the text of our own errors; of others only the kind, because their text may quote a record."
    return str(error) if isinstance(error, GoldenpathError) else type(error).__name__
