"""What an upgrade did to which file, with a copy of what was there: so that one command takes it back."""

import hashlib
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from goldenpath.errors import BadInput
from goldenpath.origin.content import content_of, is_there, replace_with
from goldenpath.origin.shipment import OWN_FOLDER
from goldenpath.records import Frozen

UNDO = f"{OWN_FOLDER}/undo"
JOURNAL_FILE, COPIES = f"{UNDO}/journal.json", f"{UNDO}/files"


class TouchedFile(Frozen):
    "One file that an upgrade may write."

    path: str
    existed: bool
    after: str | None = None  # sha256 (hex) when the upgrade was done; None: it was not there


class Journal(Frozen):
    "One upgrade."

    format: int = 1
    complete: bool = False
    files: tuple[TouchedFile, ...]


def open_journal(project: Path, paths: Iterable[str]) -> Journal:
    "Copy these files and write down which there are, before any of them is changed."
    check_no_interruption(project)
    shutil.rmtree(project / UNDO, ignore_errors=True)
    files = tuple(TouchedFile(path=path, existed=is_there(project / path)) for path in sorted(set(paths)))
    for file in files:
        if file.existed:
            replace_with(project / file.path, _copy(project, file.path))
    return _written(project, Journal(files=files))


def close_journal(project: Path, journal: Journal) -> None:
    "Write down what each file is when the upgrade is done."
    files = tuple(file.model_copy(update={"after": _digest(project / file.path)}) for file in journal.files)
    _written(project, Journal(complete=True, files=files))


def check_no_interruption(project: Path) -> None:
    "Raise BadInput if an upgrade was interrupted: its copies are the only ones of what was there before."
    journal = read_journal(project)
    if journal and not journal.complete:
        raise BadInput(
            "an upgrade was interrupted here: take it back first, with `goldenpath upgrade --undo`"
        )


def read_journal(project: Path) -> Journal | None:
    "Read the journal of the last upgrade; None if there is none to take back."
    file = project / JOURNAL_FILE
    try:
        return Journal.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise BadInput(f"{file} cannot be read; the files as they were are in {project / COPIES}") from None


def undo(project: Path, force: bool = False) -> list[str]:
    """Bring every file back to what it was before the last upgrade, and return their paths.

    Raises BadInput if there is no upgrade to take back, or if a file has been changed since then.
    """
    journal = read_journal(project)
    if journal is None:
        raise BadInput(f"there is no upgrade to take back in {project}")
    changed = [file.path for file in journal.files if _is_changed(project, file)] if journal.complete else []
    if changed and not force:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise BadInput(
            f"{', '.join(changed[:3])}{more} changed since the upgrade; copy them, then use --force"
        )
    touched = [file.path for file in journal.files if _differs(project, file)]
    for file in journal.files:
        if not file.existed:
            remove_file(project, file.path)
    for file in journal.files:
        if file.existed:
            replace_with(_copy(project, file.path), project / file.path)
    shutil.rmtree(project / UNDO)
    with suppress(OSError):
        (project / OWN_FOLDER).rmdir()
    return touched


def remove_file(project: Path, path: str) -> None:
    "Remove a file or link, and the folders that are empty without it."
    if not is_there(project / path):
        return
    (project / path).unlink()
    for folder in (project / path).relative_to(project).parents:
        shutil.rmtree(project / folder / "__pycache__", ignore_errors=True)
        if folder == Path() or any((project / folder).iterdir()):
            return
        (project / folder).rmdir()


def _copy(project: Path, path: str) -> Path:
    "Name the copy of a file so that no tool takes it for a module or a notebook."
    return project / COPIES / f"{path}.before"


def _is_changed(project: Path, file: TouchedFile) -> bool:
    return _digest(project / file.path) != file.after and _differs(project, file)


def _differs(project: Path, file: TouchedFile) -> bool:
    "Check whether a file is another one than before the upgrade."
    before = _digest(_copy(project, file.path)) if file.existed else None
    return _digest(project / file.path) != before


def _digest(path: Path) -> str | None:
    return hashlib.sha256(content_of(path)).hexdigest() if is_there(path) else None


def _written(project: Path, journal: Journal) -> Journal:
    file = project / JOURNAL_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    staged = file.with_suffix(".part")
    staged.write_text(journal.model_dump_json(indent=1) + "\n", "utf-8")
    staged.replace(file)
    return journal
