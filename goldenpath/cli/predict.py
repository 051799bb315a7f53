"""`goldenpath predict`."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from goldenpath.cli.options import VERSION_OR_ROLE
from goldenpath.cli.terminal import put, say
from goldenpath.errors import BadInput

if TYPE_CHECKING:
    from goldenpath.inference.explanation import Explanation

BAR = 30  # characters of the largest contribution


@click.command()
@click.argument("record")
@VERSION_OR_ROLE
@click.option("--explain", is_flag=True, help="What each field contributed.")
def predict(record: str, name: str, explain: bool) -> None:
    """Answer one RECORD: JSON, @FILE, or - for standard input.

    The answer is one line of JSON: the prediction, the version, and which path gave it; with --explain also
    what each field contributed, which standard error shows as bars.
    """
    from goldenpath import Project, open_predictor

    project = Project()
    parsed = project.contract.parse(_body(record))
    predictor = open_predictor(project.registry, name)
    if predictor.why:
        say(f"scikit-learn answers: {predictor.why}")
    answer = predictor.one(parsed)
    parts = {"key": project.contract.key_of(parsed)} if project.contract.spec.key else {}
    parts |= {**answer._asdict(), "path": predictor.path}
    if explain:
        explanation = predictor.explain(parsed, answer)
        parts["explanation"] = explanation.model_dump()
        for line in bars(explanation):
            say(line)
    put(json.dumps(parts))


def bars(explanation: "Explanation") -> list[str]:
    "Draw the contributions, the largest first."
    fields = sorted(explanation.fields.items(), key=lambda field: -abs(field[1]))
    longest, largest = max(map(len, explanation.fields)), abs(fields[0][1]) or 1.0
    base = (
        "" if explanation.base is None else f" (average {explanation.base:.4g}, here {explanation.score:.4g})"
    )
    head = f"{explanation.method} to the {explanation.of}{base}; {explanation.note}"
    return [head, *(f"  {name:{longest}} {value:+10.4g} {bar(value / largest)}" for name, value in fields)]


def bar(share: float) -> str:
    "Draw a share of the largest contribution."
    return ("+" if share > 0 else "-") * round(BAR * abs(share))


def _body(record: str) -> bytes:
    "Read the record's bytes unchanged: they are checked as the body of a request is."
    if record == "-":
        return sys.stdin.buffer.read()
    if not record.startswith("@"):
        if record.endswith(".json"):
            raise BadInput(f"'{record}' is the name of a file, not a record: write @{record} to read it")
        return os.fsencode(record)
    try:
        return Path(record[1:]).read_bytes()
    except (OSError, ValueError) as fault:
        raise BadInput(f"{record[1:]} cannot be read ({fault}); check the path") from None
