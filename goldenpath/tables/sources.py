"""Which files are behind a source: a path, a folder, a glob or a URL."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.utils import glob_translate

from goldenpath.errors import BadInput
from goldenpath.tables.endings import is_table

CHANGED = ("ETag", "etag", "LastModified", "last_modified", "mtime", "updated")  # by file system
WILD = re.compile(r"[*?\[]")


def find_files(
    source: str,  # a file, a folder, a glob, or a URL (also a glob) that fsspec knows
) -> tuple[str, ...]:  # sorted, at least one
    "List the files behind a source. Raises BadInput if there is none, or the place cannot be reached."
    if source.startswith(("http://", "https://")):
        return (source,)  # the web knows no folders: opening says whether it is there
    with place_named(source):
        filesystem, path = fsspec.core.url_to_fs(source)
        files = _expand(filesystem, path)
    if not files:
        raise BadInput(f"{source} {'matches no file' if '*' in source else 'does not exist'}")
    return tuple(sorted(filesystem.unstrip_protocol(file) if is_remote(source) else file for file in files))


def is_remote(source: str) -> bool:
    "Check whether reading it means fetching it."
    return "://" in source


def mark_of(
    file: str,  # a path or a URL
) -> str:
    "Return what changes when the file does: its size and the time of its last change; empty if unknown."
    if not is_remote(file):
        with suppress(OSError):
            status = os.stat(file)
            return f"{status.st_size} bytes, {status.st_mtime_ns}"
        return ""
    with suppress(Exception):  # each of fsspec's file systems has exceptions of its own
        filesystem, path = fsspec.core.url_to_fs(file)
        facts = filesystem.info(path)
        changed = [str(facts[name]) for name in CHANGED if facts.get(name)]
        return f"{facts.get('size')} bytes, {changed[0]}" if changed else ""
    return ""


def covers(
    source: str,  # as for find_files
    path: Path,  # need not exist
) -> bool:
    "Would the source include `path` if it existed? Links and other spellings of a path make no difference."
    place = _local_place(source)
    if place is None:
        return False
    if WILD.search(str(place)) and not os.path.lexists(place):
        fixed, pattern = _divide(place)
        return bool(re.fullmatch(glob_translate(str(fixed.resolve() / pattern)), str(path.resolve())))
    return same_file(place, path) or (is_table(path.name) and same_file(place, path.parent))


def same_file(one: Path, other: Path) -> bool:
    "Do two paths lead to one file? Neither need exist."
    with suppress(OSError):
        if os.path.samefile(one, other):  # hard links and file systems that ignore case as well
            return True
    return one.resolve() == other.resolve()


def _local_place(source: str) -> Path | None:
    "Return the path of a source on this machine (file:///data/x.csv is one), or None."
    with suppress(Exception):  # an unknown protocol: reading it says so
        filesystem, path = fsspec.core.url_to_fs(source.rpartition("::")[2])
        if isinstance(filesystem, LocalFileSystem):
            return Path(path)
    return None


def _divide(pattern: Path) -> tuple[Path, Path]:
    "Return the folder before the first wildcard, and the rest."
    parts = pattern.parts
    wild = next((place for place, part in enumerate(parts) if WILD.search(part)), len(parts))
    return Path(*parts[:wild]), Path(*parts[wild:])


def _expand(filesystem: Any, path: str) -> list[str]:
    if WILD.search(path) and not filesystem.exists(path):
        return [file for file in filesystem.glob(path) if filesystem.isfile(file)]
    if filesystem.isdir(path):
        return [file for file in filesystem.ls(path, detail=False) if is_table(file)]
    return [path] if filesystem.exists(path) else []


@contextmanager
def place_named(file: str) -> Iterator[None]:
    "Render a storage's error as one line that names the file."
    try:
        yield
    except FileNotFoundError:
        raise BadInput(f"{file} does not exist") from None
    except Exception as fault:  # each of fsspec's file systems has exceptions of its own
        raise BadInput(f"{file} cannot be read: {first_line(fault)}") from None


def first_line(fault: Exception) -> str:
    "Return the first line of a message; the others may repeat a row."
    return (str(fault).splitlines() or [type(fault).__name__])[0].rstrip(": ")
