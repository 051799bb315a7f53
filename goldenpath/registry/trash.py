"""What was moved aside: out of the list, not yet deleted, and back again in one rename."""

import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from goldenpath.errors import RaceLost
from goldenpath.records import Frozen
from goldenpath.volume import complete, faults, move, remove

if TYPE_CHECKING:
    from goldenpath.registry.versions import Versions

STAMP = "%Y%m%dT%H%M%SZ"
NAME = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{8}~(.+)")  # the same version may be moved aside more than once


class Aside(Frozen):
    "A version or run that waits to be deleted."

    name: str
    since: datetime  # UTC
    folder: Path


def list_aside(folder: Path) -> list[Aside]:
    "What was moved into such a folder, oldest first. Raises VolumeFault."
    with faults(folder):
        found = [(whole, NAME.fullmatch(whole)) for whole in complete(folder)]
    aside = [
        Aside(
            name=parts[2], since=datetime.strptime(parts[1], STAMP).replace(tzinfo=UTC), folder=folder / whole
        )
        for whole, parts in found
        if parts
    ]
    return sorted(aside, key=lambda one: (one.since, one.name))


def move_aside(path: Path, folder: Path, now: datetime) -> None:
    "Take a version or run out of its list. Raises VolumeFault, also where it is gone already."
    move(path, folder / f"{now.astimezone(UTC):{STAMP}}-{secrets.token_hex(4)}~{path.name}")


def bring_back(versions: "Versions", version: str) -> bool:
    "Put a version that was moved aside back into its place; was there one? Raises VolumeFault."
    if versions.exists(version):
        return False
    for aside in list_aside(versions.aside):
        if aside.name == version:
            try:
                move(aside.folder, versions.folder(version))
            except RaceLost:  # somebody brought it back, or published it again
                return False
            return True
    return False


def delete(versions: "Versions", aside: Aside) -> None:
    "Delete a version that was moved aside, with what belongs to it. Raises VolumeFault."
    if not versions.exists(aside.name):
        remove(versions.root / "signatures" / aside.name)
        remove(versions.root / "contrasts" / aside.name)
    remove(aside.folder)
