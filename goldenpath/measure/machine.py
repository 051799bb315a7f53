"""What the figures were measured on, in one line."""

import os
import platform
from pathlib import Path


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


def processor() -> str:
    "Return the processor's name as Linux reports it, else its kind."
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
