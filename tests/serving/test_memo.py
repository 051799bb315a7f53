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
from serving.asking import Asked
from serving.memo import LONGEST, Memo, remembering
from serving.models import Models

MOST = 100


def answering(body: bytes, key: str = "") -> Asked:
    "An answer that tells what was asked."
    return Asked(cast(Record, None), Answer(key, float(len(body)), body.hex()), 0.1)


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models(Registry(tmp_path, "m"), cast(Any, None))


@pytest.fixture
def hasty() -> Iterator[None]:
    "Threads that take turns as often as they can."
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_many_threads_get_right_answers_and_the_bound_holds(models: Models, hasty: None) -> None:
    recall = remembering(answering, models, MOST)

    def ask_many(thread: int) -> int:
        longest = 0
        for number in range(5_000):
            body = b"%d" % (number * (thread % 4 + 1))
            assert recall(body).answer.version == body.hex()
            longest = max(longest, len(models.live.memo))
        return longest

    with ThreadPoolExecutor(8) as threads:
        assert max(threads.map(ask_many, range(8))) <= MOST
    assert len(models.live.memo) == MOST


def test_the_oldest_is_forgotten_first(models: Models) -> None:
    recall = remembering(answering, models, 2)
    for body in (b"a", b"b", b"a", b"c"):
        recall(body, "k")
    assert list(models.live.memo) == [("k", b"b"), ("k", b"c")]


def test_a_remembered_answer_took_the_model_no_time(models: Models) -> None:
    recall = remembering(answering, models, MOST)
    assert [recall(b"a").seconds, recall(b"a").seconds] == [0.1, None]


def test_bodies_and_keys_are_remembered_up_to_their_longest(models: Models) -> None:
    recall = remembering(answering, models, MOST)
    recall(b"a" * LONGEST)
    recall(b"a" * (LONGEST - 1), "k")
    assert len(models.live.memo) == 2
    recall(b"b" * (LONGEST + 1))
    recall(b"b" * LONGEST, "k")
    assert len(models.live.memo) == 2


def test_a_full_memo_takes_something_new_as_fast_as_an_empty_one() -> None:
    def keep(first: int, count: int) -> float:
        started = time.perf_counter()
        for number in range(first, first + count):
            memo.keep(("", b"%d" % number), answer, 200_000)
        return (time.perf_counter() - started) / count

    memo, answer = Memo(), answering(b"")
    fresh = keep(0, 200_000)
    assert keep(200_000, 20_000) < 20 * fresh
