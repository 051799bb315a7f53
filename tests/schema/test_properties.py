"""A record and a one-row frame are judged alike, whatever the contract and whatever the values."""

import json
from datetime import date
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, create_model

from goldenpath.records import Columns
from goldenpath.schema.contract import Broken, Contract, ContractSpec, Record, diff
from goldenpath.schema.golden import pool
from tests.helpers.contracts import EVERYTHING, GOOD, TARGET, text_frame

NOTHING = st.none()
NO_NUMBER = st.sampled_from(["x", "nan", "inf", "1_000", "1,5", "0x10", "True", "1e999", "2020-01-01"])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-(2**54), 2**54)
DAYS = st.dates().map(date.isoformat)
NO_DATE = st.sampled_from(["2021-02-29", "20210101", "2021-1-1", "1580688000", "2021-01-01T00:00:00", "x"])

# What a program might send for each field. Left out is only what a file cannot tell apart: an empty text is
# nothing there, and the texts "1" and "true" are a number and a boolean.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "level": st.sampled_from(["a", "b, c", "ü", "b", "A", "a "]) | TEXT | NOTHING,
    "level_or_nothing": st.sampled_from(["x", "y", "xy"]) | NOTHING,
    "number": FLOAT
    | WHOLE
    | st.sampled_from([-1.0, 1e6, 999999.9999999999])
    | NO_NUMBER
    | NOTHING
    | st.booleans(),
    "any_number": FLOAT | WHOLE | NO_NUMBER | NOTHING,
    "integer": WHOLE
    | FLOAT
    | st.sampled_from([0, 1, 2**40, 2**40 + 1, 1.5, 0.0, 1.0, 2.0**40, 2.0**40 + 1])
    | NO_NUMBER
    | NOTHING
    | st.booleans(),
    "any_integer": WHOLE
    | WHOLE.map(float)
    | FLOAT
    | st.sampled_from([2**53 - 1, 2**53, -(2**53) + 1, 2**70, 0.5, 2.0**53 - 1, 2.0**53, 2.0**70, -0.0])
    | NO_NUMBER
    | NOTHING,
    "boolean": st.booleans() | st.sampled_from(["yes", "T", "2", 2, 0.5]) | NOTHING,
    "boolean_or_nothing": st.booleans() | NOTHING,
    "day": DAYS
    | st.sampled_from(["2000-01-01", "1999-12-31", "2099-12-31", "2100-01-01"])
    | NO_DATE
    | NOTHING,
    "any day": DAYS | NO_DATE | NOTHING,
    "text": TEXT | NOTHING,
    "any text": TEXT | st.sampled_from(["x" * 256, "x" * 257]) | NOTHING,
}
OPTIONAL = sorted(field.name for field in EVERYTHING.fields if field.optional)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    "Return a good record with a few values replaced and a few optional ones left out."
    changed = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=4, unique=True))
    record = {**GOOD, **{name: draw(VALUES[name]) for name in changed}}
    for name in draw(st.lists(st.sampled_from(OPTIONAL), max_size=3, unique=True)):
        del record[name]
    return record


def judged_as_record(record: dict[str, Any]) -> tuple[set[str], Columns | None]:
    "Return the fields that are wrong, and what the model sees where none is."
    try:
        return set(), EVERYTHING.columns_of([EVERYTHING.parse(json.dumps(record))])
    except Broken as error:
        return {problem.field for problem in error.problems}, None


def judged_as_frame(frame: pd.DataFrame) -> tuple[set[str], Columns | None]:
    "Return the same for a frame of one row."
    checked = EVERYTHING.check(frame)
    assert len(checked.clean) == (0 if len(checked.rejected) else 1)
    return set(checked.rejected["column"]), EVERYTHING.columns(checked.clean) if len(checked.clean) else None


def assert_alike(one: tuple[set[str], Columns | None], other: tuple[set[str], Columns | None]) -> None:
    "Check for the same verdict and the same values."
    assert one[0] == other[0]
    for name, values in (one[1] or {}).items():
        np.testing.assert_array_equal(values, (other[1] or {})[name], err_msg=name)


