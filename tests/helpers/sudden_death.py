"""A program that publishes, promotes or cleans up, and kills itself at the n-th file operation.

Run as `python -m tests.helpers.sudden_death SCENARIO CANDIDATES KEY`: each line on stdin is the number of the
operation to die at and the folder of a home; the answer on stdout is `died` or `done`. The work is done in a
forked child, so that nothing but the volume carries over.
"""

import os
import signal
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from goldenpath.registry.registry import Keys, Registry
from goldenpath.registry.retention import carry_out, plan_versions

MODEL = "churn"
BY = {"who": "ada@example.org", "why": "it is better"}
# Everything that volume.py asks of the operating system to change or read a file.
OPERATIONS = ("mkdir", "open", "write", "fchmod", "fsync", "close", "rename", "replace", "unlink", "rmdir")
FAR_LATER = datetime(2030, 1, 1, tzinfo=UTC)


def die_at(number: int) -> None:
    "Kill this process before its n-th file operation; in a write, after half of it."
    left = [number]
    for name in OPERATIONS:
        setattr(os, name, counted(name, getattr(os, name), left))


def counted(name: str, operation: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    "The operation, which takes one from the count and ends the process at zero."

    def call(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            if name == "write":
                operation(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return operation(*arguments, **named)

    return call


def publish_and_promote(home: Path, candidates: Path, keys: Keys) -> None:
    "What the last step of the training pipeline does."
    registry = Registry(home, MODEL, keys)
    registry.promote(registry.publish(candidates / "new"), **BY)


def clean_up(home: Path, candidates: Path, keys: Keys) -> None:
    "What `goldenpath models gc` does, twice: moving aside, then deleting."
    registry = Registry(home, MODEL, keys)
    for now in (FAR_LATER, FAR_LATER + timedelta(days=30)):
        carry_out(registry, plan_versions(registry, 1, timedelta(days=7), now), now)


SCENARIOS = {"publish": publish_and_promote, "gc": clean_up}


def run(scenario: str, number: int, home: Path, candidates: Path, keys: Keys) -> str:
    "Do the work in a child that dies; how it ended."
    child = os.fork()
    if child == 0:
        try:
            die_at(number)
            SCENARIOS[scenario](home, candidates, keys)
            os._exit(0)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return "died"
    return "done" if status == 0 else "failed"


def main(scenario: str, candidates: str, key: str) -> None:
    "Answer line by line."
    warnings.simplefilter("ignore")
    import model_signing.signing
    import model_signing.verifying  # noqa: F401 - imported once, not in every child

    keys = Keys(sign_with=Path(key)) if key else Keys()
    for line in sys.stdin:
        number, home = line.rstrip("\n").split(" ", 1)
        print(run(scenario, int(number), Path(home), Path(candidates), keys), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
