"""Which version is used for what: an append-only log whose every entry is the whole assignment of roles."""

import contextlib
import errno
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from goldenpath.errors import BadInput, DamagedEntry, GoldenpathError, RaceLost, VolumeFault
from goldenpath.records import Frozen
from goldenpath.volume import explain, faults, patiently, place, read_file, write_file

TrafficShare = Annotated[float, Field(ge=0, le=1)]
Role = Literal["champion", "challenger", "shadow"]
ROLES: tuple[Role, ...] = ("champion", "challenger", "shadow")
STATE = "state.json"
STATE_LIMIT = 1 << 20  # bytes
TEXT_LIMITS = {"why": 1000, "who": 200}  # characters; entries of older releases may be longer
NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # also if a file or a link is in the way
NOT_A_FILE = (errno.EINVAL, errno.ELOOP, errno.EFBIG)  # what `read_file` says of links, pipes and giants
REPAIR = "`goldenpath models repair` moves it aside"


class Roles(Frozen):
    "One entry of the log. Number 0 means that nothing was ever assigned."

    number: int
    champion: str | None = None
    challenger: str | None = None
    challenger_share: TrafficShare = 0.0  # of the requests
    shadow: str | None = None
    withdrawn: tuple[str, ...] = ()
    who: str = ""
    when: str = ""  # UTC, ISO 8601
    why: str = ""
    made_from: int = 0  # the newest entry when this one was written

    def holder(self, role: Role) -> str | None:
        "Return the version that holds a role, if any."
        return {"champion": self.champion, "challenger": self.challenger, "shadow": self.shadow}[role]

    @property
    def in_use(self) -> tuple[str, ...]:
        "The versions that hold any role."
        return tuple(version for role in ROLES if (version := self.holder(role)))


def assigned(roles: Roles, version: str, role: Role, share: float = 0.0) -> Roles:
    "Return the assignment in which a version holds this role and no other."
    change: dict[str, Any] = {role: version}
    if role == "challenger":
        change["challenger_share"] = share
    return vacated(roles, version).model_copy(update=change)


def vacated(roles: Roles, version: str) -> Roles:
    "Return the assignment in which a version holds no role."
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
        "Find the number of the newest entry by doubling and bisection, without listing thousands of entries."
        self._look_again()
        there, step = (self._seen if self._seen and self._exists(self._seen) else 0), 1
        while self._exists(there + step):
            there, step = there + step, step * 2
        beyond = there + step
        while beyond - there > 1:
            middle = (there + beyond) // 2
            there, beyond = (middle, beyond) if self._exists(middle) else (there, middle)
        if there < self._seen:
            gap = f"{self.folder} shows entry {there} after {self._seen}"
            raise VolumeFault(f"{gap}: look whether the volume is still mounted, or restore it from a backup")
        self._seen = there
        return there

    def _look_again(self) -> None:
        # Opening a folder makes an NFS client ask its server whether names that were missing have appeared.
        with faults(self.folder), contextlib.suppress(FileNotFoundError):
            os.close(os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY))

    def _exists(self, number: int) -> bool:
        try:
            os.stat(self._path(number))
        except OSError as error:
            if error.errno in NOT_THERE:
                return False
            raise VolumeFault(explain(error, self._path(number))) from error
        return True

    def entry_folder(self, number: int) -> Path:
        "Return the folder of an entry, whether it exists or not."
        return self.folder / f"{number:06d}"

    def _path(self, number: int) -> Path:
        return self.entry_folder(number) / STATE

    def read(self, number: int) -> Roles:
        "One entry. Raises VolumeFault where it cannot be read, also not a moment later; DamagedEntry."
        if number == 0:
            return Roles(number=0)
        return patiently(lambda: read_entry(self.entry_folder(number), number))

    def current(self) -> Roles:
        "Read the newest entry."
        return self.read(self.newest())

    def append(self, roles: Roles, *, why: str, who: str, made_from: int) -> Roles:
        """Write the entry that follows `made_from`.

        Raises BadInput where no reader could use it, RaceLost where another one exists already, VolumeFault.
        """
        when = datetime.now(UTC).isoformat(timespec="seconds")
        number = made_from + 1
        texts = {"why": checked_text("why", why), "who": checked_text("who", who), "when": when}
        entry = roles.model_copy(update={**texts, "number": number, "made_from": made_from})
        try:
            place(self.entry_folder(number), lambda staged: write_entry(staged, entry))
        except RaceLost:
            raise self._lost(number) from None
        except VolumeFault as error:
            raise self._blocked(number) or error from None
        self._seen = max(self._seen, number)
        return entry

    def _lost(self, number: int) -> GoldenpathError:
        try:
            other = self.read(number)
        except VolumeFault as error:
            return self._blocked(number) or error
        return RaceLost(
            f"{self._path(number)}: {other.who} changed the roles meanwhile ({other.why}); "
            "look at `goldenpath models history`, then decide again"
        )

    def _blocked(self, number: int) -> VolumeFault | None:
        folder = self.entry_folder(number)
        if obstacle := what_blocks(folder):
            return VolumeFault(f"{folder} is {obstacle}, so no role can be changed; {REPAIR}")
        return None


