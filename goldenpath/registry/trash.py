"""What was moved aside: out of the list, not yet deleted, and back again in one rename."""

import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from goldenpath.records import Frozen
from goldenpath.volume import complete, faults, move_all

STAMP = "%Y%m%dT%H%M%SZ"
TRASH_NAME = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{8}~(.+)")  # one version may be in it twice


class Aside(Frozen):
    "A version or run that waits to be deleted."

    name: str
    since: datetime  # UTC
    folder: Path


def list_aside(folder: Path) -> list[Aside]:
    "List the contents of such a folder, oldest first. Raises VolumeFault."
    with faults(folder):
        names = [(whole, TRASH_NAME.fullmatch(whole)) for whole in complete(folder)]
    aside = [
        Aside(
            name=parts[2], since=datetime.strptime(parts[1], STAMP).replace(tzinfo=UTC), folder=folder / whole
        )
        for whole, parts in names
        if parts
    ]
    return sorted(aside, key=lambda copy: (copy.since, copy.name))


def move_aside(path: Path, folder: Path, now: datetime) -> bool:
    "Take a version or run out of its list; False where it is gone already. Raises VolumeFault."
    return bool(move_all_aside([path], folder, now))


def move_all_aside(paths: Iterable[Path], folder: Path, now: datetime) -> list[str]:
    "Take versions or runs out of their list; the names of those that were there. Raises VolumeFault."
    moved = move_all((path, aside_path(path, folder, now)) for path in paths)
    return [path.name.partition("~")[2] for path in moved]


def aside_path(path: Path, folder: Path, now: datetime) -> Path:
    "Return where something goes that is moved into a folder of what was moved aside."
    return folder / f"{now.astimezone(UTC):{STAMP}}-{secrets.token_hex(4)}~{path.name}"
