"""What was moved aside: out of the list, not yet deleted, and back again in one rename."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from goldenpath.rails.errors import RaceLost
from goldenpath.rails.manifest import Frozen
from goldenpath.rails.volume import complete, faults, move, remove

if TYPE_CHECKING:
    from goldenpath.rails.versions import Versions

STAMP = "%Y%m%dT%H%M%SZ"


class Aside(Frozen):
    "A version or run that waits to be deleted."

    name: str
    since: datetime  # UTC
    folder: Path


def list_aside(folder: Path) -> list[Aside]:
    "What was moved into such a folder, oldest first. Raises VolumeFault."
    with faults(folder):
        found = [(name, *name.partition("~")) for name in complete(folder)]
    return [
        Aside(name=name, since=datetime.strptime(stamp, STAMP).replace(tzinfo=UTC), folder=folder / whole)
        for whole, stamp, _, name in found
        if name
    ]


def move_aside(path: Path, folder: Path, now: datetime) -> None:
    "Take a version or run out of its list. Raises VolumeFault, also where it is gone already."
    move(path, folder / f"{now.astimezone(UTC):{STAMP}}~{path.name}")


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
