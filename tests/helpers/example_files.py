"""What an adopted project does not keep: data and pages of the example, the template, the library's tests."""

import ast
from pathlib import Path

from tests.helpers.imports import modules
from tests.helpers.project import PROJECT

FOLDERS = ("examples", "template", "tests")  # the pictures stay, because pages that stay show them
ALONE = (
    ".github/workflows/first-day.yml",
    "benchmarks/batch.py",
    "benchmarks/fortnight.py",
    "benchmarks/scale.py",
    "benchmarks/workers.py",
    "docs/pages.py",
)
# What holds for any table stays: that notebooks are clean, exported and run, and what their tests need.
STAYING = ("tests/conftest.py", "tests/house/test_notebooks.py", "tests/house/test_phrases.py")


def bound_to_the_example() -> list[Path]:
    "List these files, sorted."
    files = [path for folder in FOLDERS for path in (PROJECT / folder).rglob("*") if path.is_file()]
    kept = _with_imports({PROJECT / path for path in STAYING})
    gone = {path for path in files if "__pycache__" not in path.parts and path not in kept}
    return sorted(gone | {PROJECT / path for path in ALONE})


def _with_imports(paths: set[Path]) -> set[Path]:
    "Add the test modules that these import, at the top of the file, and their packages."
    tests = {
        ".".join(path.relative_to(PROJECT).with_suffix("").parts): path for path in modules(PROJECT / "tests")
    }
    names = {name for path in paths for name in _at_the_top(path)}
    used = {tests[name] for name in tests if any(f"{part}.".startswith(f"{name}.") for part in names)}
    packages = {path.parent / "__init__.py" for path in paths | used}
    more = (used | packages) - paths
    return _with_imports(paths | more) if more else paths


def _at_the_top(path: Path) -> set[str]:
    "Name what a file imports when it is read; the conftest imports other helpers within fixtures."
    tree = ast.parse(path.read_text("utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]
    return {f"{node.module}.{alias.name}" for node in imports for alias in node.names}
