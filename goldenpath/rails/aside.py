"""Versions that were moved aside: out of the list, not yet deleted, and back again in one rename."""

from datetime import UTC, datetime
from pathlib import Path

from goldenpath.rails.errors import RaceLost
from goldenpath.rails.manifest import Frozen
from goldenpath.rails.versions import Versions
from goldenpath.rails.volume import complete, faults, move, remove

STAMP = "%Y%m%dT%H%M%SZ"


class Aside(Frozen):
    "A version that waits to be deleted."

    version: str
    since: datetime  # UTC
    folder: Path


def list_aside(versions: Versions) -> list[Aside]:
    "What was moved aside, oldest first. Raises VolumeFault."
    folder = versions.root / "aside"
    with faults(folder):
        found = [(name, *name.partition("~")) for name in complete(folder)]
    return [
        Aside(
            version=version, since=datetime.strptime(stamp, STAMP).replace(tzinfo=UTC), folder=folder / name
        )
        for name, stamp, _, version in found
    ]


def move_aside(versions: Versions, version: str, now: datetime) -> None:
    "Take a version out of the list. Raises VolumeFault, also where it is gone already."
    move(versions.folder(version), versions.root / "aside" / f"{now:{STAMP}}~{version}")


def bring_back(versions: Versions, version: str) -> bool:
    "Put a version that was moved aside back into its place; was there one? Raises VolumeFault."
    if versions.exists(version):
        return False
    for aside in list_aside(versions):
        if aside.version == version:
            try:
                move(aside.folder, versions.folder(version))
            except RaceLost:  # somebody brought it back, or published it again
                return False
            return True
    return False


def delete(versions: Versions, aside: Aside) -> None:
    "Delete a version that was moved aside, with what belongs to it. Raises VolumeFault."
    remove(aside.folder)
    if not versions.exists(aside.version):
        remove(versions.root / "signatures" / aside.version)
        remove(versions.root / "contrasts" / aside.version)
