"""Interrupt the program `tests.helpers.sudden_death` at one file operation after another in fresh homes."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from goldenpath.registry.registry import Keys


class Ending(NamedTuple):
    "How the interrupted work ended, and that which it met: died, done, refused or none."

    one: str
    other: str


@dataclass(frozen=True)
class Meeting:
    "What is interrupted, what it meets there, and what becomes of it."

    one: str  # a scenario
    other: str = ""  # a scenario; empty: nothing is met
    then: str = "die"  # or live


@dataclass(frozen=True)
class Interrupter:
    "The running program, and what it works with."

    candidates: Path  # the folder of `old`, `new` and `next`
    keys: Keys
    program: "subprocess.Popen[str]"

    def interrupt(self, number: int, meeting: Meeting, home: Path) -> Ending:
        "Interrupt at the n-th operation."
        assert self.program.stdin
        assert self.program.stdout
        words = (number, meeting.then, meeting.one, meeting.other, home)
        self.program.stdin.write("\t".join(map(str, words)) + "\n")
        self.program.stdin.flush()
        return Ending(*self.program.stdout.readline().split())

    def every(
        self,
        step: int,  # 1: every operation
        meeting: Meeting,
        make_home: Callable[[int], Path],
        check: Callable[[Path, Ending], None],
    ) -> int:
        "Interrupt one operation after another until the work is over before it; how many there were."
        number = 1
        while True:
            home = make_home(number)
            ending = self.interrupt(number, meeting, home)
            assert "failed" not in ending
            check(home, ending)
            if ending.one != "died" and ending.other == "none":
                return (number - 1) // step
            number += step


@contextmanager
def interrupter(candidates: Path, keys: Keys, scratch: Path) -> Iterator[Interrupter]:
    "Start the program, and end it."
    command = [sys.executable, "-m", "tests.helpers.sudden_death", str(candidates), str(keys.sign_with)]
    environment = {**os.environ, "TMPDIR": str(scratch)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as program:
        yield Interrupter(candidates, keys, program)
        assert program.stdin
        program.stdin.close()
