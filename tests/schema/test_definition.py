"""What the author of a contract wrote wrong is named with the notebook and the field, in one line."""

from datetime import date
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel, Field

from goldenpath.errors import BadInput
from goldenpath.schema.contract import Binary, Classes, Contract, Quantity, Record, Target

IMPORTED = (BaseModel, Contract, Record, Binary, Classes, Quantity, Field)
NAMES = {"np": np, "pd": pd, "date": date, "Literal": Literal, "Target": Target}
NAMES |= {imported.__name__: imported for imported in IMPORTED}
GOOD = 'Target(column="died", positive="yes", negative="no")'

TARGETS = {
    'Target(column="price")': r"target 'price' lacks positive: write Target\(column='price', positive"
    r"=\.\.\., negative=\.\.\.\) with the column's two values, "
    r"Classes\('price', levels=\(\.\.\.\)\) for more, or Quantity\('price', unit=\.\.\.\) for an amount",
    'Target("price", "high")': "target 'price' lacks negative: write Target",
    'Target(column="price", positive=1, negative=0)': "positive = 1 is not text; write positive='1'",
    'Target(column="price", positive="1", negative=False)': "negative = False is not text; write negative='F",
    'Target(column=3, positive="1", negative="0")': "target 3: column = 3 is not text; write column='3'",
    'Target("died", "yes", "no", unknown="?")': r"unknown = '\?' is not a tuple of texts such as \('\?',\)",
    'Target("died", "yes", "no", unknown=(None,))': r"unknown = \(None,\) is not a tuple of texts",
    'Target("died", "yes", "yes")': "target 'died' needs different, non-empty outcomes",
    'Target("died", "yes", "no", unknown=("no",))': "target 'died' needs different, non-empty outcomes",
    'Target("died", "yes", "no", unknown=("",))': "an empty outcome always counts as unknown",
    'Target("x", "yes", "no")': "target column 'x' is also a field of the record",
    'Classes("kind")': "target 'kind' has 0 levels, and a model can tell 2 to 100 classes apart",
    'Classes("kind", ("a",))': "target 'kind' has 1 levels",
    'Classes("kind", [str(n) for n in range(101)])': r"has 101 levels.*or write Quantity\(\.\.\.\) if they",
    'Classes("kind", "ab")': r"target 'kind': levels = 'ab' is not a tuple of texts",
    'Classes("kind", (1, 2))': r"levels = \(1, 2\) is not a tuple of texts",
    'Classes("kind", ("a", "b", "a"))': "target 'kind' needs different, non-empty outcomes",
    'Classes("kind", ("a", "b"), unknown=("b",))': "target 'kind' needs different, non-empty outcomes",
    'Classes("x", ("a", "b"))': "target column 'x' is also a field of the record",
    'Quantity("price")': r"target 'price' lacks its unit: write Quantity\('price', unit=\.\.\.\)",
    'Quantity("price", 3)': "unit = 3 is not text; write unit='3'",
    'Quantity("price", "euros", "0")': "target 'price': lower = '0' is not a number",
    'Quantity("price", "euros", upper=True)': "target 'price': upper = True is not a number",
    'Quantity("price", "euros", 5, 5)': "needs finite bounds, lower below upper",
    'Quantity("price", "euros", 0, float("inf"))': "needs finite bounds",
    'Quantity("x", "euros")': "target column 'x' is also a field of the record",
    '{"column": "died"}': r"Contract needs Target\(column=\.\.\., .*not {'column': 'died'}",
}
FIELDS = {
    "x: pd.Timestamp": "field 'x' is of type .*Timestamp.*; a contract knows Literal levels, str",
    "x: np.float64": "field 'x' is of type .*float64",
    "x: 3": "field 'x' is of type 3",
    "x: 'Unknown'": "field 'x' is of type .*Unknown",
    "x: Literal[()]": "field 'x' has no levels",
    "x: Literal['a', 2]": "field 'x': level 2 is not a non-empty text",
    "x: int = Field(max_length=3)": r"field 'x': MaxLen\(max_length=3\) does not fit its type",
    "x: int = Field(min_length=1)": r"field 'x': MinLen\(min_length=1\) does not fit its type",
    "x: str = Field(ge=3)": r"field 'x': Ge\(ge=3\) does not fit its type",
    "x: bool = Field(le=1)": r"field 'x': Le\(le=1\) does not fit its type",
    "x: Literal['a'] = Field(max_length=3)": r"field 'x': MaxLen\(max_length=3\) does not fit its type",
    "x: int = Field(ge='a')": "field 'x': the bound 'a' is not a number",
    "x: int = 0": "field 'x' has a default",
    "_x: int": "record 'Case' has no fields; write one line such as `age: int`",
}


