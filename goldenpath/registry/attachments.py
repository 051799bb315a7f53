"""Signatures and contrasts of a version, stored beside it because a version never changes."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from goldenpath.registry.litter import LITTER, hide, last_change, name_of, remove_all
from goldenpath.registry.trash import list_aside
from goldenpath.registry.versions import Versions
from goldenpath.volume import complete, faults, move

_KINDS = ("signatures", "contrasts")


def orphans(versions: Versions, kept: set[str], now: datetime) -> list[Path]:
    "List the folders of all versions but the kept ones, untouched for a day. Raises VolumeFault."
    with faults(versions.root):
        folders = [versions.root / kind / name for kind in _KINDS for name in complete(versions.root / kind)]
        old = (now - LITTER).timestamp()
        return [folder for folder in folders if folder.name not in kept and last_change(folder) <= old]


def delete_attachments(versions: Versions, folders: Iterable[Path]) -> None:
    "Delete them, except where their version has come back meanwhile. Raises VolumeFault."
    finish_deletions(versions, hide(folders))


def finish_deletions(versions: Versions, hidden: list[Path]) -> None:
    "Delete what was hidden to be deleted, or put it back where its version is there. Raises VolumeFault."
    if hidden:
        kept = {*(one.name for one in list_aside(versions.aside)), *versions.versions()}
        for folder in hidden:
            if name_of(folder) in kept:
                _put_back(folder)
    remove_all(hidden)


def is_hidden(litter: Path) -> bool:
    "Did a process that died want to delete this, and may not have looked whether its version came back?"
    return litter.parent.name in _KINDS and bool(name_of(litter))


def _put_back(hidden: Path) -> None:
    # One by one, because a writer may have published and signed the version again meanwhile.
    folder = hidden.parent / name_of(hidden)
    with faults(hidden):
        for name in complete(hidden):
            if not (folder / name).exists():
                move(hidden / name, folder / name)
