"""Remembered answers: bounded and exact, whoever asks at the same time."""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from goldenpath.predict import Answer
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import Record
from serving.models import LONGEST_QUESTION, Live, Memo, Models, TimedAnswer
from serving.state import State
from tests.helpers.serving_app import settings_of

MOST = 100


class Echo:
    "Contract and model in one: the answer's version says what was asked."

    version = "echo"

    def parse(self, body: bytes) -> bytes:
        return body

    def one(self, body: bytes) -> Answer:
        return Answer("Yes", float(len(body)), body.hex())


def worker(folder: Path, most: int = MOST) -> State:
    "Return a worker that remembers so many answers."
    models, echo = Models(Registry(folder, "m"), cast(Any, None)), cast(Any, Echo())
    models.live = Live(champion=echo)
    return State(settings_of(folder, memo=most), echo, models, lambda: False)


@pytest.fixture
def hasty() -> Iterator[None]:
    "Threads that take turns as often as they can."
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_many_threads_get_right_answers_and_the_bound_holds(tmp_path: Path, hasty: None) -> None:
    state = worker(tmp_path)

    def ask_many(thread: int) -> int:
        longest = 0
        for number in range(5_000):
            body = b"%d" % (number * (thread % 4 + 1))
            assert state.answer(body).answer.version == body.hex()
            longest = max(longest, len(state.live.memo))
        return longest

    with ThreadPoolExecutor(8) as threads:
        assert max(threads.map(ask_many, range(8))) <= MOST
    assert len(state.live.memo) == MOST


def test_the_oldest_is_forgotten_first(tmp_path: Path) -> None:
    state = worker(tmp_path, 2)
    for body in (b"a", b"b", b"a", b"c"):
        state.answer(body, "k")
    assert list(state.live.memo) == [("k", b"b"), ("k", b"c")]


def test_a_remembered_answer_took_the_model_no_time(tmp_path: Path) -> None:
    state = worker(tmp_path)
    first, second = state.answer(b"a"), state.answer(b"a")
    assert first.seconds is not None
    assert second == first._replace(seconds=None)


def test_bodies_and_keys_are_remembered_up_to_their_longest(tmp_path: Path) -> None:
    state = worker(tmp_path)
    state.answer(b"a" * LONGEST_QUESTION)
    state.answer(b"a" * (LONGEST_QUESTION - 1), "k")
    assert len(state.live.memo) == 2
    state.answer(b"b" * (LONGEST_QUESTION + 1))
    state.answer(b"b" * LONGEST_QUESTION, "k")
    assert len(state.live.memo) == 2


def test_a_full_memo_takes_something_new_as_fast_as_an_empty_one() -> None:
    def keep(first: int, count: int) -> float:
        started = time.perf_counter()
        for number in range(first, first + count):
            memo.keep(("", b"%d" % number), answer, 200_000)
        return (time.perf_counter() - started) / count

    memo, answer = Memo(), TimedAnswer(cast(Record, None), Answer("Yes", 0.1, "v"), 0.1, "champion")
    fresh = keep(0, 200_000)
    assert min(keep(200_000 + start, 2_000) for start in range(0, 20_000, 2_000)) < 20 * fresh
