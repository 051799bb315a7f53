"""Read while what was read is worked on: the parser of Arrow leaves the interpreter's lock to the others."""

from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")

WAITING = 2  # items that may wait to be worked on, so that memory stays bounded
LOOK_SECONDS = 0.1  # between two looks at whether items are still wanted


class _End:
    "What comes after the last item: nothing, or the error that reading ended with."

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def read_ahead(items: Generator[Item, None, None]) -> Iterator[Item]:
    "Yield the same items in the same order, and raise the same error; a thread makes, and closes, them."
    waiting: Queue[Item | _End] = Queue(WAITING)
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


def _fill(waiting: "Queue[Item | _End]", items: Generator[Item, None, None], unwanted: Event) -> None:
    end = _End()
    try:
        with closing(items):
            for item in items:
                if not _put(waiting, item, unwanted):
                    return
    except BaseException as error:  # raised again in the thread that wanted the item
        end = _End(error)
    _put(waiting, end, unwanted)


def _put(waiting: "Queue[Item | _End]", item: "Item | _End", unwanted: Event) -> bool:
    "Wait for a free place. Return False once items are no longer wanted."
    while not unwanted.is_set():
        with suppress(Full):
            waiting.put(item, timeout=LOOK_SECONDS)
            return True
    return False
