"""Many processes that append, and are killed: everything that was written is read, once."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from goldenpath.feedback.answer_tables import read_answers
from goldenpath.feedback.answers import AnswerRow, AnswerWriter
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.line_files import LineFile
from goldenpath.feedback.retention import Limits
from tests.helpers.fuse_mount import Mounts


def row(name: str) -> AnswerRow:
    reply = f'{{"id":"{name}","label":"Yes","version":"v1","probability":0.75}}'
    return AnswerRow(time.time(), "champion", reply.encode(), b'{"text":"' + b"x" * 200 + b'"}')


def forked(work: Callable[[], None]) -> int:
    "Do this in a process of its own, and return its id."
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    finally:
        os._exit(0)


def write_on(folder: FeedbackFolder, writer: int, written: int) -> None:
    "Append without end; the number of answers that were flushed goes into a pipe."
    store = AnswerWriter(folder, Limits(90, 1000), LineFile(folder.answers, folder.home, full=5_000))
    for number in range(1_000_000):
        store.add([row(f"{writer}-{number}")])
        store.flush()
        os.write(written, b".")


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing_that_was_flushed(home: Path):
    folder, flushed = FeedbackFolder(home, "m"), []
    for writer in range(100):
        reader, written = os.pipe()
        pid = forked(lambda: write_on(folder, writer, written))  # noqa: B023 - it runs before the next one
        time.sleep(random.Random(writer).uniform(0.002, 0.02))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(written)
        flushed.append(len(os.read(reader, 1_000_000)))
        os.close(reader)
    rows = read_answers(folder).rows
    assert sum(flushed) > 100
    for writer, count in enumerate(flushed):
        numbers = sorted(int(name.partition("-")[2]) for name in rows["id"] if name.startswith(f"{writer}-"))
        assert numbers == [*range(len(numbers))]
        assert count <= len(numbers) <= count + 1  # one may have been written, and not yet noted


@pytest.mark.slow
def test_eight_writers_on_two_mounts_and_readers_that_make_parquet_lose_and_double_nothing(mounts: Mounts):
    first = FeedbackFolder(mounts.first / "answers", "m")
    first.home.mkdir()
    folders = [first, FeedbackFolder(mounts.seen_on(mounts.second, first.home), "m")]

    def write(writer: int) -> None:
        folder = folders[writer % 2]
        store = AnswerWriter(folder, Limits(90, 1000), LineFile(folder.answers, folder.home, full=5_000))
        for number in range(100):
            store.add([row(f"{writer}-{number}")])
            store.flush()
        if writer < 6:  # the others are killed
            store.close()

    def read() -> None:
        for _ in range(10):
            read_answers(folders[1])

    pids = [*(forked(lambda: write(writer)) for writer in range(8)), forked(read), forked(read)]  # noqa: B023
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0] * 10
    expected = sorted(f"{writer}-{number}" for writer in range(8) for number in range(100))
    for folder in folders:
        answers = read_answers(folder)
        assert answers.problems == ()
        assert sorted(answers.rows["id"]) == expected
