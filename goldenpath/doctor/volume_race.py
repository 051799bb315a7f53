"""Can this volume be trusted? Two processes or pods race for names on it and compare what they saw.

Both sides speak through the volume alone. First they exchange messages, which tells how long a change takes
to be seen and how far their clocks are apart; then both rename a folder onto the same name at the same
moment, again and again. A volume on which both believe to have won cannot hold a registry.
"""

import json
import secrets
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from goldenpath.errors import BadInput, RaceLost, VolumeFault
from goldenpath.measure.machine import mount_of, read_mounts
from goldenpath.records import Frozen
from goldenpath.registry.artifact import is_plain
from goldenpath.registry.litter import remove
from goldenpath.volume import (
    STAGING,
    complete,
    faults,
    make_folders,
    place,
    read_file,
    settle,
    take_name,
    write_file,
)

ROUNDS = 200
PINGS = 20
_GAP = 0.02  # seconds between two races
LEAD = 0.5  # seconds until the first race, so that both sides know of it
POLL = 0.001  # seconds between two looks
RACE_PATIENCE = 60.0  # seconds that one side waits for the other's next message
MEETING = 600.0  # seconds that a pod waits for the other one to be started
_SLOW = 2.0  # seconds after which a change is seen too late for comfort
SAID = "said"  # the one file of every folder here
_LIMIT = 1 << 20  # bytes of a message


class RaceReport(Frozen):
    "What two sides saw on one volume."

    folder: Path
    file_system: str  # as the kernel calls it: nfs4, ceph, fuse.seaweedfs, ext4, ...
    rounds: int
    together: int  # rounds in which both renames really ran at the same time
    won_by_both: int
    won_by_none: int
    exchanged: int  # rounds whose name held something else than the winner's folder
    seen_p50: float  # seconds until a change is seen by the other side
    seen_max: float
    clocks_apart: float  # seconds

    @property
    def trusted(self) -> bool:
        "May a registry lie here?"
        return not (self.won_by_both or self.won_by_none or self.exchanged) and self.together > 0

    @property
    def advice(self) -> tuple[str, ...]:
        "What to change, if anything."
        lines = []
        if self.won_by_both or self.won_by_none or self.exchanged:
            lines.append(
                "put home on another volume (CephFS, NFS 4, or a local disk): here two writers can both win"
            )
        elif not self.together:
            lines.append("the two sides never met at the same moment, so nothing is shown: run it again")
        if self.seen_max > _SLOW:
            lines.append(
                f"a change is seen after up to {self.seen_max:.1f} s: mount NFS with actimeo=1, others alike"
            )
        return tuple(lines)


@dataclass(frozen=True)
class Saw:
    "What one side has to say in the end."

    won: list[bool]  # by round
    began: list[float]  # by round: seconds since 1970, on the first side's clock
    ended: list[float]
    placed: list[float]  # by message: seconds that placing it took


class Side:
    "One of the two: puts messages on the volume and waits for the other's."

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_hex(8)
        self.placed: list[float] = []

    def say(self, name: str, text: str) -> None:
        "Put a message under a name of its own."
        started = time.monotonic()
        place(self.folder / name, lambda staged: write_file(staged / SAID, text.encode()))
        self.placed.append(time.monotonic() - started)

    def hear(self, name: str, patience: float = RACE_PATIENCE) -> str:
        "Wait for a message. Raises VolumeFault where it does not come."
        until = time.monotonic() + patience
        while not (text := self._look(name)):
            if time.monotonic() > until:
                raise VolumeFault(
                    f"{self.folder / name} was not seen within {patience:.0f} s: did the other side stop?"
                )
            time.sleep(POLL)
        return text

    def _look(self, name: str) -> str:
        try:
            return read_file(self.folder / name / SAID, _LIMIT).decode()
        except FileNotFoundError:
            return ""


