"""Minutes of steady load while everything happens: `python -m benchmarks.soak`.

Two workers. In the meantime: 20 changes of roles, a worker killed twice, the role log away for 10 s, a spoilt
version made champion, a version withdrawn. No request may fail but those in flight in a killed worker, every
change must be answered by within 2 s, and memory must end within 10 % of the first minute.
"""

import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import click
from rich.console import Console

from benchmarks.load import Started, family, resident, started
from benchmarks.projects import champion_of, project_copy, trained, variant
from goldenpath.errors import GoldenpathError
from goldenpath.measure.http_client import Connection
from goldenpath.registry.registry import Registry

CHANGES = 20
CONNECTIONS = 8
PACE = 0.01  # seconds between two requests of a connection
AWAY = 10.0  # seconds in which the role log cannot be read
WITHIN = 2.0  # seconds until a change must be answered by
GROWTH = 1.10  # memory at the end, as a multiple of the first minute's
WHO = "soak"


@dataclass
class Seen:
    "What the load saw; lists only grow, so threads may share them."

    answers: list[tuple[float, str]] = field(default_factory=list)  # when, and the version
    failures: list[tuple[float, str]] = field(default_factory=list)  # when, and what


@dataclass
class Happened:
    "What was done to the server."

    changes: list[tuple[float, str]] = field(default_factory=list)  # when, and who must answer
    kills: list[float] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)  # when, and bytes of all workers
    notes: list[str] = field(default_factory=list)


