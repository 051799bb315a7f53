"""Is the export fresh: do a notebook's export cells say what the module says that runs in their place?

With the standard library alone, because pods have neither nbdev nor nbformat. Both sides are compared as
syntax trees, so that comments and formatting do not count, and with relative imports resolved, because
nbdev-export writes `from goldenpath.x import y` as `from .x import y`.
"""

import ast
import json
import os
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from goldenpath.errors import BadInput

PACKAGE = Path(__file__).parents[1]  # links not resolved: `notebooks/goldenpath` stays in notebooks/
DIRECTIVE = re.compile(r"\s*#\s*\|\s*(\w+)(?:[ \t]+([\w.]+))?")
NUMBERED = re.compile(r"\d\d[a-z]?_\w+\.ipynb")  # what is exported; other names are copies and scratch work
EXPORTS = {"export", "exporti", "exports"}


def check_fresh(
    name: str,  # of the notebook that runs, without .ipynb
    package: Path = PACKAGE,  # the package that its imports find
) -> None:
    "Stop a run whose notebooks hold other code than the modules that it imports. Raises BadInput."
    folder = notebook_folder(name, package)
    if os.environ.get("ELYRA_RUNTIME_ENV") != "kfp":  # a pod's folder also holds the copy that it executes
        warn_of_strangers(folder)
    stale = stale_notebooks(folder, package)
    if stale:
        more = f" (and {len(stale) - 1} more)" if len(stale) > 1 else ""
        raise BadInput(f"{stale[0]}{more}: run 'make export'")


def notebook_folder(name: str, package: Path = PACKAGE) -> Path:
    "Where a notebook lies: in or below the working folder (also a pod's), or beside the package."
    here, beside = Path.cwd(), package.parent
    folders = (here, here / "notebooks", beside, beside / "notebooks")
    for folder in folders:
        if (folder / f"{name}.ipynb").is_file():
            return folder
    raise BadInput(f"notebook {name}.ipynb is neither in {here} nor in {beside / 'notebooks'}")


def stale_notebooks(folder: Path, package: Path = PACKAGE) -> list[str]:
    "One line for each exported notebook of `folder` whose module in `package` says something else."
    return [
        f"notebooks/{file.name} is newer than {package.name}/{_path(module)}"
        for file in exported_notebooks(folder)
        for module, source in exported(file).items()
        if not _same(source, package, module)
    ]


def exported_notebooks(folder: Path) -> list[Path]:
    """List the notebooks that become modules: those with a number, without papermill's executed copies.

    Raises BadInput if two of them make the same module: the second would overwrite what the first exports.
    """
    makers: dict[str, Path] = {}
    for file in sorted(folder.glob("*.ipynb")):
        if NUMBERED.fullmatch(file.name) and (notebook := read_notebook(file)):
            if _is_executed_copy(notebook):
                continue
            module = _default_module(notebook) or file.name
            if module in makers:
                raise BadInput(
                    f"notebooks/{makers[module].name} and notebooks/{file.name} both export {module}: move "
                    "one of them out of notebooks/, or give it a `#| default_exp` of its own"
                )
            makers[module] = file
    return list(makers.values())


def check_syntax(file: Path) -> None:
    "Raise BadInput if an export cell is not Python: its module would stop everything that imports it."
    for cell in code_cells(read_notebook(file)):
        if EXPORTS & {word for word, _ in DIRECTIVE.findall(_head(cell))}:
            try:
                ast.parse(cell)
            except SyntaxError as fault:
                lines = cell.splitlines()
                line = lines[min(fault.lineno or 1, len(lines)) - 1].strip()
                raise BadInput(
                    f"notebooks/{file.name} is not exported: {fault.msg} in `{line}`; correct that cell"
                ) from None


def warn_of_strangers(folder: Path) -> None:
    "Warn of each notebook in `folder` that looks like a source and is not exported."
    for problem, remedy in strangers(folder):
        warnings.warn(f"{problem}; {remedy}", stacklevel=3)


