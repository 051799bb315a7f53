"""Imports in an owner's files of names that moved within the library, and where these names are now."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeGuard

# `from goldenpath.x import a, b as c` on one line, or with its names in brackets on several
IMPORT = re.compile(
    r"^(?P<indent>[ \t]*)from (?P<module>goldenpath(?:\.\w+)*) import "
    r"(?:\((?P<many>[^)]*)\)|(?P<one>[^(\n]+))",
    re.MULTILINE,
)


@dataclass(frozen=True)
class MovedName:
    "A name that a file imports from where it is no longer."

    path: str
    name: str
    before: str  # module
    after: str  # module; empty if no module defines the name

    def __str__(self) -> str:
        if not self.after:
            return f"{self.path} imports {self.name} of {self.before}, which is gone: do without it"
        return f"{self.path} imports {self.name} of {self.before}, which is now in {self.after}"


@dataclass(frozen=True)
class Library:
    "The names that a library of goldenpath has, by module."

    folder: Path  # the package

    def moved(self, project: Path, path: str) -> list[MovedName]:
        "List what a notebook or a module of a project imports from the wrong place."
        return [
            MovedName(path, name, match["module"], place)
            for source in sources(project / path)
            for match in IMPORT.finditer(source)
            for name, place in self._places(match).items()
            if not self._has(match["module"], name)
        ]

    def renamed(self, source: str) -> str:
        "Let the imports of a source name the places of today; what is gone stays."
        return IMPORT.sub(self._rewritten, source)

    def _rewritten(self, match: re.Match[str]) -> str:
        places: dict[str, list[str]] = {}
        for name, place in self._places(match).items():
            other = _names(match)[name]
            places.setdefault(place or match["module"], []).append(f"{name} as {other}" if other else name)
        if [*places] == [match["module"]]:
            return match[0]
        lines = [
            f"{match['indent']}from {place} import {', '.join(names)}" for place, names in places.items()
        ]
        return "\n".join(sorted(lines))

    def _places(self, match: re.Match[str]) -> dict[str, str]:
        "Find a module for each name: as it is written, else one that has them all, else where it is defined."
        names, module = [*_names(match)], match["module"]
        homes = {name: module if self._has(module, name) else self._home(name) for name in names}
        shared = next((home for home in homes.values() if all(self._has(home, name) for name in names)), "")
        return dict.fromkeys(names, shared) if shared else homes

    def _has(self, module: str, name: str) -> bool:
        return name in self._names.get(module, ()) or f"{module}.{name}" in self._names

    def _home(self, name: str) -> str:
        return next((module for module, (names, _) in self._read.items() if name in names), "")

    @cached_property
    def _names(self) -> dict[str, set[str]]:
        "All names of each module, imported ones too."
        return {module: names | taken for module, (names, taken) in self._read.items()}

    @cached_property
    def _read(self) -> dict[str, tuple[set[str], set[str]]]:
        return {_module(self.folder, path): _top(path) for path in sorted(self.folder.rglob("*.py"))}


def sources(file: Path) -> Iterator[str]:
    "Yield the code of a module, or of each code cell of a notebook; nothing of what cannot be read."
    try:
        text = file.read_text("utf-8")
        if file.suffix != ".ipynb":
            yield text
            return
        for cell in json.loads(text)["cells"]:
            if cell["cell_type"] == "code":
                yield "".join(cell["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return


def rename_imports(library: Library, file: Path) -> None:
    "Rewrite the imports of a notebook or module, and nothing else of it."
    text = file.read_text("utf-8")
    if file.suffix != ".ipynb":
        file.write_text(library.renamed(text), "utf-8")
        return
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            before = "".join(cell["source"])
            if (after := library.renamed(before)) != before:
                cell["source"] = after.splitlines(keepends=True)
    file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _names(match: re.Match[str]) -> dict[str, str]:  # and what each is called here, if not the same
    text = re.sub(r"#.*", "", match["many"] or match["one"])
    parts = [part.split() for part in text.replace("\\", " ").split(",")]
    return {words[0]: words[2] if len(words) == 3 else "" for words in parts if words}


def _module(folder: Path, path: Path) -> str:
    parts = path.relative_to(folder.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _top(path: Path) -> tuple[set[str], set[str]]:  # defined, and imported
    tree = ast.parse(path.read_text("utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    defined = {node.name for node in tree.body if isinstance(node, kinds)}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            defined |= {part.id for part in ast.walk(node) if _is_stored(part)} | _front_door(node)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return defined, {alias.asname or alias.name for node in imports for alias in node.names}


def _is_stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _front_door(node: ast.Assign | ast.AnnAssign) -> set[str]:
    "Name what `goldenpath` itself imports once it is asked for."
    if not isinstance(node.value, ast.Dict) or "FRONT_DOOR" not in ast.unparse(node).split():
        return set()
    return {str(key.value) for key in node.value.keys if isinstance(key, ast.Constant)}
