"""Inside a rehearsed pod: note what Python code looks for and does not find.

A copy of this file is in the pod's Python and is started with every interpreter there, before anything
else. It needs the standard library alone, and does nothing unless REHEARSAL_WITNESS names a folder.
"""

import json
import os
import sys
from types import FrameType
from typing import Any, TextIO

LISTS = ("os.listdir", "os.scandir")


def watch() -> None:
    "Begin to note, one file of JSON lines for each process."
    folder = os.environ.get("REHEARSAL_WITNESS")
    if not folder or not os.path.isdir(folder):
        return
    notes = open(os.path.join(folder, f"{os.getpid()}.jsonl"), "a", buffering=1)  # noqa: SIM115
    sys.addaudithook(_listener(notes))
    sys.meta_path.append(LastFinder(notes, os.getcwd()))  # called only if no other finder found the module


def _listener(notes: TextIO) -> Any:
    def heard(event: str, args: tuple[Any, ...]) -> None:
        if event in LISTS or (event == "open" and _reads(args)):
            path = args[0] if args else None
            if isinstance(path, str) and not os.path.exists(path):
                _note(notes, "file", path)

    return heard


def _reads(args: tuple[Any, ...]) -> bool:
    "Is the file opened to be read? `mode` is None where os.open was called with flags."
    mode, flags = (*args, None, 0)[1:3]
    if mode is None:
        return not int(flags or 0) & os.O_CREAT
    return not set(str(mode)) & set("wxa+")


class LastFinder:
    "The last finder: modules that reach it are not installed."

    def __init__(self, notes: TextIO, folder: str) -> None:
        self._notes = notes
        self._folder = folder  # the node's working folder

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        caller = self._caller()
        if caller.startswith(self._folder) or "ipykernel" in caller:
            shown = "the notebook" if "ipykernel" in caller else os.path.relpath(caller, self._folder)
            _note(self._notes, "import", name, shown)

    def _caller(self) -> str:
        "Return the file that contains the `import`."
        frame: FrameType | None = sys._getframe(2)
        while frame and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        return frame.f_code.co_filename if frame else ""


def _note(notes: TextIO, kind: str, name: str, where: str = "") -> None:
    notes.write(json.dumps({"kind": kind, "name": name, "where": where}) + "\n")
