"""The folder that stands in for the shared volume in a rehearsal, and what a node reads and writes on it."""

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from goldenpath.cluster.compile import Task
from goldenpath.errors import BadInput
from goldenpath.settings import Settings
from goldenpath.tables.sources import find_files

LONG_AGO = 1_000_000_000.0  # seconds; an access time that any reading moves forward
Seen = dict[Path, tuple[int, int]]  # modification time (ns) and size by file


class VolumeAccess(NamedTuple):
    read: list[str]
    written: list[str]


def lay_volumes(
    tasks: Iterable[Task],
    folder: Path,  # of the rehearsal
    settings: Settings,
    given: Path | None,  # a folder to use for the first claim; None: a new one that holds the rows
) -> dict[str, Path]:  # a folder by name of the claim, the first claim first
    "Make a folder for each claim. The first holds the rows, as a user would have put them on the volume."
    claims = list(dict.fromkeys(claim for task in tasks for claim in task.mounts.values()))
    volumes = {claim: folder / "volumes" / claim for claim in claims}
    if given and claims:
        volumes[claims[0]] = given.resolve()
    for place in volumes.values():
        place.mkdir(parents=True, exist_ok=True)
    if claims and not given:
        lay_rows(settings, volumes[claims[0]] / "data")
    return volumes


def expect_folder(given: Path | None) -> None:
    "Raise BadInput if the folder that is to stand in for the volume is not there."
    if given and not given.is_dir():
        raise BadInput(f"there is no folder {given} to stand in for the volume")


def lay_rows(settings: Settings, data: Path) -> None:
    "Copy the rows that the settings name into a new folder; what is fetched from elsewhere is not copied."
    source = settings.data_source()
    if source == "synthetic" or "://" in source:
        return
    data.mkdir()
    for name in find_files(source):
        shutil.copy(name, data)  # no link: it would share its access time with all other readers


def mark(volume: Path) -> Seen:
    "Note every file as it is now, its access time put back: reading moves it forward, if the mount says so."
    seen = {}
    for file in _files(volume):
        state = file.stat()
        with suppress(PermissionError):
            os.utime(file, ns=(int(LONG_AGO * 1e9), state.st_mtime_ns))
        seen[file] = (state.st_mtime_ns, state.st_size)
    return seen


def accesses_since(volume: Path, before: Seen) -> VolumeAccess:
    "List what was read and written since `mark`, as paths below the volume."
    read, written = [], []
    for file in _files(volume):
        state = file.stat()
        name = str(file.relative_to(volume))
        if before.get(file) != (state.st_mtime_ns, state.st_size):
            written.append(name)
        elif state.st_atime > LONG_AGO:
            read.append(name)
    return VolumeAccess(read, written)


def _files(volume: Path) -> list[Path]:
    return sorted(path for path in volume.rglob("*") if path.is_file() and not path.is_symlink())
