"""A role log that something blocks: find it, move it aside, and say so in the next entry."""

import os
from datetime import UTC, datetime
from pathlib import Path

from goldenpath.errors import DamagedEntry, RaceLost
from goldenpath.records import Frozen
from goldenpath.registry.roles import TEXT_LIMITS, RoleLog, Roles, read_entry, what_blocks
from goldenpath.registry.trash import aside_path
from goldenpath.volume import faults, make_folders, patiently, sync


class Obstacle(Frozen):
    "What keeps the roles from being read or changed."

    place: Path  # of an entry
    reason: str


def find_obstacle(folder: Path) -> Obstacle | None:
    "Return the newest entry if it is damaged, or what blocks the place of the next one. Raises VolumeFault."
    log = RoleLog(folder)
    newest = log.newest()
    for number in (newest, newest + 1):
        if reason := trouble(log.entry_folder(number), number):
            return Obstacle(place=log.entry_folder(number), reason=reason)
    return None


def trouble(place: Path, number: int) -> str:
    "Explain why a folder is not a readable entry; empty if it is one or is missing."
    if obstacle := what_blocks(place):
        return f"it is {obstacle}"
    if not number or not place.exists() or not os.listdir(place):
        return ""
    try:
        patiently(lambda: read_entry(place, number))
    except DamagedEntry as error:
        return str(error)
    return ""


def repair_roles(folder: Path, who: str) -> tuple[Obstacle, ...]:
    """Move the entry that blocks the log aside; write a new one with the newest readable assignment.

    The moved entry is in `roles-aside`, beside the log. Raises RaceLost where another process repairs it
    at the same time, VolumeFault.
    """
    moved: list[Obstacle] = []
    while obstacle := find_obstacle(folder):
        move_obstacle(obstacle, folder.with_name("roles-aside"))
        moved.append(obstacle)
    if moved:
        _note(RoleLog(folder), moved, who)
    return tuple(moved)


def move_obstacle(obstacle: Obstacle, aside: Path) -> None:
    "One rename. An entry that took its place meanwhile is put back. Raises RaceLost, VolumeFault."
    place = obstacle.place
    target = aside_path(place, aside, datetime.now(UTC))
    with faults(place):
        make_folders(aside)
        os.rename(place, target)  # also a link or a file
        if not trouble(target, int(place.name)):
            os.rename(target, place)
            raise RaceLost(f"{place} was repaired by another process; look at `goldenpath models history`")
        sync(place.parent)
        sync(aside)


def _note(log: RoleLog, moved: list[Obstacle], who: str) -> Roles:
    "Write the newest readable assignment again, with the reason."
    newest = log.current()
    names = ", ".join(obstacle.place.name for obstacle in moved)
    why = f"repaired: {names} could not be used ({moved[0].reason})"
    return log.append(newest, why=why[: TEXT_LIMITS["why"]], who=who, made_from=newest.number)