def checked_text(name: str, text: str) -> str:
    "Check that every reader of the log can use a text. Raises BadInput if it is too long or not Unicode."
    if len(text) > TEXT_LIMITS[name]:
        raise BadInput(f"{name} has {len(text):,} characters; write at most {TEXT_LIMITS[name]:,}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInput(f"{name} holds bytes that are not UTF-8 ({text[:40]!a}); write it as text") from None
    return text


def write_entry(folder: Path, entry: Roles) -> None:
    "Write an entry into a staged folder. Raises BadInput where no reader could use it."
    content = entry.model_dump_json(indent=2).encode()
    if len(content) > STATE_LIMIT:
        raise BadInput(
            f"entry {entry.number} would have {len(content):,} bytes; at most {STATE_LIMIT:,} can be read"
        )
    write_file(folder / STATE, content)
    try:
        parse_entry(read_file(folder / STATE, STATE_LIMIT), entry.number)
    except DamagedEntry as error:
        raise BadInput(
            f"entry {entry.number} was not written, because it could not be read: {error}"
        ) from None


def read_entry(folder: Path, number: int) -> Roles:
    "Read the entry in a folder. Raises DamagedEntry if it is not valid, VolumeFault if the volume fails."
    path = folder / STATE
    way_out = f"if it is the newest entry, {REPAIR}; else restore it from a backup"
    try:
        return parse_entry(read_file(path, STATE_LIMIT), number)
    except DamagedEntry as error:
        raise DamagedEntry(f"{path} is damaged: {error}; {way_out}") from None
    except OSError as error:
        if error.errno in NOT_A_FILE:
            raise DamagedEntry(f"{path} is damaged: {error.strerror}; {way_out}") from None
        raise VolumeFault(explain(error, path)) from error


def parse_entry(content: bytes, number: int) -> Roles:
    "Parse an entry. Raises DamagedEntry with the reason."
    try:
        roles = Roles.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise DamagedEntry(": ".join([*map(str, first["loc"]), first["msg"]])) from None
    if roles.number != number:
        raise DamagedEntry(f"it says that it is entry {roles.number}")
    return roles


def what_blocks(folder: Path) -> str:
    "Describe what blocks the place of an entry, such as a link; empty if nothing does."
    with faults(folder):
        try:
            mode = folder.lstat().st_mode
        except FileNotFoundError:
            return ""
        if stat.S_ISLNK(mode):
            return f"a link to {os.readlink(folder)}"
        if not stat.S_ISDIR(mode):
            return "a file"
        names = sorted(os.listdir(folder))
        if not names or (folder / STATE).is_file():
            return ""  # a rename replaces an empty folder
        return f"a folder without a regular {STATE} (it holds {', '.join(map(repr, names[:3]))})"
