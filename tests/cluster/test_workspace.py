"""The programs that a run starts, and what they load."""

import subprocess
from pathlib import Path

from goldenpath.cluster.workspace import elyra_pipeline

STAND_IN = """
import sys

import jsonschema


def pipeline(prog_name):
    print(prog_name, jsonschema.__name__, "lark" in sys.modules)
"""


def test_elyra_starts_without_the_grammar_of_addresses(tmp_path: Path) -> None:
    module = tmp_path / "elyra" / "cli" / "pipeline_app.py"
    module.parent.mkdir(parents=True)
    module.write_text(STAND_IN)
    for package in module.parents[:2]:
        (package / "__init__.py").touch()
    assert subprocess.check_output(elyra_pipeline(), cwd=tmp_path, text=True) == (
        "elyra-pipeline jsonschema False\n"
    )
