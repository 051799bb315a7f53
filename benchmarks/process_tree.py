"""The memory that a process and all that it starts hold together: Linux alone, sampled."""

import time
from pathlib import Path
from subprocess import Popen
from typing import Any

EVERY = 0.2  # seconds between two looks


def watch(process: "Popen[Any]") -> float:
    "Wait for a process to end; the most megabytes that it held, with all that it started."
    most = 0.0
    while process.poll() is None:
        most = max(most, sum(map(held_by, tree_of(process.pid))))
        time.sleep(EVERY)
    return most


def tree_of(root: int) -> set[int]:
    "Return a process and all below it."
    parents = dict(filter(None, map(parent_of, Path("/proc").glob("[0-9]*"))))
    found, before = {root}, 0
    while len(found) > before:
        before = len(found)
        found |= {pid for pid, parent in parents.items() if parent in found}
    return found


def parent_of(folder: Path) -> tuple[int, int] | None:
    "Return a process and its parent; None if it has ended."
    try:
        after_name = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(folder.name), int(after_name[1])


def held_by(pid: int) -> float:
    "Return the megabytes of a process; what several share is divided among them. 0 if it has ended."
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)
