"""Bounded disk: feedback beyond so many days or megabytes is removed, the oldest first."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.line_files import ABANDONED, OPEN_LINES, opened_at

_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    "How long feedback is kept, and how much of it."

    days: int
    megabytes: int


@dataclass(frozen=True)
class KeptFile:
    "A file of feedback and its age."

    begun: float  # seconds since 1970: when an answer file was opened, or another file was changed
    size: int  # bytes
    path: Path


def retain(folder: FeedbackFolder, limits: Limits, now: float | None = None) -> list[Path]:
    """Remove what is beyond the limits, and return it.

    Several processes may do it at once. Files that are still written are left alone; counts and outcomes are
    removed by age only, because they are small and answers refer to them. Raises nothing: what cannot be
    removed is looked at again next time.
    """
    now = time.time() if now is None else now
    too_old = now - timedelta(days=limits.days).total_seconds()
    answers = files_below(folder.answers)
    others = [*files_below(folder.counts), *files_below(folder.outcomes)]
    beyond = [file for file in (*answers, *others) if file.begun < too_old and not is_written(file, now)]
    size = sum(file.size for file in (*answers, *others)) - sum(file.size for file in beyond)
    young = [file for file in answers if file.begun >= too_old and not is_written(file, now)]
    for file in sorted(young, key=lambda file: file.begun):
        if size <= limits.megabytes * _MEGABYTE:
            break
        beyond.append(file)
        size -= file.size
    return [file.path for file in beyond if try_to_remove(file.path)]


def is_written(file: KeptFile, now: float) -> bool:
    "Might its writer still append to it?"
    return file.path.name.endswith(OPEN_LINES) and file.begun > now - ABANDONED


def files_below(folder: Path) -> list[KeptFile]:
    "List the files of a folder and of the folders in it; empty if it is missing."
    files: list[KeptFile] = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with suppress(OSError):  # removed meanwhile
                status = path.lstat()
                files.append(KeptFile(_begun(path, status.st_mtime), status.st_size, path))
    return files


def _begun(path: Path, changed: float) -> float:
    "Return the time in the name of a file of answers, which it keeps when it becomes Parquet."
    try:
        return opened_at(path)
    except ValueError:
        return changed


def try_to_remove(path: Path) -> bool:
    "Remove a file, and its folder if that is empty then; False if it is still there."
    with suppress(FileNotFoundError):
        try:
            path.unlink()
        except OSError:
            return False
    with suppress(OSError):  # others are in it
        path.parent.rmdir()
    return True
