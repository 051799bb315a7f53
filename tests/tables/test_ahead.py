"""Items are read ahead in a thread, in their order, bounded, and with the error that ends them."""

import threading
from collections.abc import Iterable, Iterator

import pytest

from goldenpath.tables.ahead import ITEMS_AHEAD, read_ahead, write_behind


def test_items_come_in_their_order() -> None:
    assert list(read_ahead(number for number in range(100))) == list(range(100))


def test_the_error_of_the_reader_is_raised_after_the_items_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("line 2")

    items = read_ahead(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="line 2"):
        next(items)


def test_no_more_is_read_than_may_wait_and_nothing_after_the_end() -> None:
    read: list[int] = []
    full = threading.Event()

    def source() -> Iterator[int]:
        for number in range(1_000):
            read.append(number)
            if number == ITEMS_AHEAD + 1:
                full.set()
            yield number

    items = read_ahead(source())
    assert next(items) == 0
    assert full.wait(10)
    items.close()  # type: ignore[attr-defined]
    assert len(read) <= ITEMS_AHEAD + 2
    assert not any(thread.name == "reading" for thread in threading.enumerate())


def test_the_source_is_closed_by_its_own_thread_at_the_end() -> None:
    closed: list[str] = []

    def source() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.append(threading.current_thread().name)

    items = read_ahead(source())
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert closed == ["reading"]


def test_items_are_written_in_their_order_by_another_thread() -> None:
    written: list[tuple[int, str]] = []
    with write_behind(lambda item: written.append((item, threading.current_thread().name))) as write:
        for number in range(50):
            write(number)
    assert [item for item, _ in written] == list(range(50))
    assert threading.current_thread().name not in {name for _, name in written}


def test_the_error_of_the_writer_is_raised_and_ends_the_work() -> None:
    def full(item: int) -> None:
        raise OSError(f"no space for {item}")

    handed_on: list[int] = []

    def hand_on(items: Iterable[int]) -> None:
        with write_behind(full) as write:
            for item in items:
                write(item)
                handed_on.append(item)

    with pytest.raises(OSError, match="no space for 0"):
        hand_on(range(1_000))
    assert len(handed_on) <= ITEMS_AHEAD
    with pytest.raises(OSError, match="no space for 7"):
        hand_on([7])  # the last one
