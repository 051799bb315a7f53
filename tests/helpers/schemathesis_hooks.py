"""Loaded by schemathesis: no refusal repeats what was submitted."""

import functools
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import schemathesis

SHORTEST = 4  # shorter texts occur in any sentence by chance


@functools.cache
def said_anyway(url: str) -> str:
    "Return the description itself, whose words a refusal may use."
    with urllib.request.urlopen(url) as reply:
        return str(reply.read().decode())


def texts(value: Any) -> Iterator[str]:
    "Every text in a JSON value, keys too."
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


@schemathesis.check
def nothing_is_echoed(ctx: Any, response: Any, case: Any) -> None:
    if response.status_code < 400:
        return
    known = said_anyway(case.operation.schema.location)
    answered = response.text
    for text in texts(case.body):
        inside = json.dumps(text)[1:-1]
        if len(text) >= SHORTEST and inside not in known:
            assert inside not in answered, "a submitted value came back"
            assert text not in answered, "a submitted value came back"
