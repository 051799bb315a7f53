"""What the figures were measured on, in one line; and what is mounted there."""

import os
import platform
from pathlib import Path
from typing import NamedTuple

MOUNTINFO = Path("/proc/self/mountinfo")
CONTROL_GROUPS = ("memory.max", "memory/memory.limit_in_bytes")  # version 2 and version 1
NETWORK = ("nfs", "nfs4", "ceph", "cifs", "smb3", "glusterfs", "lustre", "gpfs", "9p", "virtiofs")


def machine() -> str:  # "Intel Xeon ..., 2 cores, Linux 6.8, Python 3.11.7"
    "Processor, cores that this process may use, system and Python."
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{processor()}, {cores()} cores, {system}"


def cores() -> int:
    "Those that this process may run on; a container's limit counts where the system tells it."
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(usable, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no control groups here, or no limit ("max")
        return usable


def memory(root: Path = Path("/")) -> int | None:
    "Bytes that this process may use: what the machine has left, or less if a container is given less."
    limits = [_bytes_in(root / "sys/fs/cgroup" / file) for file in CONTROL_GROUPS]
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        lines = []
    free = (int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    amounts = [limit for limit in (*limits, *free) if limit is not None]
    return min(amounts, default=None)


def _bytes_in(file: Path) -> int | None:
    "Read a limit; None without one, which is `max` in version 2 of control groups."
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def processor() -> str:
    "Return the processor's name as Linux reports it, else its kind."
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


class Mount(NamedTuple):
    "One line of mountinfo."

    place: Path
    kind: str  # of the file system
    options: str

    @property
    def network(self) -> bool:
        return self.kind in NETWORK or self.kind.startswith("fuse.")


def read_mounts(file: Path = MOUNTINFO) -> list[Mount]:
    "All mounts that this process sees; none where the system does not tell."
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError:
        return []
    return [_mount(line) for line in lines if " - " in line]


def _mount(line: str) -> Mount:
    before, after = (part.split() for part in line.split(" - ", 1))
    place = before[4].replace("\\040", " ")
    return Mount(Path(place), after[0], after[2] if len(after) > 2 else "")


def mount_of(path: Path, mounts: list[Mount]) -> Mount:
    "Return the mount that holds a path; of an unknown kind if the system does not tell."
    resolved = path.resolve()
    above = [mount for mount in mounts if resolved.is_relative_to(mount.place)]
    return max(above, key=lambda mount: len(mount.place.parts), default=Mount(Path("/"), "unknown", ""))
