"""How things are deleted, and what processes leave that die on the way.

A named file or folder on the volume is first hidden by a rename: a death halfway leaves litter, never half of
a version or run under its name.
"""

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from goldenpath.tables.progress import counted
from goldenpath.volume import STAGING, faults, move_all

LITTER = timedelta(days=1)  # after which an untouched staging folder has no writer any more
WHOLE = ("versions", "roles", "aside")  # folders whose entries were placed as a whole
AT_ONCE = 8  # folders being deleted; one after another, 5,000 took 40 times as long on a busy disk
_TRIES = 100  # at one folder that several processes delete


def delete(paths: Iterable[Path]) -> set[str]:
    """Delete folders: all out of sight at once, then file by file. Raises VolumeFault.

    Returns the names of those that were still there.
    """
    hidden = hide(paths)
    remove_all(hidden)
    return {name_of(path) for path in hidden}


def remove_all(paths: Sequence[Path]) -> None:
    "Delete folders and files, several at once, because each waits for the volume. Raises VolumeFault."
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in zip(counted(paths, "deleting"), pool.map(remove, paths), strict=True):
            pass


def hide(paths: Iterable[Path]) -> list[Path]:
    "Rename folders to hidden names, durably; the new paths, without those gone meanwhile."
    return move_all((path, path.parent / f"{STAGING}{secrets.token_hex(8)}~{path.name}") for path in paths)


def name_of(hidden: Path) -> str:
    "Return the name that a hidden folder had."
    return hidden.name.partition("~")[2]


def remove(path: Path) -> None:
    "Delete a folder or file; that it is gone, or that another process deletes it as well, is not an error."
    with faults(path):
        if path.is_dir() and not path.is_symlink():
            _remove_tree(path)
        else:
            path.unlink(missing_ok=True)


def _remove_tree(folder: Path) -> None:
    for _ in range(_TRIES):  # before Python 3.13 rmtree stops at a file that is gone already
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
        if not folder.exists():
            return
    shutil.rmtree(folder)


def abandoned(parent: Path, older_than: timedelta = LITTER) -> list[Path]:
    "Staging folders and files in a folder, untouched for so long: their writers have died."
    with contextlib.suppress(FileNotFoundError):
        return _abandoned(parent, os.listdir(parent), older_than)
    return []


def _abandoned(parent: str | Path, names: Iterable[str], older_than: timedelta) -> list[Path]:
    start = time.time() - older_than.total_seconds()
    staged = sorted(Path(parent, name) for name in names if name.startswith(STAGING))
    return [path for path in staged if last_change(path) < start]


def last_change(path: Path) -> float:
    "When a folder or a file in it changed last (a long copy changes its files only), in seconds since 1970."
    try:
        inside = list(path.iterdir()) if path.is_dir() else []
        return max(entry.lstat().st_mtime for entry in [path, *inside])
    except FileNotFoundError:  # completed or deleted meanwhile
        return time.time()


def litter_below(root: Path, older_than: timedelta = LITTER) -> list[Path]:
    "List what dead writers left below a model's folder. Raises VolumeFault."
    litter: list[Path] = []
    with faults(root):
        for parent, folders, files in os.walk(root):
            litter += _abandoned(parent, [*folders, *files], older_than)
            whole = os.path.basename(parent) in WHOLE
            folders[:] = [] if whole else [name for name in folders if not name.startswith(STAGING)]
    return sorted(litter)