class Load:
    "Steady requests on keep-alive connections."

    def __init__(self, url: str, bodies: Sequence[bytes]) -> None:
        self.seen = Seen()
        self._url, self._bodies = url, bodies
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(CONNECTIONS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        while not self._over.is_set():
            try:
                with Connection(self._url) as line:
                    self._on(line, number)
            except (OSError, GoldenpathError) as fault:
                self.seen.failures.append((time.monotonic(), f"{type(fault).__name__}: {fault}"))

    def _on(self, line: Connection, number: int) -> None:
        while not self._over.is_set():
            number += 1
            reply = line.post("/predict", self._bodies[number % len(self._bodies)])
            if reply.status == 200:
                self.seen.answers.append((time.monotonic(), json.loads(reply.body)["version"]))
            else:
                self.seen.failures.append((time.monotonic(), f"{reply.status} {reply.body[:200]!r}"))
            time.sleep(PACE)


def another(registry: Registry, version: str, number: int, folder: Path) -> str:
    "Publish the same model again under another identity."
    identity = sha256(f"{version} {number}".encode()).hexdigest()
    when = datetime.now(UTC) + timedelta(seconds=number)
    return registry.publish(variant(registry.folder(version), folder / str(number), identity, when))


def spoil(registry: Registry, version: str) -> None:
    "Change one byte of a published model."
    file = registry.folder(version) / "model.skops"
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


class Events:
    "Everything that happens to the server, one after the other."

    def __init__(self, server: Started, registry: Registry, versions: list[str], events: Happened) -> None:
        self.server, self.registry, self.told = server, registry, events
        self.versions = versions
        self.bad = versions.pop()
        self.withdrawn = versions.pop()

    def plan(self, seconds: float) -> list[tuple[float, Callable[[], None]]]:
        "When what happens; seconds after the start."
        changes = [((number + 1) * seconds / (CHANGES + 2), self.change) for number in range(CHANGES)]
        rest = [
            (0.31 * seconds, self.kill),
            (0.42 * seconds, self.promote_spoilt),
            (0.52 * seconds, self.hide_log),
            (0.72 * seconds, self.withdraw),
            (0.81 * seconds, self.kill),
        ]
        return sorted([*changes, *rest], key=lambda one: one[0])

    def change(self) -> None:
        "Promote the next version to champion; the others become challenger and shadow in turn."
        following = [*self.versions[1:], self.versions[0]]
        self.versions = following
        self.promote(following[0])
        self.registry.promote(following[1], "shadow", why="soak", who=WHO)

    def promote(self, version: str) -> None:
        self.registry.promote(version, why="soak", who=WHO)
        self.told.changes.append((time.monotonic(), version))

    def kill(self) -> None:
        worker = family(self.server.pid)[-1]
        os.kill(worker, signal.SIGKILL)
        self.told.kills.append(time.monotonic())
        self.told.notes.append(f"killed worker {worker}")

    def promote_spoilt(self) -> None:
        "Make an altered version champion, past every check; the previous version must keep serving."
        spoil(self.registry, self.bad)
        self.registry.assign(
            lambda roles: roles.model_copy(update={"champion": self.bad}), why="soak: spoilt", who=WHO
        )
        self.told.notes.append(f"{self.bad} is spoilt and champion")

    def hide_log(self) -> None:
        log = self.registry.root / "roles"
        hidden = log.with_name("roles-away")
        log.rename(hidden)
        self.told.notes.append(f"the role log is away for {AWAY:g} s")
        time.sleep(AWAY)
        hidden.rename(log)

    def withdraw(self) -> None:
        "One version becomes champion and is withdrawn a little later; the previous champion keeps serving."
        self.promote(self.withdrawn)
        time.sleep(WITHIN)
        self.registry.withdraw(self.withdrawn, why="soak", who=WHO)
        self.told.changes.append((time.monotonic(), ""))
        self.told.notes.append(f"{self.withdrawn} was withdrawn")


def watch_memory(server: Started, events: Happened, over: threading.Event) -> None:
    "Note every second how much the workers hold."
    while not over.wait(1.0):
        with contextlib.suppress(OSError, IndexError):  # a worker that has just gone
            workers = family(server.pid)[1:]
            if len(workers) == 2:
                events.memory.append((time.monotonic(), sum(map(resident, workers))))


def judge(began: float, replies: Seen, events: Happened, withdrawn: str, within: float = WITHIN) -> list[str]:
    "List what failed."
    wrong = []
    unexplained = [
        one for one in replies.failures if not any(0 <= one[0] - kill < 1 for kill in events.kills)
    ]
    if unexplained:
        wrong.append(f"{len(unexplained)} failed requests, e.g. {unexplained[0][1]}")
    if len(replies.failures) > CONNECTIONS * len(events.kills):
        wrong.append(f"{len(replies.failures)} failures are more than were in flight in killed workers")
    slowest = max(delays(replies, events, withdrawn), default=0.0)
    if slowest > within:
        wrong.append(f"a change was answered by only after {slowest:.2f} s")
    early, late = memory_of(events, began)
    if late > early * GROWTH:
        wrong.append(f"memory grew from {early / 1e6:.0f} to {late / 1e6:.0f} MB")
    return wrong


def delays(replies: Seen, events: Happened, withdrawn: str) -> list[float]:
    "Seconds from each change until the last answer by another version, up to the next change."
    if not events.changes:
        return []
    waits = []
    ends = [*(when for when, _ in events.changes[1:]), float("inf")]
    for (when, version), end in zip(events.changes, ends, strict=True):
        wrong = [
            at - when
            for at, by in replies.answers
            if when < at < end and (by != version if version else by == withdrawn)
        ]
        waits.append(max(wrong, default=0.0))
    return waits


def memory_of(events: Happened, began: float) -> tuple[float, float]:  # bytes
    "Return the mean over the first minute (its first 10 s left out) and over the last 10 s."
    last = events.memory[-1][0]
    early = [size for when, size in events.memory if 10 <= when - began <= 60]
    late = [size for when, size in events.memory if last - when <= 10]
    return sum(early) / len(early), sum(late) / len(late)


def run(
    folder: Path,
    seconds: float,
    tell: Callable[[str], None],
    within: float = WITHIN,
    **variables: str,  # of the training before it
) -> list[str]:
    "Run the whole soak and return what failed."
    project = trained(project_copy(folder / "project"), **variables)
    registry, first = champion_of(project)
    versions = [first, *(another(registry, first, number, folder / "more") for number in range(1, 6))]
    golden = json.loads((registry.folder(first) / "golden.json").read_text())["records"]
    bodies = [json.dumps(record).encode() for record in golden]
    command = [sys.executable, "-m", "serving", "--listen", "{address}", "--workers", "2"]
    happened, over = Happened(), threading.Event()
    with (
        started(command, ("/predict", bodies[0]), project, pin=False) as server,
        Load(server.url, bodies) as load,
    ):
        began = time.monotonic()
        watcher = threading.Thread(target=watch_memory, args=(server, happened, over))
        watcher.start()
        events = Events(server, registry, versions, happened)
        for when, event in events.plan(seconds):
            time.sleep(max(0.0, began + when - time.monotonic()))
            event()
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        over.set()
        watcher.join()
    report(began, load.seen, happened, events.withdrawn, tell)
    return judge(began, load.seen, happened, events.withdrawn, within)


def report(
    began: float, replies: Seen, events: Happened, withdrawn: str, tell: Callable[[str], None]
) -> None:
    "Summarize the soak in a few lines."
    early, late = memory_of(events, began)
    slowest = max(delays(replies, events, withdrawn))
    tell(f"{len(replies.answers):,} requests answered, by {len({by for _, by in replies.answers})} versions")
    tell(f"{len(replies.failures)} failed, all to explain by {len(events.kills)} killed workers:")
    for when, what in replies.failures:
        near = min((abs(when - kill) for kill in events.kills), default=float("nan"))
        tell(f"  {near:.3f} s from a kill: {what}")
    tell(f"{len(events.changes)} changes of the champion, the slowest answered by after {slowest:.2f} s")
    tell(f"memory of both workers: first minute {early / 1e6:.1f} MB, end {late / 1e6:.1f} MB")
    for note in events.notes:
        tell(f"  {note}")


@click.command()
@click.option("--seconds", default=300.0, show_default=True, help="How long the load lasts; at least 60.")
def main(seconds: float) -> None:
    "Load the server for minutes while everything happens to it."
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        wrong = run(Path(folder), seconds, console.print)
    for one in wrong:
        console.print(f"WRONG: {one}")
    console.print("everything held" if not wrong else "")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
