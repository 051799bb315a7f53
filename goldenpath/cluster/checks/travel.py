"""What travels with a step into its pod, and what stays at home although the step needs it."""

import json
import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePath

from goldenpath.cluster.checks.notebook_source import imported, opens_step, source_of
from goldenpath.cluster.checks.trap import Trap
from goldenpath.cluster.pipeline_file import Node
from goldenpath.errors import BadInput
from goldenpath.runs.notebook import read_notebook

LINKED = ("goldenpath", "settings.ini")  # links in notebooks/, by which library and settings travel


def carried(node: Node) -> set[str]:
    "List the files that Elyra packages with a node: paths from the notebook's folder."
    folder = node.file.parent
    patterns = [str(pattern) for pattern in node.parameters.get("dependencies", [])]
    entered = _entered(node, patterns)
    return {name for name in _files(folder) if any(_picks(pattern, name, entered) for pattern in patterns)}


def _files(folder: Path) -> list[str]:
    "Every file below a folder; links are followed, hidden folders and caches are not."
    paths = []
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        paths += [os.path.relpath(os.path.join(place, name), folder) for name in files]
    return paths


def _picks(pattern: str, name: str, entered: set[str] | None) -> bool:
    "`*` also crosses folders, but Elyra enters only those that some pattern names, unless the switch is on."
    if entered is not None and os.path.dirname(name) not in entered:
        return False
    flat = "/" not in pattern and any(wildcard in pattern for wildcard in "*?[")
    return fnmatch(name, pattern) or (flat and fnmatch(os.path.basename(name), pattern))


def _entered(node: Node, patterns: list[str]) -> set[str] | None:
    "Return the folders that the patterns name, those above them included; None if Elyra enters all of them."
    if node.parameters.get("include_subdirectories"):
        return None
    return {
        str(parent) if parent.name else "" for pattern in patterns for parent in PurePath(pattern).parents
    }


DATA = ("report/templates/*.jinja", "steps/*.csv")  # what the package holds beside its modules
DEPENDENCIES = ("goldenpath/*.py", *(f"goldenpath/{pattern}" for pattern in DATA), "settings.ini")


def check_travel(node: Node) -> Iterator[Trap]:
    "Find the problems in a node's declared dependencies."
    patterns = [str(pattern) for pattern in node.parameters.get("dependencies", [])]
    inside = [pattern for pattern in patterns if not pattern.startswith(("..", "/", "~"))]
    for pattern in patterns:
        if pattern not in inside:
            yield Trap(
                node.title,
                "parent-folder",
                f"the dependency '{pattern}' is above the notebook: it validates, and fails to export",
                "link it into the notebook's folder and name the link",
            )
    files, entered = _files(node.file.parent), _entered(node, inside)
    picked = {pattern: {name for name in files if _picks(pattern, name, entered)} for pattern in inside}
    gone: set[str] = set()  # links that are missing, each said once
    for pattern, names in picked.items():
        name = pattern.partition("/")[0]
        if not names and name not in gone:
            is_gone = name in LINKED and not (node.file.parent / name).exists()
            gone |= {name} if is_gone else set()
            link = f"make the link again: ln -s ../{name} notebooks/{name}"
            yield Trap(
                node.title,
                "dependency",
                f"the dependency '{pattern}' fits no file in {node.file.parent.name}/",
                link if is_gone else "correct it, or drop it",
            )
    yield from _overlaps(node, picked)
    yield from _left_behind(node, set().union(*picked.values()) if picked else set())


def _overlaps(node: Node, picked: dict[str, set[str]]) -> Iterator[Trap]:
    patterns = sorted(picked)
    for place, pattern in enumerate(patterns):
        for other in patterns[place + 1 :]:
            if picked[pattern] & picked[other]:
                yield Trap(
                    node.title,
                    "two-patterns",
                    f"'{pattern}' and '{other}' fit the same files: the export fails at random",
                    "keep the wider one, with include_subdirectories",
                )


def _left_behind(node: Node, names: set[str]) -> Iterator[Trap]:
    "Modules beside the notebook that it imports, and settings that it loads, which would stay at home."
    folder = node.file.parent
    if not node.file.is_file() or node.file.suffix != ".ipynb":
        return
    try:
        source = source_of(read_notebook(node.file))
    except BadInput:
        return
    missing = sorted(name for name in _needed(folder, source) if name not in names)
    if missing:
        package, inside, _ = missing[0].partition("/")
        in_part = inside and any(name.startswith(f"{package}/") for name in names)
        kind = "sub-packages" if in_part else "left-behind"
        yield Trap(
            node.title,
            kind,
            f"{node.file.name} needs {missing[0]}"
            + (f" and {len(missing) - 1} more files" if len(missing) > 1 else "")
            + ", which no dependency carries into the pod",
            f"use dependencies {json.dumps(DEPENDENCIES)} with include_subdirectories",
        )


def _needed(folder: Path, source: str) -> set[str]:
    "Return the local modules that a source imports, their package's data, and the settings."
    needed: set[str] = set()
    for module in imported(source):
        package = folder / module.partition(".")[0]
        needed |= {os.path.relpath(file, folder) for data in DATA for file in package.glob(data)}
        base = folder.joinpath(*module.split("."))
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file():
                needed.add(os.path.relpath(file, folder))
    if ("load_settings" in source or opens_step(source)) and (folder / "settings.ini").is_file():
        needed.add("settings.ini")
    return needed
