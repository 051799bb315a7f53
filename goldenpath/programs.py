"""Programs that this one starts: how they start and end, what they wrote last, the ports they listen on."""

import os
import random
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO

# Threads of OpenMP sleep while they wait for work: others need the cores that they would turn in circles on.
SLEEPING_THREADS = {"OMP_WAIT_POLICY": "passive"}
_CLIENT_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000  # well-known services lie below
_ENOUGH = 1_000
_ENDS_WITHIN = 20.0  # seconds

Program = subprocess.Popen[bytes]


@contextmanager
def running(
    command: Sequence[str | Path], folder: Path, environ: Mapping[str, str], output: IO[bytes]
) -> Iterator[Program]:
    "Start a program in `folder`; the end of the block (Ctrl-C too) ends it and all that it started."
    program = subprocess.Popen(
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield program
    finally:
        _end(program)


def _end(program: Program) -> None:
    "Ask the program and its children to end, and kill them if it does not."
    for request in (signal.SIGTERM, signal.SIGKILL):
        if program.poll() is None:
            os.killpg(program.pid, request)
            with suppress(subprocess.TimeoutExpired):
                program.wait(_ENDS_WITHIN)


def is_alive(pid: int) -> bool:
    "Check whether a process of this machine runs; one that has ended and waits to be collected does not."
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except (OSError, IndexError):  # another person's, or there is no /proc
        return True


def last_line(text: str) -> str:
    "Return the last line of a program's output that is not blank."
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it printed nothing")


def free_ports(count: int) -> list[int]:
    """Choose different ports that are free on the loopback now.

    They are outside the range that the kernel takes the ports of clients from, and chosen at random: nothing
    takes one before the program has started, unless another process chooses the same number at this moment.
    """
    with ExitStack() as held:
        return list(islice(_bound(held), count))


def _bound(held: ExitStack) -> Iterator[int]:
    for port in random.sample(_listening(), _ENOUGH):
        probe = held.enter_context(socket.socket())
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            yield port


def _listening() -> range:
    "Return the ports below those of clients, or all if these are few."
    first = 32_768  # as on most systems
    with suppress(OSError):
        first = int(_CLIENT_PORTS.read_text().split()[0])
    return range(_LOWEST, first if first >= _LOWEST + _ENOUGH else 65_536)
