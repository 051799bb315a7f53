"""How the registry grows: `python -m benchmarks.registry [HOME] [--versions 2000] [--entries 5000]`.

Publishes real candidates, changes roles, and measures what a server, a pipeline and a person wait for; lets
gc move all but one version aside and delete them; then checks a version of 100 MB against `sha256sum` on the
same file. HOME is a folder on the disk to measure (a temporary one if left out). Prints a table, and one line
of JSON for a file.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.projects import PROJECT, variant
from goldenpath.registry.artifact import verify_files
from goldenpath.registry.registry import Registry
from goldenpath.registry.retention import carry_out, plan_versions

WHO = "benchmark"
MEGABYTE = 1 << 20
MODEL = "churn"
STORED = PROJECT / "tests" / "data" / "format-1" / "home" / "models" / "covid-death" / "versions"
EXAMPLE = STORED / "1.0.0-20261128T053446Z-87ecd1f1"  # of 140 kB
BEGAN = datetime(2026, 11, 28, tzinfo=UTC)


def seconds(call: Callable[[], Any]) -> float:
    "Measure one call, in seconds."
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def median(call: Callable[[], Any], times: int) -> float:
    "Return the median of several calls, in seconds."
    return statistics.median(seconds(call) for _ in range(times))


def candidate(folder: Path, number: int, padding: int = 0) -> Path:
    "Write a candidate like the stored example; the number makes it another one."
    identity, when = f"{number:08x}".ljust(64, "0"), BEGAN + timedelta(seconds=number)
    return variant(EXAMPLE, folder, identity, when, padding, model=MODEL)


def grow(home: Path, scratch: Path, versions: int, entries: int) -> dict[str, float]:
    "Fill a registry and measure it when it is full; seconds."
    registry = Registry(home, MODEL)
    for number in range(1, versions + 1):
        registry.publish(candidate(scratch / "candidate", number))
    published = registry.versions()
    turns = itertools.islice(itertools.cycle(published), entries)
    changes = [seconds(partial(registry.promote, version, who=WHO, why="measured")) for version in turns]
    big = [candidate(scratch / f"big {n}", versions + n, padding=MEGABYTE) for n in range(1, 8)]
    fifty = min(50, entries // 2)
    return {
        "roles_read_s": median(lambda: Registry(home, MODEL).roles(), 50),
        "roles_read_again_s": median(registry.roles, 50),
        "list_s": median(lambda: listed(Registry(home, MODEL)), 5),
        "publish_1mb_s": statistics.median(seconds(lambda c=c: registry.publish(c)) for c in big),  # type: ignore[misc]
        "first_change_s": statistics.median(changes[:fifty]),
        "last_change_s": statistics.median(changes[-fifty:]),
    }


def cleaned(home: Path) -> dict[str, float]:
    "Let gc move all but one version aside and delete them a month later; seconds."
    registry, now = Registry(home, MODEL), datetime.now(UTC) + timedelta(days=400)

    def clean_up(when: datetime) -> None:
        carry_out(registry, plan_versions(registry, 1, timedelta(days=7), when), when)

    return {
        "gc_move_s": seconds(lambda: clean_up(now)),
        "gc_delete_s": seconds(lambda: clean_up(now + timedelta(days=30))),
    }


def listed(registry: Registry) -> int:
    "Read everything that `goldenpath models list` reads."
    return len([registry.manifest(version) for version in registry.versions()])


def checked(scratch: Path, megabytes: int = 100, times: int = 7) -> dict[str, float]:
    "Verify a version of so many megabytes, and let sha256sum read the same file, by turns; the best of each."
    folder = candidate(scratch / "100 MB", 1, padding=megabytes * MEGABYTE)
    ours, theirs = [], []
    for _ in range(times):
        ours.append(seconds(lambda: verify_files(folder)))
        theirs.append(
            seconds(lambda: subprocess.run(["sha256sum", folder / "weights.onnx"], check=True, stdout=-3))
        )
    return {"verify_s": min(ours), "sha256sum_s": min(theirs), "speed": min(theirs) / min(ours)}


def main() -> None:
    "Measure and tell."
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", nargs="?", type=Path)
    parser.add_argument("--versions", type=int, default=2000)
    parser.add_argument("--entries", type=int, default=5000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.home) as folder:
        grown = grow(Path(folder, "home"), Path(folder), asked.versions, asked.entries)
        measured = {
            "versions": asked.versions,
            "entries": asked.entries,
            **grown,
            **cleaned(Path(folder, "home")),
            **checked(Path(folder)),
        }
    for name, value in measured.items():
        print(f"{name:20} {value:12.6f}" if isinstance(value, float) else f"{name:20} {value:12}")
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
