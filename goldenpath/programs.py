"""Programs that this one starts: the ports they listen on."""

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path

_CLIENT_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000  # well-known services lie below
_ENOUGH = 1_000


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
