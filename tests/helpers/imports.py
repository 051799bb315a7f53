"""What the project's files import and define, read from their syntax trees."""

import ast
from collections import defaultdict
from pathlib import Path

from tests.helpers.project import PROJECT

# Each package imports only from those before it: no way back, and no circle.
ORDER = (
    "errors",
    "records",
    "text",
    "volume",
    "programs",
    "schema",
    "tables",
    "settings",
    "compute",
    "measure",
    "inference",
    "registry",
    "evaluation",
    "feedback",
    "runs",
    "report",
    "tracking",
    "contract",
    "project",
    "model",
    "predict",
    "pyfunc",
    "steps",
    "cluster",
    "doctor",
    "origin",
    "adopt",
    "upgrade",
    "cli",
)


def modules(folder: Path) -> list[Path]:
    "List the Python files below a folder, generated indexes left out."
    return [path for path in sorted(folder.rglob("*.py")) if path.name != "_modidx.py"]


def imported(path: Path) -> set[str]:
    "Return the absolute names that a file imports, anywhere in it: modules, and the names taken from them."
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _base(path, node)
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


def _base(path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = path.relative_to(PROJECT).with_suffix("").parts[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def package_of(name: str) -> str:
    "Return the room that a dotted name of the library is in: `goldenpath.runs.run.Run` is in `runs`."
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def definitions(paths: list[Path]) -> dict[str, list[str]]:
    "Return, for each public name that is defined at the top of a module, the files that define it."
    places: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        for name in defined(ast.parse(path.read_text("utf-8"))):
            places[name].append(str(path.relative_to(PROJECT)))
    return places


def defined(tree: ast.Module) -> set[str]:
    "Return the public names that a module or cell defines at its top."
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {name for name in names if not name.startswith("_")}


def values(path: Path) -> set[str]:
    "Return the names of the variables and parameters of a file, at any depth."
    nodes = [*ast.walk(ast.parse(path.read_text("utf-8")))]
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored | {node.arg for node in nodes if isinstance(node, ast.arg)}