def race(home: Path, rounds: int = ROUNDS) -> RaceReport:
    "Race two processes of this machine on a volume. Raises VolumeFault."
    name = secrets.token_hex(8)
    words = [sys.executable, "-m", "goldenpath.doctor.volume_race", str(home), name, str(rounds)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as other:
        try:
            return race_with(home, name, rounds, RACE_PATIENCE)
        except BaseException:
            other.kill()
            raise


def race_with(home: Path, name: str, rounds: int = ROUNDS, patience: float = MEETING) -> RaceReport:
    """Race another caller with the same name, from another process or pod, on the same volume.

    Raises BadInput for a name that cannot be used, VolumeFault where the other side does not come.
    """
    if not is_plain(name):
        raise BadInput(
            f"name {name!r} must be plain, such as {secrets.token_hex(3)}: the same one in both pods"
        )
    side = Side(home / "races" / name)
    first = meet(side, patience)
    try:
        pings, apart = (call if first else answer_pings)(side)
        saw = run_rounds(side, rounds, first, apart)
        side.say(f"saw-{first}", json.dumps(saw.__dict__))
        theirs = Saw(**json.loads(side.hear(f"saw-{not first}")))
        report = judge_race(side, (saw, theirs) if first else (theirs, saw), pings, apart)
        if first:
            side.hear("done")
        else:
            side.say("done", "yes")
        return report
    finally:
        if first:  # the other one has said all it had to say
            remove(side.folder)


def meet(side: Side, patience: float) -> bool:
    "Wait until there are two; is this the first of them?"
    with faults(side.folder):
        make_folders(side.folder)
    side.say(f"side-{side.token}", side.token)
    until = time.monotonic() + patience
    while len(sides := [name for name in complete(side.folder) if name.startswith("side-")]) < 2:
        if time.monotonic() > until:
            remove(side.folder)
            raise VolumeFault(
                f"{side.folder}: no other process came within {patience:.0f} s; start the other side too"
            )
        time.sleep(0.05)
    if len(sides) > 2:
        raise BadInput(f"{side.folder} has {len(sides)} sides: choose an unused name")
    return sides[0] == f"side-{side.token}"


def call(
    side: Side,
) -> tuple[list[float], float]:  # seconds of each round trip, seconds that clocks are apart
    "Send messages and measure until the answer is seen; the quickest tells how far the clocks are apart."
    trips, offsets = [], []
    for number in range(PINGS):
        sent = time.time()
        side.say(f"ping-{number}", "?")
        theirs = float(side.hear(f"pong-{number}"))
        back = time.time()
        trips.append(back - sent)
        offsets.append(theirs - (sent + back) / 2)
    apart = offsets[trips.index(min(trips))]
    side.say("clock", json.dumps([trips, apart]))
    return trips, apart


def answer_pings(side: Side) -> tuple[list[float], float]:
    "Answer messages, and hear what the first side made of it."
    for number in range(PINGS):
        side.hear(f"ping-{number}")
        side.say(f"pong-{number}", repr(time.time()))
    trips, apart = json.loads(side.hear("clock"))
    return trips, apart


def run_rounds(side: Side, rounds: int, first: bool, apart: float) -> Saw:
    "Stage a folder for every round, agree on a start, and rename them one by one on the beat."
    shift = 0.0 if first else apart  # from the first side's clock to this one's
    staged = [_stage(side, number) for number in range(rounds)]
    side.say(f"ready-{first}", "yes")
    side.hear(f"ready-{not first}")
    if first:
        side.say("start", repr(time.time() + LEAD))
    start = float(side.hear("start"))
    won, began, ended = [], [], []
    for number, folder in enumerate(staged):
        _wait_until(start + shift + number * _GAP)
        began.append(time.time() - shift)
        won.append(_rename(folder, side.folder / f"round-{number}"))
        ended.append(time.time() - shift)
    return Saw(won, began, ended, side.placed)


def _stage(side: Side, number: int) -> Path:
    folder = side.folder / f"{STAGING}{side.token}-{number}"
    with faults(folder):
        make_folders(folder)
        write_file(folder / SAID, side.token.encode())
        settle(folder)
    return folder


def _wait_until(moment: float) -> None:
    # Asleep for most of the time, awake for the last millisecond, which a sleep would miss.
    while (left := moment - time.time()) > 0:
        time.sleep(max(0.0, left - 0.001))


def _rename(folder: Path, name: Path) -> bool:
    with faults(name):
        try:
            take_name(folder, name)
        except RaceLost:
            return False
    return True


def judge_race(side: Side, saw: tuple[Saw, Saw], trips: list[float], apart: float) -> RaceReport:
    "Compare what both sides saw, and look who really holds each name."
    first, second = saw
    rounds = list(zip(first.won, second.won, strict=True))
    spans = zip(first.began, first.ended, second.began, second.ended, strict=True)
    # Placing a message takes time, too: what is left of a round trip is twice the time until it is seen.
    messages = zip(trips, first.placed[1:], second.placed[1:], strict=False)
    delays = [max(0.0, trip - placed - answered) / 2 for trip, placed, answered in messages]
    return RaceReport(
        folder=side.folder,
        file_system=mount_of(side.folder, read_mounts()).kind,
        rounds=len(rounds),
        together=sum(begin < end2 and begin2 < end for begin, end, begin2, end2 in spans),
        won_by_both=sum(one and two for one, two in rounds),
        won_by_none=sum(not (one or two) for one, two in rounds),
        exchanged=_exchanged(side, rounds),
        seen_p50=statistics.median(delays),
        seen_max=max(delays),
        clocks_apart=abs(apart),
    )


def _exchanged(side: Side, rounds: list[tuple[bool, bool]]) -> int:
    sides = sorted(name.removeprefix("side-") for name in complete(side.folder) if name.startswith("side-"))
    winners = [sides[0] if one else sides[1] for one, _ in rounds]
    return sum(side.hear(f"round-{number}") != winner for number, winner in enumerate(winners))


if __name__ == "__main__":
    race_with(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), RACE_PATIENCE)
