"""Lines of JSON that one process appends to files of its own, on a volume that many share.

While a file is written its name ends in `.open.jsonl`; closing renames it to `.jsonl`. It is opened anew for
each write. A process that needs a file closed renames it: its writer then misses the name, and begins another
file. Nothing waits, and no writer needs to be asked.
"""

import os
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from goldenpath.feedback.folder import host_in_name
from goldenpath.volume import CHUNK, faults, make_folders, sync

OPEN_LINES, CLOSED_LINES = ".open.jsonl", ".jsonl"
FILE_LIFE = 3600.0  # seconds after which a file is closed
FILE_FULL = 16 * 2**20  # bytes from which on it is closed
ABANDONED = FILE_LIFE + 600  # seconds after which no writer appends to it, also if clocks differ
_LINES_NAME = re.compile(r"(\d{6})-.+?(\.open\.jsonl|\.jsonl|\.parquet)")
_DAY_NAME = re.compile(r"\d{4}-\d{2}-\d{2}")


class LineFile:
    "The file that this process appends to, and the next one when it is old or large."

    def __init__(
        self,
        folder: Path,  # gets a folder for each day (UTC)
        home: Path,  # must exist: without it the volume is gone, and is not made anew elsewhere
        clock: Callable[[], float] = time.time,
        life: float = FILE_LIFE,  # seconds
        full: int = FILE_FULL,  # bytes
    ) -> None:
        self._folder, self._home, self._clock, self._life, self._full = folder, home, clock, life, full
        self._path: Path | None = None
        self._opened, self._size = 0.0, 0

    def write(self, content: bytes, durable: bool = False) -> None:
        "Append whole lines: all or none; `durable` ones survive the end of the machine. Raises VolumeFault."
        with faults(self._folder):
            before = self._path
            descriptor = self._descriptor()
            try:
                self._append(descriptor, content)
                if durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if durable and self._path is not None and self._path != before:
                sync(self._path.parent)  # the name of a new file as well

    def close_if_due(self) -> bool:
        "Close the file if it is old or large; True if it was. Raises VolumeFault."
        due = self._size >= self._full or self._clock() - self._opened >= self._life
        return self._path is not None and due and self.close()

    def close(self) -> bool:
        "Give the file the name of a closed one; True if there was one. Raises VolumeFault."
        path, self._path = self._path, None
        if path is None:
            return False
        with faults(path):
            return close_lines(path) is not None

    def _descriptor(self) -> int:
        if self._path is not None:
            with suppress(FileNotFoundError):  # renamed or removed by another process
                return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        self._path = self._next_path()
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o664)

    def _next_path(self) -> Path:
        "Name the next file by day and time, so that names sort by age, and by who writes it."
        if not self._home.is_dir():
            raise FileNotFoundError(2, os.strerror(2), str(self._home))
        self._opened, self._size = self._clock(), 0
        moment = datetime.fromtimestamp(self._opened, UTC)
        day = self._folder / f"{moment:%Y-%m-%d}"
        make_folders(day)
        return day / f"{moment:%H%M%S}-{host_in_name()}-{os.getpid()}-{secrets.token_hex(3)}{OPEN_LINES}"

    def _append(self, descriptor: int, content: bytes) -> None:
        before = os.fstat(descriptor).st_size
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[os.write(descriptor, rest[:CHUNK]) :]
        except OSError:
            self._take_back(descriptor, before)
            raise
        self._size = before + len(content)

    def _take_back(self, descriptor: int, size: int) -> None:
        "Remove half-written lines, or else leave them behind in a file that is not written again."
        try:
            os.ftruncate(descriptor, size)
        except OSError:
            self._path = None


def close_lines(path: Path) -> Path | None:
    "Rename an open file to the name of a closed one; None if another process did it. Raises OSError."
    closed = path.with_name(path.name.removesuffix(OPEN_LINES) + CLOSED_LINES)
    try:
        os.rename(path, closed)
    except FileNotFoundError:
        return None
    return closed


def opened_at(path: Path) -> float:  # seconds since 1970
    "Read from a file's name when it was opened. Raises ValueError for a name that no writer gives."
    parts = _LINES_NAME.fullmatch(path.name)
    if not parts or not _DAY_NAME.fullmatch(path.parent.name):
        raise ValueError(f"{path} is not a file of answers or outcomes")
    moment = datetime.strptime(f"{path.parent.name} {parts[1]}", "%Y-%m-%d %H%M%S")
    return moment.replace(tzinfo=UTC).timestamp()
