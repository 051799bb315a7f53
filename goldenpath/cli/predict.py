"""`goldenpath predict`."""

import json
import os
import sys
from pathlib import Path

import click

from goldenpath.cli.options import VERSION_OR_ROLE
from goldenpath.cli.terminal import put, say
from goldenpath.errors import BadInput


@click.command()
@click.argument("record")
@VERSION_OR_ROLE
def predict(record: str, name: str) -> None:
    """Answer one RECORD: JSON, @FILE, or - for standard input.

    The answer is one line of JSON: the prediction, the version, and which path gave it.
    """
    from goldenpath import Project, open_predictor

    project = Project()
    parsed = project.contract.parse(_body(record))
    predictor = open_predictor(project.registry, name)
    if predictor.why:
        say(f"scikit-learn answers: {predictor.why}")
    answer = predictor.one(parsed)._asdict()
    put(json.dumps(answer | {"path": predictor.path}))


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
