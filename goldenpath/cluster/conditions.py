"""What a step's result depends on besides the files of its run: code, settings and installed packages."""

import ast
import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from goldenpath import FRONT_DOOR
from goldenpath.cluster.pipeline_file import Graph
from goldenpath.cluster.workspace import LEFT_OUT
from goldenpath.records import Frozen
from goldenpath.runs.notebook import code_cells, read_notebook
from goldenpath.settings import PREFIX

READ_VARIABLES = re.compile(r"""(?:environ(?:\[|\.get\()|getenv\()\s*["'](\w+)["']""")
MAGIC = re.compile(r"^\s*[%!?].*$", re.MULTILINE)  # IPython's own syntax
NOT_READ = {f"{PREFIX}PROJECT"}  # a result does not depend on where the project is
DYNAMIC = {"import_module", "__import__", "exec", "eval", "run_path", "run_module"}
PROGRAM = re.compile(r"^\s*(%run|!)", re.MULTILINE)
EVERYTHING = "*"  # in place of a module's name


class Conditions(Frozen):
    "Digests of what all steps of a run share besides the project's code."

    settings: str  # settings.ini, the variables of the pipeline, and those that the code may read
    packages: str  # Python, and everything that is installed

    def changed(self, before: "Conditions") -> str:
        'Name what differs, such as "settings and packages"; "" if nothing does.'
        ours, theirs = self.model_dump(), before.model_dump()
        return " and ".join(name for name in ours if ours[name] != theirs[name])


def conditions_of(
    graph: Graph,
    project: Path,
    values: Mapping[str, str],  # of --set
) -> Conditions:
    "Return the conditions under which a pipeline would run now."
    texts = [
        *(_text(file) for file in _files(project) if file.suffix == ".py"),
        *(_source(node.file) for node in graph.nodes),
    ]
    names = {name for text in texts for name in READ_VARIABLES.findall(text)}
    names |= {name for name in os.environ if name.startswith(PREFIX)}
    read = {name: os.environ[name] for name in sorted(names - NOT_READ) if name in os.environ}
    of_nodes = {node.name: node.variables for node in graph.nodes}
    variables = json.dumps([graph.variables, of_nodes, dict(values), read], sort_keys=True)
    return Conditions(settings=_digest([_text(project / "settings.ini"), variables]), packages=_packages())


def code_of(
    notebook: Path,  # or a script, of this project or of a copy of it
    project: Path,
) -> str:
    "Return a digest of a step's code, and of all that this imports of the project."
    source = _source(notebook)
    files = _code_files(project, source)
    parts = [part for file in files for part in (str(file.relative_to(project)), _file_digest(file))]
    return _digest([source, *parts])


def _source(file: Path) -> str:
    "Return the code of a notebook or a script; outputs and prose do not count."
    if not file.is_file():
        return ""
    return "\n\n".join(code_cells(read_notebook(file))) if file.suffix == ".ipynb" else _text(file)


def _code_files(project: Path, source: str) -> list[Path]:
    """List the project's files that a source works with: modules that it imports, directly or not, and data.

    The server, and files beside the notebooks or in the library that are not modules, count for every step.
    So do all modules if a name that is imported is only known at run time.
    """
    files = _files(project)
    modules, used = _modules(project, files), set[Path]()
    left = set(_imports(source, ""))
    while left:
        name = left.pop()
        if name == EVERYTHING:
            return files
        if name in modules and modules[name] not in used:
            used.add(modules[name])
            left |= _imports(_text(modules[name]), _package(project, modules[name]))
    library = {file for file in modules.values() if file.is_relative_to(project / "goldenpath")}
    return sorted(used | set(files) - library)


def _files(project: Path) -> list[Path]:
    "List the files that a step may import or open, but for notebooks, which are read by themselves."
    files = []
    for name in ("goldenpath", "serving", "notebooks"):
        for folder, folders, names in os.walk(project / name):  # links are not followed
            folders[:] = [one for one in folders if one not in LEFT_OUT]
            files += [Path(folder, one) for one in names if one not in ("_modidx.py", "run.json")]
    return sorted(one for one in files if one.suffix not in (".ipynb", ".html") and not one.is_symlink())


def _modules(project: Path, files: Iterable[Path]) -> dict[str, Path]:
    "Return the Python files of a project by the names that a notebook imports them by."
    named = {}
    for file in files:
        parts = file.relative_to(project).with_suffix("").parts
        parts = parts[1:] if parts[0] == "notebooks" else parts
        if file.suffix == ".py":
            named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return named


def _package(project: Path, module: Path) -> str:
    "Return the package that a module's relative imports begin in."
    return ".".join(module.relative_to(project).parts[:-1])


@cache
def _imports(source: str, package: str) -> frozenset[str]:
    "Return the dotted names that a source may import, with the packages that they are in."
    try:
        tree = ast.parse(MAGIC.sub("", source))
    except SyntaxError:
        return frozenset([EVERYTHING])
    named = {name for node in ast.walk(tree) for name in _named_by(node, package)}
    if PROGRAM.search(source):
        named.add(EVERYTHING)
    return frozenset(name[:end] for name in named for end in _ends(name))


def _ends(name: str) -> list[int]:
    "Return where the packages end that a dotted name is in, and where it ends itself."
    return [*(place for place, letter in enumerate(name) if letter == "."), len(name)]


def _named_by(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name
            if alias.name == "goldenpath" and alias.asname:
                yield from FRONT_DOOR.values()
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        base = ".".join([*above, *filter(None, [node.module])])
        for alias in node.names:
            yield f"{base}.{alias.name}" if alias.name != "*" else base
            if base == "goldenpath":
                yield FRONT_DOOR.get(alias.name, base)
    elif isinstance(node, ast.Attribute):
        if isinstance(node.value, ast.Name) and node.value.id == "goldenpath":
            yield FRONT_DOOR.get(node.attr, "goldenpath")
    elif isinstance(node, ast.Call) and package != "goldenpath":
        yield from _called(node)


def _called(call: ast.Call) -> Iterator[str]:
    "Yield what a call imports: the name that is written there, or perhaps anything."
    if getattr(call.func, "attr", None) in DYNAMIC or getattr(call.func, "id", None) in DYNAMIC:
        first = call.args[0] if call.args else None
        name = first.value if isinstance(first, ast.Constant) else None
        yield name if isinstance(name, str) and name.replace(".", "").isidentifier() else EVERYTHING


def _packages() -> str:
    "Return a digest of Python and of the versions of all that is installed."
    folders = {Path(folder) for folder in sys.path if folder and Path(folder).is_dir()}
    installed = sorted({one.name for folder in folders for one in folder.glob("*.dist-info")})
    return _digest([platform.python_version(), platform.machine(), *installed])


def _text(file: Path) -> str:
    return file.read_text("utf-8", errors="replace") if file.is_file() else ""


def _file_digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps([*parts]).encode()).hexdigest()
