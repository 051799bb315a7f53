"""Key, event time and weight: columns with a role of their own, which the model does not see as they are."""

import json
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import create_model

from goldenpath.errors import BadInput
from goldenpath.schema.contract import (
    Broken,
    Contract,
    ContractSpec,
    Quantity,
    Record,
    Target,
    columns_of_json,
    diff,
)
from goldenpath.schema.golden import pool
from tests.helpers.contracts import EVERYTHING, VISIT, VISITS, text_frame


def rows(**changes: Any) -> pd.DataFrame:
    "Return one row of visits as a file holds it."
    return text_frame({**VISIT, "visits": "2.5", "stay": "3", **changes})


def test_the_model_sees_neither_key_nor_event_time_nor_weight() -> None:
    spec = VISITS.spec
    assert (spec.text_columns, spec.number_columns) == (("ward",), ("born", "pulse"))
    record = VISITS.parse(json.dumps(VISIT))
    assert VISITS.values(record) == (["north"], [7335.0, 61.5])


def test_features_may_be_made_of_the_event_time_and_never_of_the_key() -> None:
    expected = {"day": 19849.0, "ward": "north", "born": 7335.0, "pulse": 61.5}
    for columns in (
        VISITS.columns(VISITS.check(rows()).clean),
        VISITS.columns_of([VISITS.parse(json.dumps(VISIT))]),
        columns_of_json(VISITS.spec, [VISIT]),
    ):
        assert {name: values[0] for name, values in columns.items()} == expected


def test_the_key_of_a_record_is_known_and_none_without_the_role() -> None:
    assert VISITS.key_of(VISITS.parse(json.dumps(VISIT))) == "ada"
    plain = Contract(VISITS.record, Target("died", "yes", "no"))
    assert plain.key_of(plain.parse(json.dumps(VISIT))) is None


def test_a_caller_is_never_asked_for_the_weight_and_cannot_send_one() -> None:
    assert "visits" not in VISITS.json_schema()["properties"]
    with pytest.raises(Broken, match="a field that the contract does not know"):
        VISITS.parse(json.dumps({**VISIT, "visits": 1}))
    assert len(VISITS.check(rows().drop(columns=["visits", "stay"]), target=False).clean) == 1


def test_a_row_stands_for_its_weight_and_for_one_without_the_role() -> None:
    assert VISITS.weights(VISITS.check(rows()).clean).tolist() == [2.5]
    assert EVERYTHING.weights(pd.DataFrame(index=range(3))).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("weight", ["0", "-1", "many", None])
def test_a_weight_that_is_no_number_above_zero_is_rejected(weight: Any) -> None:
    [problem] = VISITS.check(rows(visits=weight)).rejected.to_dict("records")
    assert problem["column"] == "visits"
    assert problem["reason"].endswith("must be a number above 0")


def test_the_file_names_the_roles_that_there_are_and_no_others() -> None:
    stored = json.loads(VISITS.spec.model_dump_json())
    assert {name: stored[name] for name in ("key", "event_time", "weight")} == {
        "key": "patient",
        "event_time": "day",
        "weight": "visits",
    }
    assert list(json.loads(EVERYTHING.spec.model_dump_json())) == ["fields", "target"]
    assert ContractSpec.model_validate_json(VISITS.spec.model_dump_json()) == VISITS.spec


def test_another_role_is_another_contract_that_callers_need_not_know_of() -> None:
    target = Quantity("stay", unit="days", lower=0)
    other = Contract(VISITS.record, target, key="patient", event_time="day")
    assert other.hash != VISITS.hash
    difference = diff(VISITS.spec, other.spec)
    assert (difference.kind, difference.changes) == ("compatible", ("weight was 'visits', is ''",))


FIELDS: dict[str, Any] = {
    "who": (str | None, None),
    "number": (int, ...),
    "day": (date, ...),
    "born": (date | None, None),
    "level": (Literal["a", "b"], ...),
    "score": (float | None, None),
}


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    "Draw a contract with any roles, whose fields are in any order."
    names = draw(st.permutations(sorted(FIELDS)))
    record = create_model("Drawn", __base__=Record, **{name: FIELDS[name] for name in names})
    roles = {
        "key": draw(st.sampled_from(["", "who", "number"])),
        "event_time": draw(st.sampled_from(["", "day", "born"])),
        "weight": draw(st.sampled_from(["", "w"])),
    }
    return Contract(record, Target("y", "yes", "no"), **roles)


@given(contracts(), st.integers(0, 3))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_records_and_rows_show_the_model_the_same_under_any_roles(contract: Contract, seed: int) -> None:
    drawn = pool(contract.spec, n=5, seed=seed).records
    parsed = contract.parse_many(json.dumps(drawn))
    frame = contract.columns(contract.check(text_frame(*drawn)).clean)
    for columns in (contract.columns_of(parsed), columns_of_json(contract.spec, drawn)):
        assert list(columns) == list(frame)
        for name, values in columns.items():
            np.testing.assert_array_equal(values, frame[name])
    text, number = contract.spec.text_columns, contract.spec.number_columns
    assert not {contract.spec.key, contract.spec.event_time, "w", "y"} & {*text, *number}
    for place, record in enumerate(parsed):
        texts, numbers = contract.values(record)
        assert texts == [frame[name][place] for name in text]
        np.testing.assert_array_equal(numbers, [frame[name][place] for name in number])
        assert contract.key_of(record) == drawn[place].get(contract.spec.key)


@given(contracts())
@settings(max_examples=50, deadline=None, derandomize=True)
def test_any_roles_survive_their_file_with_the_same_hash(contract: Contract) -> None:
    again = ContractSpec.model_validate_json(contract.spec.model_dump_json())
    assert (again, again.hash) == (contract.spec, contract.hash)


def test_a_key_may_be_logged_only_if_there_is_one() -> None:
    assert (VISITS.log_key, Contract(VISITS.record, VISITS.target, key="patient", log_key=True).log_key) == (
        False,
        True,
    )
    with pytest.raises(BadInput, match="log_key is on, but the record has no key; name its field"):
        Contract(VISITS.record, VISITS.target, log_key=True)


def test_the_keys_of_a_body_are_those_of_its_records() -> None:
    numbered = create_model("Numbered", __base__=Record, number=(int, ...), ward=(str, ...))
    contract = Contract(numbered, Target("died", "yes", "no"), key="number")
    body = b'[{"number": 7.0, "ward": "a"}, {"ward": "b", "number": 1, "number": 9007199254740991}]'
    assert contract.keys_of_body(body) == [contract.key_of(one) for one in contract.parse_many(body)]
    assert EVERYTHING.keys_of_body(b"[]") is None
