"""The files that are of no use without the example: its data, pictures and pages, and tests that use them."""

import re
from pathlib import Path

from tests.helpers.imports import imported, modules
from tests.helpers.project import PROJECT

# How a test shows that it needs the example: its contract, columns, steps, or what was stored of it.
MARKS = re.compile(
    r"goldenpath\.contract\b|\bCONTRACT\b|goldenpath\.steps|covid|death_yn|hosp_yn|age_group|cdc_case|format-1"
)
FOLDERS = ("examples", "docs/images", "tests/data", "tests/docs")
ALONE = ("docs/pages.py", "tests/helpers/example_files.py")
STAYING = ("tests/conftest.py", "tests/house/test_notebooks.py")


def bound_to_the_example() -> list[Path]:
    "List these files, sorted."
    folders = [path for folder in FOLDERS for path in (PROJECT / folder).rglob("*") if path.is_file()]
    files = {path for path in folders if "__pycache__" not in path.parts} | {PROJECT / path for path in ALONE}
    staying = {PROJECT / path for path in STAYING}
    return sorted((files | _tests_of_the_example()) - staying)


def _tests_of_the_example() -> set[Path]:
    "Find the tests and helpers that need the example, or import another one that does."
    tests = modules(PROJECT / "tests")
    names = {".".join(path.relative_to(PROJECT).with_suffix("").parts): path for path in tests}
    bound = {path for path in tests if MARKS.search(path.read_text("utf-8"))}
    while True:
        uses = {name for name, path in names.items() if path in bound}
        more = {path for path in tests if _imports(path, uses)} - bound
        if not more:
            return bound
        bound |= more


def _imports(path: Path, names: set[str]) -> bool:
    return any(name in names or name.rpartition(".")[0] in names for name in imported(path))
