"""What several tests of the registry share."""

from collections.abc import Iterator

import pytest

from tests.helpers.candidates import make_candidate
from tests.helpers.interruptions import Interrupter, interrupter
from tests.registry.test_signing import make_keys


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interrupter]:
    "Yield a program that can be interrupted, with an old, a new and a next candidate."
    folder = tmp_path_factory.mktemp("interrupted")
    for number, name in enumerate(("old", "new", "next"), start=1):
        make_candidate(folder / "candidates" / name, number)
    with interrupter(folder / "candidates", make_keys(folder / "keys"), folder) as started:
        yield started
