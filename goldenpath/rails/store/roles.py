"""Which version is used for what: an append-only log whose every entry is the whole assignment of roles."""

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from goldenpath.rails.errors import RaceLost, VolumeFault
from goldenpath.rails.manifest import Frozen
from goldenpath.rails.volume import faults, patiently, place, read_file, write_file

Role = Literal["champion", "challenger", "shadow"]
ROLES: tuple[Role, ...] = ("champion", "challenger", "shadow")
STATE = "state.json"
STATE_LIMIT = 1 << 20  # bytes


class Roles(Frozen):
    "One entry of the log. Number 0 means that nothing was ever assigned."

    number: int
    champion: str | None = None
    challenger: str | None = None
    challenger_share: float = 0.0  # of the requests, within 0 and 1
    shadow: str | None = None
    withdrawn: tuple[str, ...] = ()
    who: str = ""
    when: str = ""  # UTC, ISO 8601
    why: str = ""
    made_from: int = 0  # the entry that whoever made this one had seen

    def holder(self, role: Role) -> str | None:
        "The version that holds a role, if any."
        return {"champion": self.champion, "challenger": self.challenger, "shadow": self.shadow}[role]

    @property
    def in_use(self) -> tuple[str, ...]:
        "The versions that hold any role."
        return tuple(version for role in ROLES if (version := self.holder(role)))


def assigned(roles: Roles, version: str, role: Role, share: float = 0.0) -> Roles:
    "The assignment in which a version holds this role and no other."
    change: dict[str, Any] = {role: version}
    if role == "challenger":
        change["challenger_share"] = share
    return vacated(roles, version).model_copy(update=change)


def vacated(roles: Roles, version: str) -> Roles:
    "The assignment in which a version holds no role."
    change: dict[str, Any] = {role: None for role in ROLES if roles.holder(role) == version}
    if "challenger" in change:
        change["challenger_share"] = 0.0
    return roles.model_copy(update=change)


class RoleLog:
    "The entries `000001`, `000002`, ... of one folder, without a gap; none is ever changed or removed."

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen = 0  # an entry that is known to exist: where the next search begins

    def newest(self) -> int:
        "The number of the newest entry, by doubling and bisection: thousands of entries are not listed."
        self._look_again()
        there, step = (self._seen if self._seen and self._exists(self._seen) else 0), 1
        while self._exists(there + step):
            there, step = there + step, step * 2
        beyond = there + step
        while beyond - there > 1:
            middle = (there + beyond) // 2
            there, beyond = (middle, beyond) if self._exists(middle) else (there, middle)
        if there < self._seen:
            seen = f"{self.folder} shows entry {there} after {self._seen}"
            raise VolumeFault(
                f"{seen}: look whether the volume is still mounted, or restore it from a backup"
            )
        self._seen = there
        return there

    def _look_again(self) -> None:
        # Opening a folder makes an NFS client ask its server whether names that were missing have appeared.
        with faults(self.folder), contextlib.suppress(FileNotFoundError):
            os.close(os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY))

    def _exists(self, number: int) -> bool:
        with faults(self._path(number)), contextlib.suppress(FileNotFoundError):
            os.stat(self._path(number))
            return True
        return False

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}" / STATE

    def read(self, number: int) -> Roles:
        "One entry. Raises VolumeFault where it cannot be read, also not a moment later."
        if number == 0:
            return Roles(number=0)
        return patiently(lambda: self._read_now(number))

    def _read_now(self, number: int) -> Roles:
        path = self._path(number)
        with faults(path):
            content = read_file(path, STATE_LIMIT)
        try:
            roles = Roles.model_validate_json(content)
        except ValidationError as error:
            raise VolumeFault(
                f"{path} is damaged: {error.errors()[0]['msg']}; restore it from a backup"
            ) from None
        if roles.number != number:
            raise VolumeFault(f"{path} says that it is entry {roles.number}; restore it from a backup")
        return roles

    def current(self) -> Roles:
        "The newest entry."
        return self.read(self.newest())

    def all(self) -> list[Roles]:
        "Every entry, oldest first."
        return [self.read(number) for number in range(1, self.newest() + 1)]

    def append(self, roles: Roles, *, why: str, who: str, made_from: int) -> Roles:
        "Write the entry that follows `made_from`. Raises RaceLost where it exists already, VolumeFault."
        when = datetime.now(UTC).isoformat(timespec="seconds")
        number = made_from + 1
        entry = roles.model_copy(
            update={"number": number, "why": why, "who": who, "when": when, "made_from": made_from}
        )
        content = entry.model_dump_json(indent=2).encode()
        try:
            place(self._path(number).parent, lambda staged: write_file(staged / STATE, content))
        except RaceLost:
            raise RaceLost(f"{self._path(number)}: {self._changed_by(number)}") from None
        self._seen = max(self._seen, number)
        return entry

    def _changed_by(self, number: int) -> str:
        other = self.read(number)
        return (
            f"{other.who} changed the roles meanwhile ({other.why}); "
            "look at `goldenpath models history`, then decide again"
        )