@given(records())
@settings(max_examples=300)
def test_a_record_and_a_row_of_a_file_are_judged_alike(record: dict[str, Any]) -> None:
    expected = judged_as_record(record)
    assert_alike(expected, judged_as_frame(text_frame(record)))
    assert_alike(expected, judged_as_frame(text_frame(record).astype("category")))


@given(records())
@settings(max_examples=200)
def test_a_record_and_a_typed_row_are_judged_alike(record: dict[str, Any]) -> None:
    assert_alike(judged_as_record(record), judged_as_frame(pd.DataFrame([record])))


@given(st.lists(records(), min_size=1, max_size=8))
@settings(max_examples=100)
def test_a_row_is_judged_alike_alone_and_among_others(rows: list[dict[str, Any]]) -> None:
    together = EVERYTHING.check(text_frame(*rows).reindex(columns=list(GOOD)))
    alone = [bool(judged_as_record(row)[0]) for row in rows]
    assert sorted(set(together.rejected["row"])) == [place for place, wrong in enumerate(alone) if wrong]
    assert list(together.clean.index) == [place for place, wrong in enumerate(alone) if not wrong]


BOUNDED: dict[Any, st.SearchStrategy[Any]] = {
    float: st.integers(-5, 5).map(float) | FLOAT.filter(lambda number: abs(number) < 1e12),
    int: st.integers(-1000, 1000),
    date: st.dates(),
}


@st.composite
def field_types(draw: st.DrawFn) -> tuple[Any, Any]:
    "Return a field as create_model takes it: any kind, any bounds that leave room, required or optional."
    kind = draw(st.sampled_from([float, int, date, bool, str, Literal]))
    limits: dict[str, Any] = {}
    base: Any = kind
    if kind is Literal:
        base = Literal[tuple(draw(st.lists(st.sampled_from("abcdef"), min_size=1, unique=True)))]
    elif kind is str and draw(st.booleans()):
        limits["max_length"] = draw(st.integers(1, 300))
    elif kind in BOUNDED:
        low, high = draw(st.tuples(BOUNDED[kind], BOUNDED[kind]).map(sorted).filter(has_room))
        limits |= draw(st.sampled_from([{}, {"ge": low}, {"gt": low}]))
        limits |= draw(st.sampled_from([{}, {"le": high}, {"lt": high}]))
    if draw(st.booleans()):
        return Annotated[base | None, Field(**limits)], None
    return Annotated[base, Field(**limits)], ...


def has_room(bounds: list[Any]) -> bool:
    "Is there something between two bounds that excludes both?"
    width = bounds[1] - bounds[0]
    return bool(width.days > 2 if isinstance(bounds[0], date) else width > 2)


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    "Return a contract of a few fields, whose names two contracts are likely to share."
    names = draw(st.lists(st.sampled_from(["p", "q", "r", "s"]), min_size=1, unique=True))
    fields = {name: draw(field_types()) for name in names}
    return Contract(create_model("Drawn", __base__=Record, **fields), TARGET)


@given(contracts(), st.integers(0, 3))
@settings(max_examples=150)
def test_the_golden_pool_keeps_any_contract(contract: Contract, seed: int) -> None:
    drawn = pool(contract.spec, n=20, seed=seed)
    assert len(contract.parse_many(json.dumps(drawn.records))) == drawn.corners + 20
    assert contract.check(text_frame(*drawn.records)).rejected.empty


@given(contracts())
@settings(max_examples=50)
def test_any_contract_survives_its_file_and_differs_in_nothing_from_itself(contract: Contract) -> None:
    again = ContractSpec.model_validate_json(contract.spec.model_dump_json())
    assert again.hash == contract.hash
    assert diff(contract.spec, again).kind == "none"


@given(contracts(), contracts())
@settings(max_examples=300)
def test_what_kept_the_old_contract_keeps_a_compatible_new_one(old: Contract, new: Contract) -> None:
    if diff(old.spec, new.spec).kind != "breaking":
        new.parse_many(json.dumps(pool(old.spec, n=10).records))
