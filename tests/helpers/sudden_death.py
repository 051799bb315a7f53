"""A program that publishes, promotes or cleans up, and at its n-th file operation dies or meets another one.

Run as `python -m tests.helpers.sudden_death CANDIDATES KEY`. Each line on stdin holds, separated by tabs: the
number of the operation; `die`, or `live` after the other one has done all of its work; the scenario; that of
the other one, or nothing; the folder of a home. The answer on stdout is how it ended, and how the other one
did: `died`, `done`, `refused` or `none`. The work is done in forked children, so that nothing but the volume
carries over.
"""

import os
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from goldenpath import volume
from goldenpath.errors import GoldenpathError
from goldenpath.registry.registry import Keys, Registry
from goldenpath.registry.retention import carry_out, plan_versions
from tests.helpers.candidates import manifest

MODEL = "churn"
BY = {"who": "ada@example.org", "why": "it is better"}
# Everything that volume.py asks of the operating system to change or read a file.
OPERATIONS = ("mkdir", "open", "write", "fchmod", "fsync", "close", "rename", "replace", "unlink", "rmdir")
ORIGINAL = {name: getattr(os, name) for name in OPERATIONS}
FAR_LATER = datetime(2030, 1, 1, tzinfo=UTC)
NEW = manifest(2).version  # of the candidate `new`
ENDINGS = {0: "done", 1: "failed", 2: "refused"}  # by exit code

Scenario = Callable[[], None]


@dataclass
class Interruption:
    "What happens at the n-th file operation of this process."

    number: int
    dies: bool
    other: Scenario | None
    report: int  # descriptor that the other's ending is written to
    left: int = field(init=False)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.left = self.number
        for name in OPERATIONS:
            setattr(os, name, self.counted(name, ORIGINAL[name]))

    def counted(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        "Run the operation, take one from the count, and interrupt the process at zero."

        def call(*arguments: Any, **named: Any) -> Any:
            with self.lock:  # folders are deleted by several threads
                self.left -= 1
                if self.left == 0:
                    self.happen(name, operation, arguments)
            return operation(*arguments, **named)

        return call

    def happen(self, name: str, operation: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        "Let the other one do its work; then die, in a write after half of it."
        if self.other:
            ORIGINAL["write"](self.report, in_a_child(self.other).encode())
        if self.dies:
            if name == "write":
                operation(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)


def in_a_child(work: Scenario) -> str:
    "Do some work in a forked child, with the operations as they are; how it ended."
    child = os.fork()
    if child == 0:
        for name, operation in ORIGINAL.items():
            setattr(os, name, operation)
        volume._mask_lock = threading.Lock()  # the one that it meets may hold it
        end(work)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return "died"
    return ENDINGS[os.waitstatus_to_exitcode(status)]


def end(work: Scenario) -> NoReturn:
    "Do some work and exit."
    try:
        work()
        os._exit(0)
    except GoldenpathError:
        os._exit(2)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def publish_and_promote(registry: Registry, candidates: Path) -> None:
    "Publish, as the last step of the training pipeline does."
    registry.promote(registry.publish(candidates / "new"), **BY)


def publish_again(registry: Registry, candidates: Path) -> None:
    "Publish the same candidate once more."
    registry.publish(candidates / "new")


def promote(registry: Registry, candidates: Path) -> None:
    "Promote, as `goldenpath models promote` does."
    registry.promote(NEW, **BY)


def restore(registry: Registry, candidates: Path) -> None:
    "Restore, as `goldenpath models restore` does."
    if not registry.restore(NEW):
        registry.expect(NEW)


def clean_up(registry: Registry, candidates: Path) -> None:
    "Remove old versions, as `goldenpath models gc` does."
    carry_out(registry, plan_versions(registry, 1, timedelta(days=7), FAR_LATER), FAR_LATER)


def clean_up_twice(registry: Registry, candidates: Path) -> None:
    "Run gc twice, two months apart: move to the trash, then delete."
    for now in (FAR_LATER, FAR_LATER + timedelta(days=30)):
        carry_out(registry, plan_versions(registry, 1, timedelta(days=7), now), now)


SCENARIOS = {
    "publish": publish_and_promote,
    "publish again": publish_again,
    "promote": promote,
    "restore": restore,
    "gc": clean_up,
    "gc twice": clean_up_twice,
}


def run(work: Scenario, other: Scenario | None, number: int, dies: bool) -> str:
    "Interrupt the work at an operation; how it ended, and how the other one did."
    reader, writer = os.pipe()

    def interrupted() -> None:
        Interruption(number, dies, other, writer)
        work()

    ending = in_a_child(interrupted)
    os.close(writer)
    with os.fdopen(reader) as report:
        return f"{ending} {report.read() or 'none'}"


def main(candidates: str, key: str) -> None:
    "Answer line by line."
    warnings.simplefilter("ignore")
    volume.RENAME_PATIENCE = 0.0  # on one mount nothing appears later
    tempfile.gettempdir()  # found once, under a lock, which a child would inherit
    import model_signing.signing
    import model_signing.verifying  # noqa: F401 - imported once, not in every child

    keys = Keys(sign_with=Path(key))
    for line in sys.stdin:
        number, then, scenario, other, home = line.rstrip("\n").split("\t")

        def work(name: str, home: Path = Path(home)) -> Scenario:
            return lambda: SCENARIOS[name](Registry(home, MODEL, keys), Path(candidates))

        print(run(work(scenario), work(other) if other else None, int(number), then == "die"), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
