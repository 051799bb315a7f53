"""What is yours and what is goldenpath's, read from `ownership.toml`. With the standard library alone."""

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("ownership.toml")


@dataclass(frozen=True)
class OwnedFile:
    "Files that the owner of a project edits."

    path: str  # pattern; a star also matches `/`
    what: str
    drafted: bool = False  # the shipped text is about the example, so it is of no use beside the owner's


@cache
def owned_files() -> tuple[OwnedFile, ...]:
    "List what the owner of a project edits."
    return tuple(OwnedFile(**entry) for entry in _table()["yours"])


@cache
def kept_patterns() -> tuple[str, ...]:
    "List what no project gets: it belongs to the repository of goldenpath."
    return tuple(str(entry["path"]) for entry in _table()["kept"])


def owned(path: str) -> OwnedFile | None:
    "Find the entry of a file that the owner edits; None if the file is goldenpath's."
    return next((entry for entry in owned_files() if fnmatchcase(path, entry.path)), None)


def is_kept(path: str) -> bool:
    "Check for a file that no project gets."
    return any(fnmatchcase(path, pattern) for pattern in kept_patterns())


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text("utf-8"))
