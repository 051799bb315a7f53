"""What every engine does alike: a function over partitions, few at a time, the results in order.

A worker that is lost (its node went, the system killed it) loses the partition that it worked on; that one
is done again elsewhere, at most `ATTEMPTS` times.
"""

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from math import inf
from typing import Any, Generic, NoReturn, TypeVar

from goldenpath.errors import WorkersLost
from goldenpath.text.plain import say

Partition = TypeVar("Partition")
Done = TypeVar("Done")
Completed = tuple[int, Any]  # place of a partition, and its result or the error of the function

ATTEMPTS = 3  # at one partition, before the work is given up
IN_FLIGHT = 3  # partitions for each worker: being worked on, waiting, or done and not yet their turn
OUT_OF_MEMORY = "the memory of its process ran out"
WAIT_AT_MOST = 1.0  # seconds between two looks at the time and at Ctrl-C


class LostWorker(Exception):
    "The end of a worker before its result; the text says how it ended."


class MemoryLost(LostWorker):
    "The end of a worker because memory ran out, its own partition's or that of another beside it."


def nothing(done: int, total: int) -> None:
    "Show no progress."


class WorkerPool(ABC):
    "Workers that have received one function."

    shared_fate = False  # does the end of one worker lose the work of all?

    @abstractmethod
    def count(self) -> int:
        "Count the workers, each of which works on one partition: at least 1."

    @abstractmethod
    def submit(self, item: Any, alone: bool) -> Any:
        "Begin with a partition, `alone` if no other is to use the memory of its node, and return a handle."

    @abstractmethod
    def wait(self, handles: Sequence[Any], seconds: float) -> Sequence[Any]:
        "Wait until one is done, at most so long; return those that are."

    @abstractmethod
    def result(self, handle: Any) -> Any:
        "Return the result of a handle that is done. Raises the error of the function, or LostWorker."

    @abstractmethod
    def close(self, finished: bool) -> None:
        "Let the workers go; what they still do, unless it is finished, ends now or with the engine's block."


class Compute(ABC):
    "An engine; `open_compute` opens the one that the settings name."

    is_elsewhere = False  # are the workers on other machines?
    way_out = "take a larger pod, or make the partitions smaller"

    @abstractmethod
    def pool(self, function: Callable[[Any], Any], tasks: int, timed: bool) -> WorkerPool | None:
        """Give workers a function for so many partitions; None: they are best done here, one by one.

        If the work is timed, it must be possible to end a partition that is being worked on.
        """

    def map(
        self,
        function: Callable[[Partition], Done],  # of a module, or a `partial` of one; sent once to each worker
        partitions: Sequence[Partition],  # names of files, ranges of bytes; each result fits into memory
        *,
        progress: Callable[[int, int], None] = nothing,  # takes how many are done, and of how many
        name: Callable[[Partition], str] = str,  # of a partition, for messages
        tell: Callable[[str], None] = say,  # takes a line when a worker was lost
    ) -> Generator[Done, None, None]:  # in the order of the partitions
        """Yield the result for each partition. Leave the engine's block to end the work early.

        Raises what the function raises, for the first partition in order that fails; WorkersLost, which
        names the partition, if its workers were lost again and again.
        """
        done: dict[int, Done | BaseException] = {}
        turn = 0
        flow = Flow(self, function, partitions, name, tell)
        with closing(flow.run(lambda: len(done))) as results:
            for place, result in results:
                done[place] = result
                progress(flow.done, len(partitions))
                while turn in done:
                    yield _value(done.pop(turn))
                    turn += 1

    def as_done(
        self,
        function: Callable[[Partition], Done],
        partitions: Sequence[Partition],
        *,
        until: float = inf,  # time.monotonic() at which what is not done is ended
        name: Callable[[Partition], str] = str,
        tell: Callable[[str], None] = say,
    ) -> Generator[tuple[int, Done], None, None]:
        "Yield place and result of each partition when it is done, until the time is over. Raises as `map`."
        with closing(Flow(self, function, partitions, name, tell).run(until=until)) as results:
            for place, result in results:
                yield place, _value(result)


def _value(result: Any) -> Any:
    if isinstance(result, BaseException):
        raise result
    return result


class Flow(Generic[Partition, Done]):
    "One function on its way over the partitions."

    def __init__(
        self,
        compute: Compute,
        function: Callable[[Partition], Done],
        partitions: Sequence[Partition],
        name: Callable[[Partition], str],
        tell: Callable[[str], None],
    ) -> None:
        self._compute, self._function, self._partitions = compute, function, partitions
        self._name, self._tell = name, tell
        self._waiting = deque(range(len(partitions)))
        self._running: dict[Any, int] = {}
        self._losses: dict[int, int] = {}
        self._hungry: set[int] = set()  # those that were lost when memory ran out
        self.done = 0

    def run(
        self,
        held: Callable[[], int] = lambda: 0,  # results that wait for their turn
        until: float = inf,
    ) -> Generator[Completed, None, None]:
        "Yield place and result, or error, of each partition when it is done."
        pool = self._compute.pool(self._function, len(self._partitions), until < inf)
        if pool is None:
            yield from self._here()
            return
        try:
            while (self._waiting or self._running) and (left := until - time.monotonic()) > 0:
                self._submit(pool, held())
                for handle in pool.wait([*self._running], min(WAIT_AT_MOST, left)):
                    yield from self._take(pool, handle)
        finally:
            pool.close(finished=not self._running)

    def _here(self) -> Generator[Completed, None, None]:
        for place, partition in enumerate(self._partitions):
            try:
                result = self._function(partition)
            except MemoryError:
                self._give_up(place, OUT_OF_MEMORY, 1)
            self.done += 1
            yield place, result

    def _submit(self, pool: WorkerPool, held: int) -> None:
        "Begin with as many as memory is meant for; a suspect works alone where all would share its fate."
        careful = pool.shared_fate and any(self._losses.values())
        most = 1 if careful else IN_FLIGHT * pool.count()
        while self._waiting and (len(self._running) + held < most or not self._running):
            place = self._waiting.popleft()
            self._running[pool.submit(self._partitions[place], place in self._hungry)] = place

    def _take(self, pool: WorkerPool, handle: Any) -> Generator[Completed, None, None]:
        place = self._running.pop(handle)
        try:
            result = pool.result(handle)
        except (LostWorker, MemoryError) as loss:
            self._again(place, loss)
            return
        except Exception as error:  # of the function: raised when it is its turn
            result = error
        self._losses.pop(place, None)
        self.done += 1
        yield place, result

    def _again(self, place: int, loss: Exception) -> None:
        "Do a partition once more, before all others. Raises WorkersLost if it has had its attempts."
        self._losses[place] = self._losses.get(place, 0) + 1
        reason = OUT_OF_MEMORY if isinstance(loss, MemoryError) else str(loss)
        if isinstance(loss, MemoryError | MemoryLost):
            self._hungry.add(place)
        if self._losses[place] >= ATTEMPTS:
            self._give_up(place, reason, ATTEMPTS)
        self._waiting.appendleft(place)
        with suppress(OSError):  # of a note on a volume
            self._tell(f"{self._name(self._partitions[place])} is done again: {reason}")

    def _give_up(self, place: int, reason: str, attempts: int) -> NoReturn:
        name, tries = self._name(self._partitions[place]), f" {attempts} times" if attempts > 1 else ""
        raise WorkersLost(f"{name} failed{tries}: {reason}; {self._compute.way_out}")
