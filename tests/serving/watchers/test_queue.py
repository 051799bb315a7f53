"""Jobs in the background: their faults are said once, and hold nothing that was submitted."""

import threading

import pytest

from goldenpath.errors import VolumeFault
from serving.watchers.queue import TURN, HandfulQueue, Queue, with_errors_logged


def test_a_fault_is_said_once_until_it_changes_or_is_over(caplog: pytest.LogCaptureFixture) -> None:
    faults: list[Exception | None] = [
        VolumeFault("away"),
        VolumeFault("away"),
        VolumeFault("denied"),
        None,
        VolumeFault("denied"),
        ValueError("Zebra-1931"),
    ]

    def job() -> None:
        if fault := faults.pop(0):
            raise fault

    attempt = with_errors_logged(job, "roles")
    while faults:
        attempt()
    said = [record.message.removeprefix("roles failed: ") for record in caplog.records]
    assert said == ["away", "denied", "denied", "ValueError"]


def test_a_drained_queue_has_done_what_another_thread_was_at() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), list[int]()

    def work(items: list[int]) -> None:
        begun.set()
        go_on.wait(60)
        done.extend(items)

    queue = Queue("numbers", work, 10)
    queue.offer(1)
    other, ended = threading.Thread(target=queue.drain), threading.Event()
    other.start()
    assert begun.wait(60)
    last = threading.Thread(target=lambda: (queue.drain(), ended.set()))
    last.start()
    assert not ended.wait(0.1)
    go_on.set()
    last.join(60)
    assert done == [1]
    other.join(60)


def test_the_item_that_completes_a_handful_has_all_of_it_done() -> None:
    done = list[int]()
    queue = HandfulQueue("numbers", done.extend, 10 * TURN)
    for number in range(TURN - 1):
        queue.offer(number)
    assert (len(queue), done) == (TURN - 1, [])
    queue.offer(TURN - 1)
    assert (len(queue), done) == (0, [*range(TURN)])
    queue.offer(TURN)
    queue.drain()
    assert done[-1] == TURN


def test_a_handful_waits_for_no_other_thread_and_its_errors_reach_no_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(items: list[int]) -> None:
        raise ValueError("Zebra-1931")

    queue = HandfulQueue("numbers", fail, 10 * TURN)
    with queue._working:  # as a thread that drains holds it
        for number in range(TURN + 1):
            queue.offer(number)
        assert len(queue) == TURN + 1
    queue.offer(-1)
    assert [record.message for record in caplog.records] == ["numbers failed: ValueError"]


def test_what_does_not_fit_is_dropped_and_counted() -> None:
    queue = HandfulQueue[int]("numbers", lambda items: None, 2)
    for number in range(5):
        queue.offer(number)
    assert (len(queue), queue.dropped) == (2, 3)
