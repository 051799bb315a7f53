"""A notebook teaches: small exported cells, and a lesson below each that uses what the cell defines."""

import ast
from pathlib import Path
from statistics import median

import nbformat
import pytest

from tests.helpers.imports import defined
from tests.helpers.project import PROJECT

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
MEDIAN, LONGEST = 12, 30  # lines of an exported cell; the longest without that of the imports
# Of 01 to 09 together. It was 1,200 for two outcomes and one model: classes, quantities, the candidates and
# how one of them is chosen are further ideas, each with its lesson, and so is training as rows grow.
TOTAL = 1_630


every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_of(path: Path) -> list[tuple[set[str], str]]:
    "Return each code cell of a notebook: its directives, and its source without them."
    cells = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            lines = cell.source.splitlines()
            marks = {line.removeprefix("#|").strip() for line in lines if line.startswith("#|")}
            cells.append((marks, "\n".join(line for line in lines if not line.startswith("#|"))))
    return cells


def exported_lines(path: Path) -> list[int]:
    "Return the number of lines of each exported cell, directives left out."
    return [len(source.splitlines()) for marks, source in code_of(path) if "export" in marks]


def only_imports(source: str) -> bool:
    "Is this the cell that opens a notebook?"
    return all(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.parse(source).body)


def step_of(source: str) -> set[str]:
    "Return the name of the step's own function, if a cell defines it: the run cell shows it."
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    decorated = [node for node in functions if any("step_spec" in ast.dump(d) for d in node.decorator_list)]
    return {node.name for node in decorated}


def used(source: str) -> set[str]:
    "Return the names that a cell uses, imports left out."
    nodes = list(ast.walk(ast.parse(source)))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return names | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def unshown(path: Path) -> set[str]:
    "Return the exported public names that no lesson below their cell uses."
    cells, missing = code_of(path), set()
    for place, (marks, source) in enumerate(cells):
        if "export" not in marks:
            continue
        below = [(marks, source) for marks, source in cells[place + 1 :] if "export" not in marks]
        lessons = set().union(*(used(source) for marks, source in below if "eval: false" not in marks))
        runs = set().union(*(used(source) for _, source in below))
        missing |= defined(ast.parse(source)) - lessons - (step_of(source) & runs)
    return missing


@every_notebook
def test_exported_cells_are_short(path: Path):
    exported = [source for marks, source in code_of(path) if "export" in marks]
    assert max(len(cell.splitlines()) for cell in exported if not only_imports(cell)) <= LONGEST
    assert median(exported_lines(path)) <= MEDIAN


def test_the_notebooks_together_hold_ideas_and_no_plumbing():
    total = sum(sum(exported_lines(path)) for path in NOTEBOOKS if path.stem < "10")
    assert total <= TOTAL


@every_notebook
def test_every_exported_name_is_used_in_a_lesson_below_it(path: Path):
    assert unshown(path) == set()
