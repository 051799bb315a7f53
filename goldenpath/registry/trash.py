"""What was moved aside: out of the list, not yet deleted, and back again in one rename."""

import contextlib
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from goldenpath.errors import NotTrusted, RaceLost, VolumeFault
from goldenpath.records import Frozen
from goldenpath.volume import complete, faults, move, move_all

if TYPE_CHECKING:
    from goldenpath.registry.versions import Versions

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
        found = [(whole, TRASH_NAME.fullmatch(whole)) for whole in complete(folder)]
    aside = [
        Aside(
            name=parts[2], since=datetime.strptime(parts[1], STAMP).replace(tzinfo=UTC), folder=folder / whole
        )
        for whole, parts in found
        if parts
    ]
    return sorted(aside, key=lambda one: (one.since, one.name))


def move_aside(path: Path, folder: Path, now: datetime) -> bool:
    "Take a version or run out of its list; False where it is gone already. Raises VolumeFault."
    return bool(move_all_aside([path], folder, now))


def move_all_aside(paths: Iterable[Path], folder: Path, now: datetime) -> list[str]:
    "Take versions or runs out of their list; the names of those that were there. Raises VolumeFault."
    since = f"{now.astimezone(UTC):{STAMP}}"
    moved = move_all((path, folder / f"{since}-{secrets.token_hex(4)}~{path.name}") for path in paths)
    return [path.name.partition("~")[2] for path in moved]


def bring_back(versions: "Versions", version: str) -> bool:
    """Put the newest intact copy of a version that was moved aside back into its place; was there one?

    Raises NotTrusted where every copy is damaged, VolumeFault.
    """
    while not versions.exists(version) and (copy := intact_copy(versions, version)):
        with contextlib.suppress(RaceLost):  # published again, or brought back by another process
            if move(copy, versions.folder(version)):
                return True
    return False


def intact_copy(versions: "Versions", version: str) -> Path | None:
    "Return the newest copy of a version in the trash. Raises NotTrusted if every copy is damaged."
    damage: NotTrusted | None = None
    for copy in [one.folder for one in reversed(list_aside(versions.aside)) if one.name == version]:
        try:
            versions.check(copy, version)
            return copy
        except NotTrusted as error:
            damage = damage or error
        except VolumeFault:
            if copy.exists():
                raise
    if damage:
        raise damage
    return None
