"""Workers that count and are killed outright, again and again: what is lost then?

`python -m tests.helpers.killed_counter HOME KILLS` starts a worker's counting in a forked child, gives it an
answer every half millisecond, and kills it at any moment; it writes every 50 ms instead of every 10 s. For
each child one line is printed: answers that it was given, and how many of them it had been given when the
last write that ended had begun.
"""

import os
import random
import signal
import struct
import sys
import time
from pathlib import Path

from goldenpath.contract import CONTRACT
from goldenpath.predict import Answer
from goldenpath.registry.registry import Registry
from serving.watchers.feedback import FeedbackCollector
from tests.helpers.serving_app import settings_of
from tests.helpers.serving_fixtures import MODEL, records

WRITE_SECONDS = 0.05
GIVEN, WRITTEN = 0, 1
NOTE = struct.Struct("bq")  # kind, number of answers


def count_for_ever(home: Path, pipe: int) -> None:
    "Count answers, and note how many were given and how many of them were there when a write began."
    collector = FeedbackCollector(
        settings_of(home, feedback="counts"), CONTRACT, Registry(home, MODEL), WRITE_SECONDS
    )
    given, write = 0, collector.write

    def noted_write() -> None:
        at_start = given
        write()
        os.write(pipe, NOTE.pack(WRITTEN, at_start))

    collector.write = noted_write  # type: ignore[method-assign]
    collector.start()
    parsed = [CONTRACT.parse(CONTRACT.record(**record).model_dump_json()) for record in records(20, 1)]
    while True:
        answer = Answer("Yes", 0.5, f"killed-{os.getpid()}")
        collector.single.offer((time.time(), "champion", parsed[given % 20], answer, b"", b""))
        given += 1
        os.write(pipe, NOTE.pack(GIVEN, given))
        time.sleep(0.0005)


def killed(home: Path, random_seconds: random.Random) -> str:
    "Let a child count for a moment, and kill it."
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        count_for_ever(home, writer)
    os.close(writer)
    time.sleep(random_seconds.uniform(0.05, 0.4))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as pipe:
        notes = [*NOTE.iter_unpack(pipe.read())]
    given, written = (max([0, *(n for kind, n in notes if kind == wanted)]) for wanted in (GIVEN, WRITTEN))
    return f"killed-{child} {given} {written}"


def main(home: str, kills: str) -> None:
    chance = random.Random(7)
    for _ in range(int(kills)):
        print(killed(Path(home), chance), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
