"""What a change of the contract means for those who call the old one."""

from datetime import date
from typing import Any, Literal

import pytest
from pydantic import Field, create_model

from goldenpath.contract import CONTRACT
from goldenpath.schema.contract import Contract, ContractSpec, Record, Target, diff

TARGET = Target(column="outcome", positive="Yes", negative="No", unknown=("Unknown",))
AB = Literal["a", "b"]
ABC = Literal["a", "b", "c"]


def spec_of(target: Target = TARGET, **fields: Any) -> ContractSpec:
    "Return a contract's data, of fields as pydantic's create_model takes them."
    return Contract(create_model("Thing", __base__=Record, **fields), target).spec


def test_the_same_contract_differs_in_nothing() -> None:
    assert diff(CONTRACT.spec, CONTRACT.spec).model_dump() == {"kind": "none", "changes": ()}


def test_a_better_description_is_no_difference() -> None:
    old = spec_of(x=(AB, Field(description="one")))
    assert diff(old, spec_of(x=(AB, Field(description="two")))).kind == "none"


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ({"x": (AB, ...)}, {"x": (ABC, ...)}, "field 'x' also takes 'c'"),
        ({"x": (AB, ...)}, {"x": (AB | None, None)}, "field 'x' may now be empty"),
        ({"x": (AB, ...)}, {"x": (AB, ...), "y": (int | None, None)}, "new optional field 'y'"),
        ({"x": (AB, ...)}, {"x": (Literal["b", "a"], ...)}, "the order of fields or levels changed"),
        (
            {"x": (float, Field(gt=0, le=1))},
            {"x": (float, Field(ge=0, le=1))},
            "field 'x' was a number above 0 to 1, is a number from 0 to 1",
        ),
        ({"x": (int, Field(le=1))}, {"x": (int, ...)}, "field 'x' was an integer up to 1, is an integer"),
        (
            {"x": (str, Field(max_length=5))},
            {"x": (str, ...)},
            "field 'x' was text of at most 5 characters, is text of at most 256 characters",
        ),
    ],
)
def test_what_only_accepts_more_is_compatible_and_breaking_the_other_way(
    old: dict[str, Any], new: dict[str, Any], change: str
) -> None:
    there = diff(spec_of(**old), spec_of(**new))
    assert there.model_dump() == {"kind": "compatible", "changes": (change,)}
    back = diff(spec_of(**new), spec_of(**old))
    assert back.kind == ("compatible" if "order" in change else "breaking")


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ({"x": (AB, ...)}, {"x": (AB, ...), "y": (int, ...)}, "new required field 'y'"),
        ({"x": (AB, ...), "y": (int, ...)}, {"x": (AB, ...)}, "field 'y' was removed"),
        ({"x": (ABC, ...)}, {"x": (AB, ...)}, "field 'x' lost 'c'"),
        ({"x": (AB | None, None)}, {"x": (AB, ...)}, "field 'x' is now required"),
        ({"x": (int, ...)}, {"x": (float, ...)}, "field 'x' was of kind integer, is number"),
        (
            {"x": (float, Field(ge=0))},
            {"x": (float, Field(ge=0, lt=9))},
            "field 'x' was a number from 0, is a number from 0 to below 9",
        ),
        (
            {"x": (date, Field(lt=date(2020, 1, 1)))},
            {"x": (date, Field(lt=date(2019, 1, 1)))},
            "field 'x' was a date (YYYY-MM-DD) below 2020-01-01, is a date (YYYY-MM-DD) below 2019-01-01",
        ),
    ],
)
def test_what_refuses_something_that_was_accepted_is_breaking(
    old: dict[str, Any], new: dict[str, Any], change: str
) -> None:
    difference = diff(spec_of(**old), spec_of(**new))
    assert difference.model_dump() == {"kind": "breaking", "changes": (f"breaking: {change}",)}


@pytest.mark.parametrize(
    "target",
    [
        Target(column="other", positive="Yes", negative="No", unknown=("Unknown",)),
        Target(column="outcome", positive="No", negative="Yes", unknown=("Unknown",)),
        Target(column="outcome", positive="Yes", negative="No"),
    ],
)
def test_another_target_is_breaking(target: Target) -> None:
    difference = diff(spec_of(x=(AB, ...)), spec_of(target, x=(AB, ...)))
    assert difference.kind == "breaking"
    assert all(change.startswith("breaking: target ") for change in difference.changes)


def test_every_change_is_listed_and_the_breaking_ones_come_first() -> None:
    difference = diff(spec_of(x=(AB, ...), y=(int, ...)), spec_of(x=(ABC, ...), z=(bool | None, None)))
    assert difference.changes == (
        "breaking: field 'y' was removed",
        "new optional field 'z'",
        "field 'x' also takes 'c'",
    )
