"""A batch read by column has the verdict, and the columns, of its records read one by one."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from goldenpath.errors import BadInput
from goldenpath.records import Columns
from goldenpath.schema.batches import FEW
from goldenpath.schema.contract import Contract, rows_as_json
from tests.helpers.contracts import EVERYTHING, GOOD
from tests.schema.test_properties import VALUES

OPTIONAL = sorted(field.name for field in EVERYTHING.fields if field.optional)
JSON_VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just([]) | st.just({})
)
CHANGE = st.sampled_from(sorted(GOOD)).flatmap(
    lambda name: st.tuples(st.just(name), VALUES[name] | JSON_VALUES)
)
STRANGE_ROWS = st.sampled_from([None, 1, "x", [], {}, [1], {"zz": 1}, {**GOOD, "zz": 1}])


def verdict(read: Any, *arguments: Any) -> Columns | str:
    try:
        return read(*arguments)
    except BadInput as fault:
        return f"{type(fault).__name__}: {fault}"


def one_by_one(contract: Contract, body: bytes) -> Columns:
    return contract.columns_of(contract.parse_many(body))


def alike(left: Columns | str, right: Columns | str) -> None:
    if isinstance(left, str) or isinstance(right, str):
        assert left == right
        return
    assert list(left) == list(right)
    for name, values in left.items():
        assert values.dtype == right[name].dtype
        np.testing.assert_array_equal(values, right[name])


@given(
    changes=st.lists(CHANGE, max_size=3),
    left_out=st.lists(st.sampled_from(OPTIONAL), max_size=2),
    strange=st.lists(STRANGE_ROWS, max_size=1),
    count=st.integers(0, FEW + 3),
)
@effort(max_examples=300, deadline=None)
def test_rows_are_judged_alike(
    changes: list[tuple[str, Any]], left_out: list[str], strange: list[Any], count: int
) -> None:
    rows = [{**GOOD, name: value} for name, value in changes] + [dict(GOOD)] * count
    rows = [{name: value for name, value in row.items() if name not in left_out} for row in rows]
    body = json.dumps([*rows, *strange]).encode()
    alike(verdict(EVERYTHING.columns_of_body, body), verdict(one_by_one, EVERYTHING, body))


@given(changes=st.lists(CHANGE, max_size=3))
@effort(max_examples=150, deadline=None)
def test_lists_are_judged_as_the_rows_that_they_stand_for(changes: list[tuple[str, Any]]) -> None:
    rows = [{**GOOD, name: value} for name, value in changes] + [dict(GOOD)] * FEW
    lists = {name: [row[name] for row in rows] for name in GOOD}
    expected = verdict(one_by_one, EVERYTHING, json.dumps(rows).encode())
    alike(verdict(EVERYTHING.columns_of_lists, lists), expected)


@pytest.mark.parametrize("body", [b"", b"{", b"[", b"{}", b"1", b"[]", b"null", b'"x"', b"\xff", b"[NaN]"])
def test_what_is_not_a_list_of_records_is_refused_alike(body: bytes) -> None:
    alike(verdict(EVERYTHING.columns_of_body, body), verdict(one_by_one, EVERYTHING, body))


def test_good_rows_are_read_without_a_record_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps([GOOD] * FEW).encode()
    monkeypatch.setattr(Contract, "parse_many", lambda self, body: pytest.fail("records were made"))
    assert len(EVERYTHING.columns_of_body(body)["number"]) == FEW
    assert (
        len(EVERYTHING.columns_of_lists({name: [value] * FEW for name, value in GOOD.items()})["number"])
        == FEW
    )
    short = [{name: value for name, value in GOOD.items() if name not in OPTIONAL}] * FEW
    assert len(EVERYTHING.columns_of_body(json.dumps(short).encode())["number"]) == FEW


def test_lists_become_rows() -> None:
    assert json.loads(rows_as_json({"a": [1, 2], "b": ["x", None]})) == [
        {"a": 1, "b": "x"},
        {"a": 2, "b": None},
    ]