def strangers(folder: Path) -> Iterator[tuple[str, str]]:  # what is wrong, and what to do
    "Find the notebooks of `folder` that hold export cells and are not exported, such as a copy."
    for file in sorted(set(folder.glob("*.ipynb")) - set(exported_notebooks(folder))):
        try:
            module = _default_module(read_notebook(file))
        except BadInput:  # not a notebook, or half written
            continue
        if module:
            numbered = NUMBERED.fullmatch(file.name)
            why = "papermill executed it" if numbered else "its name is not like 05_train.ipynb"
            problem = (
                f"notebooks/{file.name} holds export cells of {module} and is not exported, because {why}"
            )
            yield problem, "move it out of notebooks/"


def exported(file: Path) -> dict[str, str]:
    "Return what a notebook exports: source by module, named from the package on (`steps.train`)."
    notebook = read_notebook(file)
    cells: dict[str, list[str]] = defaultdict(list)
    default = ""
    if _is_executed_copy(notebook):
        return {}
    for source in code_cells(notebook):
        for word, module in DIRECTIVE.findall(_head(source)):
            if word == "default_exp":
                default = module
            elif word in EXPORTS:
                cells[module or default].append(source)
    return {module: "\n\n".join(parts) for module, parts in cells.items() if module}


def read_notebook(file: Path) -> dict[str, Any]:
    "Read a notebook. Raises BadInput that names an invalid file."
    try:
        notebook = json.loads(file.read_text("utf-8"))
        assert isinstance(notebook["cells"], list)
    except OSError as fault:
        raise BadInput(f"notebook {file} cannot be read ({fault.strerror}); check the path") from None
    except (ValueError, KeyError, TypeError, AssertionError):
        raise BadInput(f"{file} is not a notebook: its JSON cannot be read") from None
    return dict(notebook)


def code_cells(notebook: dict[str, Any]) -> list[str]:
    "Return the sources of the code cells, in order."
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def has_tag(notebook: dict[str, Any], tag: str) -> bool:
    "Check whether any cell carries this tag."
    return any(tag in cell.get("metadata", {}).get("tags", ()) for cell in notebook["cells"])


def _default_module(notebook: dict[str, Any]) -> str:
    "Return the module that a notebook's export cells make; empty if there is none."
    default = ""
    for cell in code_cells(notebook):
        for word, module in DIRECTIVE.findall(_head(cell)):
            if word == "default_exp":
                default = module
            elif word in EXPORTS and not module:
                return default
    return ""


def _path(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


def _head(source: str) -> str:
    "Return the directives of a cell: its leading comment lines."
    return source[: re.match(r"(?:[ \t]*#[^\n]*\n?|[ \t]*\n)*", source).end()]  # type: ignore[union-attr]


def _is_executed_copy(notebook: dict[str, Any]) -> bool:
    "papermill notes where it read and where it wrote; in place (Elyra) both are the same."
    paths = notebook.get("metadata", {}).get("papermill", {})
    return bool(paths) and paths.get("input_path") != paths.get("output_path")


def _same(source: str, package: Path, module: str) -> bool:
    file = package.joinpath(*module.split(".")).with_suffix(".py")
    if not file.is_file():
        return False
    name = f"{package.name}.{module}"
    try:
        return _meaning(source, name) == _meaning(file.read_text("utf-8"), name)
    except SyntaxError:
        return False


def _meaning(source: str, module: str) -> list[str]:
    "Statements as text: without docstring and `__all__`, which the export adds; imports made absolute."
    body = ast.parse(source).body
    for node in ast.walk(ast.Module(body, [])):
        if isinstance(node, ast.ImportFrom) and node.level:
            parents = module.split(".")[: -node.level]
            node.module, node.level = ".".join([*parents, node.module or ""]).strip("."), 0
    return [ast.dump(node) for node in body if not _is_added(node, node is body[0])]


def _is_added(node: ast.stmt, first: bool) -> bool:
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__"
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return first and is_text
