"""The same code has the same fingerprint under every Python: a laptop's and a pod's may differ."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.project import PROJECT
from tests.helpers.pythons import find_python
from tests.helpers.requirements import needs

# The functions that make the fingerprint, taken out of their module: another Python has no pydantic.
SHAPE = """
import ast, sys, types
from typing import Any
tree = ast.parse(open(sys.argv[1]).read())
wanted = [node for node in tree.body if getattr(node, "name", "") == "_shape"]
scope = {"ast": ast, "Any": Any}
exec(compile(ast.Module(wanted, []), "shape", "exec"), scope)
source = '''
def decide(probability: float, threshold: float = 0.5, *more: int) -> bool:
    "Above the threshold."
    parts = [f"{x:.2f}" for x in more if x]
    return probability >= threshold and not parts
'''
print(scope["_shape"](ast.parse(source)))
"""


def shape_under(python: Path | str) -> str:
    command = [str(python), "-c", SHAPE, str(PROJECT / "goldenpath" / "registry" / "fingerprint.py")]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_code_has_the_same_shape_under_every_python(version):
    other = find_python(version)
    needs("py312", other is not None or version != "3.12", "there is no Python 3.12")
    if other is None:
        pytest.skip(f"there is no Python {version}")
    assert shape_under(other) == shape_under(sys.executable)
