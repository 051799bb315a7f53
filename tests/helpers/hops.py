"""Count what a reader pays: lines, and the modules that one request enters.

The drawing of a request in `docs/architecture.md` is made with it.
"""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def modules_entered(call: Callable[[], object]) -> list[str]:
    "Return the project's modules in which a function ran during `call`, in order of their first function."
    entered: dict[str, None] = {}

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            name = str(frame.f_globals.get("__name__", ""))
            if name.split(".")[0] in ("goldenpath", "serving"):
                entered.setdefault(name)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return list(entered)
