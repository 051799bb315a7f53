"""What several tests of the server share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.helpers.serving_app import client
from tests.helpers.serving_program import Program, running


@pytest.fixture(scope="module")
def server(published: Path) -> Iterator[Program]:
    "Yield the running server, one worker."
    with running(published) as program:
        yield program


@pytest.fixture(scope="module")
def caller(published: Path) -> FlaskClient:
    "Return a client of the application in this process."
    return client(published)
