"""How long tests wait for what others do: many times what it takes, so that a busy machine fails none."""

import time
from collections.abc import Callable
from typing import TypeVar

LONG = 120.0  # seconds
Thing = TypeVar("Thing")


def wait_until(look: Callable[[], Thing | None], text: Callable[[], str] = lambda: "") -> Thing:
    "Look again and again until something is there, and return it. Fails after two minutes, with this text."
    until = time.monotonic() + LONG
    while not (thing := look()):
        assert time.monotonic() < until, f"not within {LONG:.0f} s {text()}"
        time.sleep(0.02)
    return thing
