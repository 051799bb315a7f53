"""The one primitive for a shared volume: a complete folder appears under its name, or does not.

A folder is staged beside its destination, made durable, and renamed onto the final name. Of several renames
of non-empty folders onto one name exactly one succeeds, on POSIX and on the network file systems measured
(`goldenpath doctor --volume` measures yours). Exclusive creation, links, locks and SQLite do not keep that
promise there, so none of them is used.
"""

import contextlib
import errno
import os
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from goldenpath.errors import Incomplete, RaceLost, VolumeFault

STAGING = ".staging-"  # how the name of a folder that is not complete begins
FILE_MODE = 0o444  # a placed file never changes
OPEN_MASK = 0o002  # folders 0775: colleagues share a group on the volume, not a user
CHUNK = 1 << 20  # bytes per read when copying
RENAME_PATIENCE = 2.0  # seconds in which what was placed on another mount must have become readable
_PAUSE = 0.02  # seconds between two looks

Content = TypeVar("Content")

_mask_lock = threading.Lock()  # the umask belongs to the whole process

_WAYS_OUT = {
    errno.ENOSPC: "free some space (`goldenpath models gc`, `goldenpath runs gc`) or enlarge the volume",
    errno.EDQUOT: "free some space (`goldenpath models gc`, `goldenpath runs gc`) or raise the quota",
    errno.EROFS: "mount the volume for writing, or set `home` in settings.ini to a folder of your own",
    errno.EACCES: "ask for group write permission, or set `home` in settings.ini to a folder of your own",
    errno.EPERM: "ask for group write permission, or set `home` in settings.ini to a folder of your own",
    errno.ENOENT: "it has vanished: look whether the volume is still mounted",
    errno.ELOOP: "it is a link, which is not followed: put the file itself there",
    errno.EFBIG: "this is not the file that was written there: write it again",
    errno.EIO: "the volume fails: look at its mount and its server, then try again",
    errno.ESTALE: "the volume was remounted or replaced: try again",
    errno.ENOTCONN: "the mount has died: mount the volume again",
}


@contextlib.contextmanager
def faults(path: Path) -> Iterator[None]:
    "Turn an `OSError` of the block into a `VolumeFault` that names the path and the fix."
    try:
        yield
    except OSError as error:
        raise VolumeFault(explain(error, path)) from error


def explain(error: OSError, path: Path) -> str:
    "One line: the path that failed (`path` where the error names none), why, and what to do."
    where = error.filename if isinstance(error.filename, str) else path
    way_out = _WAYS_OUT.get(error.errno or 0, "look at the volume, then try again")
    return f"{where}: {error.strerror or error}; {way_out}"


def patiently(
    look: Callable[[], Content],
    on: tuple[type[Exception], ...] = (VolumeFault, Incomplete),
) -> Content:
    """Look again for a moment while something fails: another mount may show a name before what is in it.

    Seen on two mounts of one network file system, once in 2,000 looks, for a few milliseconds.
    """
    until = time.monotonic() + RENAME_PATIENCE
    while True:
        try:
            return look()
        except on:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE)


def make_folders(path: Path) -> None:
    "Make a folder and its missing parents, durable, and writable for the group from their first moment on."
    if path.is_dir():
        return
    make_folders(path.parent)
    make_folder(path)
    sync(path.parent)


def make_folder(path: Path) -> None:
    "Make one folder (0775) where it is missing."
    with _mask_lock:  # a later chmod would leave an instant in which a colleague is denied
        before = os.umask(OPEN_MASK)
        try:
            path.mkdir(exist_ok=True)
        finally:
            os.umask(before)


