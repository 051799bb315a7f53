"""Carry an upgrade out, and list what is left to the owner of the project."""

from collections.abc import Iterator
from pathlib import Path

from goldenpath.adopt.project import SETTINGS_FILE, settings_values
from goldenpath.errors import BadInput
from goldenpath.origin.beginning import RECORD_FILE, set_name, write_origin
from goldenpath.origin.content import (
    VERSION_FILE,
    VERSION_LINE,
    file_mark,
    replace_with,
)
from goldenpath.origin.ownership import owned
from goldenpath.origin.shipment import OWN_FOLDER
from goldenpath.settings import load_settings
from goldenpath.upgrade.imports import Library, MovedName, rename_imports
from goldenpath.upgrade.journal import Journal, open_journal, remove_file
from goldenpath.upgrade.plan import MODEL_FILE, Change, Upgrade

BESIDE, ASIDE = ".new", ".old"  # ends of names: of what is written beside a file, and of what is moved aside
CODE_FOLDERS = ("notebooks", "goldenpath", "serving", "tests", "benchmarks", "lab", "examples")


def apply(upgrade: Upgrade, source: str, rename: bool) -> Journal:
    """Carry the plan out, after copies of everything that it touches.

    `rename`: imports in the owner's files too.
    """
    moved = sorted({name.path for name in moved_imports(upgrade)}) if rename else []
    journal = open_journal(upgrade.project, [*_touched(upgrade), *moved])
    for change in upgrade.of("aside"):
        replace_with(upgrade.project / change.path, upgrade.project / (change.path + ASIDE))
    for change in upgrade.of("remove", "aside"):
        remove_file(upgrade.project, change.path)
    for change in upgrade.of("add", "replace", "beside"):
        _write(upgrade, change)
    set_name(upgrade.project, _own_name(upgrade), [change.path for change in upgrade.of("add")])
    library = Library(upgrade.shipment.folder / "goldenpath")
    for path in moved:
        rename_imports(library, upgrade.project / path)
    write_origin(upgrade.project, upgrade.shipment.files, source, upgrade.shipment.state)
    return journal


def _own_name(upgrade: Upgrade) -> str:
    "Return the name of the project's model; empty if it is the example's."
    files = [folder / SETTINGS_FILE for folder in (upgrade.project, upgrade.shipment.folder)]
    name, shipped = (settings_values(file.read_text("utf-8")).get("model", "") for file in files)
    return "" if name == shipped else name


def _touched(upgrade: Upgrade) -> Iterator[str]:
    for change in upgrade.of("add", "replace", "remove", "aside"):
        yield change.path
    for change in upgrade.of("aside"):
        yield change.path + ASIDE
    for change in upgrade.of("beside"):
        yield change.path + BESIDE
    yield from upgrade.modules  # exported anew afterwards
    yield from (RECORD_FILE, f"{OWN_FOLDER}/.gitignore")


def _write(upgrade: Upgrade, change: Change) -> None:
    source = upgrade.shipment.folder / change.path
    target = upgrade.project / (change.path + BESIDE * (change.action == "beside"))
    if change.path == VERSION_FILE and change.action == "replace":
        value = f'MODEL_VERSION = "{upgrade.model_version}"'.encode()
        replace_with(source, target, VERSION_LINE.sub(value, source.read_bytes()))
    else:
        replace_with(source, target)


def left_to_do(upgrade: Upgrade, renamed: bool) -> list[str]:
    "List what the owner has to look at."
    tasks = [
        f"{change.path}: {change.reason}; take what you need from {change.path}{BESIDE}, then delete that"
        for change in upgrade.of("beside")
    ]
    tasks += [
        f"{change.path}: {change.reason}; it is now {change.path}{ASIDE}; take what you need, then delete it"
        for change in upgrade.of("aside")
    ]
    names = [name for name in moved_imports(upgrade) if not (renamed and name.after)]
    tasks += [str(name) for name in names]
    if any(name.after for name in names):
        tasks.append("`goldenpath upgrade --imports` renames these imports in your files")
    if fault := _settings_fault(upgrade.project):
        tasks.append(f"settings.ini is not accepted any more: {fault}")
    if upgrade.has_own_model_version:
        tasks.append(f"{MODEL_FILE} has changed: raise MODEL_VERSION in {VERSION_FILE} before you train")
    return tasks


def moved_imports(upgrade: Upgrade) -> list[MovedName]:
    "List the imports of the owner's files that the new library does not have."
    library = Library(upgrade.shipment.folder / "goldenpath")
    return [name for path in _owners_code(upgrade) for name in library.moved(upgrade.project, path)]


def _owners_code(upgrade: Upgrade) -> list[str]:
    "List notebooks and modules that the upgrade leaves as they are, and that differ from what is shipped."
    changed = {change.path for change in upgrade.of("add", "replace", "remove", "aside")}
    files = [
        file
        for name in CODE_FOLDERS
        for file in sorted((upgrade.project / name).rglob("*"))
        if file.is_file()
    ]
    paths = [str(file.relative_to(upgrade.project)) for file in files if file.suffix in (".py", ".ipynb")]
    return [
        path
        for path in dict.fromkeys(paths)
        if path not in changed
        and path not in upgrade.modules
        and not path.endswith("_modidx.py")
        and not path.startswith("notebooks/goldenpath/")  # a link to the library
        and file_mark(upgrade.project, path) != upgrade.shipment.files.get(path)
    ]


def _settings_fault(project: Path) -> str:
    try:
        load_settings(project / "settings.ini", environ={})
    except BadInput as fault:
        return str(fault)
    return ""


def kept_files(upgrade: Upgrade) -> list[str]:
    "List the files of the owner that stay as they are although goldenpath ships others of their names."
    changed = {change.path for change in upgrade.changes if change.action != "beside"}
    return [
        path
        for path, mark in upgrade.shipment.files.items()
        if owned(path) and path not in changed and file_mark(upgrade.project, path) not in ("", mark)
    ]
