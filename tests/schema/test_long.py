"""Long bodies against the contract: refused early, and as strictly as short ones."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from goldenpath.schema.contract import Broken, Malformed
from tests.helpers.contracts import EVERYTHING, GOOD

UNKNOWN = ",".join(['"zz":1'] * 500_000)
TEXTS = ",".join(['"text":"x"'] * 10_000)
RECORD = json.dumps(GOOD)


@pytest.mark.parametrize("shape", ["{%s}", "[{%s}]"])
def test_a_field_that_comes_again_and_again_is_one_problem(shape: str) -> None:
    parse = EVERYTHING.parse_many if shape.startswith("[") else EVERYTHING.parse
    with pytest.raises(Broken, match="that the contract does not know") as caught:
        parse(shape % f"{UNKNOWN},{RECORD[1:-1]}")
    assert len(caught.value.problems) == 1


MEASURE = """
import resource
from goldenpath.contract import CONTRACT
from goldenpath.schema.contract import Broken

def most() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

body, before = b"{" + b",".join([b'"zz":1'] * 500_000) + b"}", most()
try:
    CONTRACT.parse(body)
except Broken:
    print(most() - before)
"""


def test_a_field_that_comes_again_and_again_takes_little_memory() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, timeout=60)
    assert int(done.stdout) < 50_000  # KB; 230,000 when every repetition was kept


def test_the_last_of_fields_that_come_again_counts_in_long_and_short_bodies() -> None:
    assert EVERYTHING.parse("{" + TEXTS + "," + RECORD[1:]) == EVERYTHING.parse(RECORD)
    many = EVERYTHING.parse_many("[{" + TEXTS + "," + RECORD[1:] + "," + RECORD + "]")
    assert many == [EVERYTHING.parse(RECORD)] * 2


@pytest.mark.parametrize("coded", [str, str.encode], ids=["text", "bytes"])
@pytest.mark.parametrize(
    ("name", "value"),
    [("number", "NaN"), ("any_number", "-Infinity"), ("integer", "7.5"), ("boolean", "1"), ("day", "5")],
)
def test_a_long_body_is_checked_as_strictly_as_a_short_one(
    name: str, value: str, coded: Callable[[str], bytes | str]
) -> None:
    wrong = f'{RECORD[:-1]}, "{name}": {value}}}'
    said = []
    for body in (wrong, "{" + TEXTS + "," + wrong[1:]):
        with pytest.raises(Broken, match=f"{name} must be") as caught:
            EVERYTHING.parse(coded(body))
        said.append(caught.value.problems)
    assert said[0] == said[1]


def test_an_entry_that_is_no_record_is_named_by_its_place() -> None:
    with pytest.raises(Malformed, match="list of records, and entry 1 is not a record"):
        EVERYTHING.parse_many(f"[{RECORD}, null]")
