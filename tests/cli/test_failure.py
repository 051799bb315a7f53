"""What an executed notebook says of an error: its message in one line, and where its code was written."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from IPython.core.ultratb import FormattedTB
from pydantic import BaseModel

from goldenpath.runs.executed import LONG, Failure, in_one_line, read_failure

EXPORTED = """# %% auto #0
__all__ = []

# %% ../notebooks/04_model.ipynb #aa
import math

# %% ../notebooks/04_model.ipynb #bb
def enrich(value):
    return math.sqrt(value)
"""
CELLS = ["aa", "", "bb"]


@pytest.fixture
def module(tmp_path: Path) -> Any:
    "Return an exported module beside its notebook, in which the cell #bb is the third."
    (tmp_path / "goldenpath").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "goldenpath" / "model.py").write_text(EXPORTED)
    cells = [{"cell_type": "code", "id": name, "source": "", "metadata": {}} for name in CELLS]
    text = json.dumps({"cells": [{"cell_type": "markdown", "source": ""}, *cells]})
    (tmp_path / "notebooks" / "04_model.ipynb").write_text(text)
    spec = importlib.util.spec_from_file_location("model", tmp_path / "goldenpath" / "model.py")
    assert spec is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)  # type: ignore[union-attr]
    return loaded


def failed(folder: Path, call: Any, *values: Any) -> Failure:
    "Return the failure of a notebook whose cell [7] made this call, as a kernel writes it."
    try:
        call(*values)
    except Exception as fault:
        traceback = FormattedTB(mode="Context").structured_traceback(*sys.exc_info())
        error = {"ename": type(fault).__name__, "evalue": str(fault), "traceback": traceback}
    output = {"output_type": "error", **error}
    cell = {"cell_type": "code", "execution_count": 7, "source": "", "outputs": [output]}
    file = folder / "05_train.ipynb"
    file.write_text(json.dumps({"cells": [cell]}))
    found = read_failure(file)
    assert found is not None
    return found


def test_an_error_in_exported_code_names_the_cell_that_it_was_written_in(module: Any, tmp_path: Path) -> None:
    found = failed(tmp_path, module.enrich, "text")
    assert (found.step, found.cell, found.kind) == ("05_train", 7, "TypeError")
    assert found.origin == "notebooks/04_model.ipynb, cell [3]"


def test_an_error_of_ours_says_itself_what_to_do(module: Any, tmp_path: Path) -> None:
    from goldenpath.errors import BadInput

    def refuse(value: str) -> None:
        raise BadInput("a fix")

    module.math.sqrt, kept = refuse, module.math.sqrt
    found = failed(tmp_path, module.enrich, "text")
    module.math.sqrt = kept
    assert (found.message, found.origin) == ("a fix", "")


def test_an_error_elsewhere_has_no_such_cell(module: Any, tmp_path: Path) -> None:
    assert failed(tmp_path, json.loads, "{").origin == ""
    (tmp_path / "notebooks" / "04_model.ipynb").unlink()
    assert failed(tmp_path, module.enrich, "text").origin == ""


def test_a_message_of_many_lines_is_kept_whole_in_one(tmp_path: Path) -> None:
    class Pair(BaseModel):
        one: int
        two: int

    found = failed(tmp_path, Pair.model_validate, {"one": "a"})
    assert "one Input should be a valid integer" in found.message
    assert "two Field required" in found.message
    assert "further information" not in found.message
    assert "\n" not in found.message


def test_a_message_without_end_is_cut() -> None:
    assert in_one_line("a\n  b  c\n") == "a b c"
    assert in_one_line("word " * 1000) == ("word " * 1000)[:LONG] + " ..."
    assert in_one_line("") == ""