def place(destination: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into a staged folder, and give that folder its name once it is complete and durable.

    Raises RaceLost where the name is taken, VolumeFault where the volume fails; nothing is left behind then.
    """
    with faults(destination):
        make_folders(destination.parent)
        staged = destination.parent / f"{STAGING}{secrets.token_hex(8)}"
        try:
            make_folder(staged)
            fill(staged)
            if not os.listdir(staged):
                raise ValueError(
                    f"{destination} would be empty: renames of empty folders have no single winner"
                )
            settle(staged)
            take_name(staged, destination)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise


def settle(folder: Path) -> None:
    "Make every file of a folder read-only and durable, then the folders themselves, innermost first."
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync(Path(parent, name), FILE_MODE)
        sync(Path(parent))


def sync(path: Path, mode: int | None = None) -> None:
    "fsync a file or folder; with `mode`, change its permissions first."
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        if mode is not None:
            os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def take_name(staged: Path, destination: Path) -> None:
    "Rename a settled folder onto its final name, durably. Raises RaceLost where the name is taken."
    _rename(staged, destination)
    sync(destination.parent)


def _rename(staged: Path, destination: Path) -> None:
    inode = staged.lstat().st_ino
    try:
        os.rename(staged, destination)
    except OSError as error:
        if not _won_after_all(error, destination, inode):
            _refuse_taken(error, destination)
            raise


def _won_after_all(error: OSError, destination: Path, inode: int) -> bool:
    # An NFS client that repeats a rename whose answer was lost gets the error that the source is gone.
    if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
        return False
    return destination.is_dir() and destination.stat().st_ino == inode


def _refuse_taken(error: OSError, destination: Path) -> None:
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
        raise RaceLost(
            f"{destination} exists already: another process was first; look at it, then decide again"
        )


def move(source: Path, destination: Path) -> bool:
    """Rename a folder on the same volume, durably; False if another process has taken it away.

    Raises RaceLost where the name is taken, VolumeFault.
    """
    return bool(move_all([(source, destination)]))


def move_all(moves: Iterable[tuple[Path, Path]]) -> list[Path]:
    """Rename many folders and sync each folder above them once; the new paths, without those gone meanwhile.

    Raises RaceLost where a name is taken, VolumeFault.
    """
    moved, parents = [], set()
    for source, destination in moves:
        with faults(source):
            make_folders(destination.parent)
            if _try_to_move(source, destination):
                moved.append(destination)
                parents |= {source.parent, destination.parent}
    for parent in sorted(parents):
        with faults(parent):
            sync(parent)
    return moved


def _try_to_move(source: Path, destination: Path) -> bool:
    "Rename a folder; False if another process has taken it away."
    try:
        _rename(source, destination)
    except FileNotFoundError:
        if source.parent.is_dir():  # else the volume is gone
            return False
        raise
    return True


def write_file(path: Path, content: bytes) -> None:
    "Write a new file inside a staged folder; `settle` makes it durable."
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest[:CHUNK]) :]
    finally:
        os.close(descriptor)


def copy_file(source: Path, destination: Path) -> None:
    "Copy a regular file into a staged folder, never following a link."
    reader = open_regular(source)
    try:
        writer = os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
        try:
            while chunk := os.read(reader, CHUNK):
                rest = memoryview(chunk)
                while rest:
                    rest = rest[os.write(writer, rest) :]
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def replace_file(path: Path, content: bytes) -> None:
    "Replace one file as a whole: readers see the old content or the new; the last writer wins."
    with faults(path):
        try:
            _replace(path, content)
        except FileNotFoundError:  # a cleaner took the folder away meanwhile
            _replace(path, content)


def _replace(path: Path, content: bytes) -> None:
    make_folders(path.parent)
    staged = path.parent / f"{STAGING}{secrets.token_hex(8)}"
    try:
        write_file(staged, content)
        sync(staged, FILE_MODE)
        os.replace(staged, path)
        sync(path.parent)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


def open_regular(path: Path) -> int:
    "Open a regular file. A link, pipe or device raises OSError and is not waited for."
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def read_file(path: Path, limit: int) -> bytes:
    "Read a regular file of at most `limit` bytes. Raises OSError, also (EFBIG) if it is larger."
    descriptor = open_regular(path)
    try:
        content = bytearray()
        while chunk := os.read(descriptor, min(CHUNK, limit + 1 - len(content))):
            content += chunk
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit} bytes", str(path))
    return bytes(content)


def complete(parent: Path) -> list[str]:
    "List the names in a folder, sorted, without staged ones. Empty if the folder does not exist."
    try:
        return sorted(name for name in os.listdir(parent) if not name.startswith("."))
    except FileNotFoundError:
        return []
