"""The notebook 01_contract of another table: the drafted record and target, and lessons that use them."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from goldenpath.adopt.fields import Proposal
from goldenpath.adopt.source import contract_source, quoted, record_source
from goldenpath.schema.targets import AnyTarget

FIRST_PURPOSE = (
    "A first draft, not for any decision. Write what the model is for, and for which decisions not."
)
FIRST_LIMITS = (
    "The contract was drafted from rows: its levels and ranges are those of the data.",
    "Which people or cases the rows leave out is not yet written here.",
)
KERNEL = {"display_name": "python3", "language": "python", "name": "python3"}
ABOUT = (
    "This record was drafted from `{file}` ({extent}). Replace each description by what the column means, "
    "with its unit. Remove each field that is only known after the outcome. A range and a list of levels "
    "refuse what lies outside: widen them if real values go beyond those of the rows."
)
TARGET = "Rows with an empty or unknown outcome are excluded and counted: nothing can be learned from them."
LESSON = """import json

from goldenpath.schema.golden import pool

record = pool(CONTRACT.spec, n=1).records[-1]
assert CONTRACT.parse(json.dumps(record))
record"""


@dataclass(frozen=True)
class Draft:
    "Everything that the contract's notebook says."

    file: str  # where the rows come from
    extent: str  # which rows were looked at
    target: AnyTarget
    kept: dict[str, Proposal]  # by the field's name in Python
    roles: dict[str, str]  # key, event_time, weight -> column


def contract_notebook(draft: Draft) -> str:
    "Return the notebook as a clean file: no outputs, and cell ids that depend on place and content alone."
    record = record_source("Row", "One row of the table, as far as it is known when asked.", draft.kept)
    cells = [
        _code("#| default_exp contract"),
        _text("# The contract\n\n> What one record is, and what is predicted."),
        _code(f"#| export\n{_imports(draft)}"),
        _text("## The record"),
        _text(ABOUT.format(file=draft.file, extent=draft.extent)),
        _code(f"#| export\n{record}"),
        _code("list(Row.model_fields)"),
        _text("## The target"),
        _text(TARGET),
        _code(f"#| export\n{contract_source('Row', draft.target, draft.roles)}"),
        _text("One record, drawn from the contract alone, as a caller would send it."),
        _code(LESSON),
        _text("## In words"),
        _text("These words go into the model card of every version. Replace them by your own."),
        _code(f"#| export\n{_words()}"),
        _code('assert all(line.endswith(".") for line in (PURPOSE, *LIMITS))\nPURPOSE'),
    ]
    numbered = [{**cell, "id": _id(place, cell)} for place, cell in enumerate(cells)]
    notebook = {"cells": numbered, "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _code(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": _lines(source),
    }


def _text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": _lines(source)}


def _lines(source: str) -> list[str]:
    return source.splitlines(keepends=True)


def _id(place: int, cell: dict[str, Any]) -> str:
    return hashlib.sha256(f"{place} {cell['source']}".encode()).hexdigest()[:8]


def _imports(draft: Draft) -> str:
    "Import what the exported cells need."
    kinds = {kept.field.kind for kept in draft.kept.values() if kept.field}
    target = type(draft.target).__name__.removesuffix("Spec")
    names = ", ".join(sorted(["Contract", "Record", target]))
    standard = [
        *["from datetime import date"] * ("date" in kinds),
        *["from typing import Literal"] * ("level" in kinds),
    ]
    parts = [
        "\n".join(standard),
        "from pydantic import Field",
        f"from goldenpath.schema.contract import {names}",
    ]
    return "\n\n".join(filter(None, parts))


def _words() -> str:
    lines = "\n".join(f"    {quoted(line)}," for line in FIRST_LIMITS)
    return f"PURPOSE = {quoted(FIRST_PURPOSE)}\nLIMITS: tuple[str, ...] = (\n{lines}\n)"