ROLES = {
    'key="whom"': "key = 'whom' is not a field of the record; did you mean 'who'",
    'key="score"': "key = 'score' is of kind number; it must be text or a whole number",
    'event_time="who"': "event_time = 'who' is of kind text; it must be a date",
    'weight="score"': "weight = 'score' is also a field of the record, so callers would be asked for it",
    'weight="died"': "weight = 'died' is the target column",
}


def made(code: str) -> None:
    exec(code, dict(NAMES))


@pytest.mark.parametrize(("target", "message"), TARGETS.items(), ids=TARGETS)
def test_a_target_that_is_written_wrong_is_named(target: str, message: str) -> None:
    with pytest.raises(BadInput, match=rf"^notebooks/01_contract\.ipynb: .*{message}"):
        made(f"class Case(Record):\n    x: int\nContract(Case, {target})")


@pytest.mark.parametrize(("role", "message"), ROLES.items(), ids=ROLES)
def test_a_role_that_does_not_suit_its_column_is_named(role: str, message: str) -> None:
    with pytest.raises(BadInput, match=rf"^notebooks/01_contract\.ipynb: {message}"):
        made(f"class Case(Record):\n    who: str\n    score: float\nContract(Case, {GOOD}, {role})")


def test_key_and_event_time_alone_leave_nothing_to_the_model() -> None:
    fields = "class Case(Record):\n    who: str\n    day: date\n"
    with pytest.raises(BadInput, match="no field for the model beside key and event time"):
        made(f"{fields}Contract(Case, {GOOD}, key='who', event_time='day')")


@pytest.mark.parametrize(("field", "message"), FIELDS.items(), ids=FIELDS)
def test_a_field_that_is_written_wrong_is_named(field: str, message: str) -> None:
    with pytest.raises(BadInput, match=rf"^notebooks/01_contract\.ipynb: {message}") as caught:
        made(f"class Case(Record):\n    {field}\nContract(Case, {GOOD})")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "code",
    [
        f"class Case(BaseModel):\n    x: int\nContract(Case, {GOOD})",
        f"class Case:\n    x: int\nContract(Case, {GOOD})",
        f"class Case(Record):\n    x: int\nContract(Case(x=1), {GOOD})",
    ],
)
def test_only_a_class_of_records_makes_a_contract(code: str) -> None:
    with pytest.raises(BadInput, match=r"Contract needs a class such as `class Case\(Record\)`, not "):
        made(code)


def test_a_limit_counts_wherever_it_is_written() -> None:
    class Case(Record):
        inside: Annotated[float, Field(gt=0, le=9)] | None = None
        around: Annotated[float | None, Field(gt=0, le=9)] = None
        beside: float | None = Field(None, gt=0, le=9)

    for field in Contract(Case, Target("died", "yes", "no")).fields:
        assert (field.lower, field.lower_open, field.upper, field.optional) == (0, True, 9, True)


def test_a_target_is_the_same_however_it_was_written() -> None:
    class Case(Record):
        x: int

    named = Contract(Case, Target(column="died", positive="yes", negative="no", unknown=["?"]))
    placed = Contract(Case, Target("died", "yes", "no", ("?",)))
    assert named.spec == placed.spec == type(named.spec).model_validate_json(placed.spec.model_dump_json())
    assert named.target == named.spec.target
