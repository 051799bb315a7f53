"""Read and write while the rows are worked on: Arrow leaves the interpreter's lock to the others."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

Read = TypeVar("Read")
Written = TypeVar("Written")

ITEMS_AHEAD = 2  # items that may wait to be worked on, so that memory stays bounded
LOOK_SECONDS = 0.1  # between two looks at whether items are still wanted


class _End:
    "What comes after the last item: nothing, or the error that reading ended with."

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def read_ahead(items: Generator[Read, None, None]) -> Iterator[Read]:
    "Yield the same items in the same order, and raise the same error; a thread makes, and closes, them."
    waiting: Queue[Read | _End] = Queue(ITEMS_AHEAD)
    unwanted = Event()
    reader = Thread(target=_fill, args=(waiting, items, unwanted), name="reading", daemon=True)
    reader.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
    finally:
        unwanted.set()
        reader.join()
    if item.error is not None:
        raise item.error


def _fill(waiting: "Queue[Read | _End]", items: Generator[Read, None, None], unwanted: Event) -> None:
    end = _End()
    try:
        with closing(items):
            for item in items:
                if not _put(waiting, item, unwanted):
                    return
    except BaseException as error:  # raised again in the thread that wanted the item
        end = _End(error)
    _put(waiting, end, unwanted)


def _put(waiting: "Queue[Read | _End]", item: "Read | _End", unwanted: Event) -> bool:
    "Wait for a free place. Return False once items are no longer wanted."
    while not unwanted.is_set():
        with suppress(Full):
            waiting.put(item, timeout=LOOK_SECONDS)
            return True
    return False


@contextmanager
def write_behind(write: Callable[[Written], None]) -> Iterator[Callable[[Written], None]]:
    "Yield what hands items to a thread that writes them in order; its error is raised here, later."
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(1, "writing") as thread:

        def hand_on(item: Written) -> None:
            if len(waiting) == ITEMS_AHEAD:
                waiting.popleft().result()
            waiting.append(thread.submit(write, item))

        yield hand_on
        while waiting:
            waiting.popleft().result()
