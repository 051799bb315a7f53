"""The three kinds of target: how outcomes are judged, encoded, decided and named, and how they are stored."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from goldenpath.schema.contract import Binary, Classes, Contract, ContractSpec, Quantity, Record, Target, diff
from goldenpath.schema.targets import AnyTarget, BinarySpec, ClassesSpec, Labels, QuantitySpec

DIED = Binary("died", positive="yes", negative="no", unknown=("?",))
KIND = Classes("kind", levels=("red", "white", "rosé"), unknown=("?",))
PRICE = Quantity("price", unit="euros", lower=0, upper=100)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)


class Thing(Record):
    "A record of one field."

    x: int


def check(target: AnyTarget, *outcomes: Any) -> tuple[list[int], list[str]]:
    "Return the rows that keep the contract, and the reasons of the others."
    frame = pd.DataFrame({"x": 1, target.column: pd.Series(outcomes, dtype=object)})
    checked = Contract(Thing, target).check(frame)
    return list(checked.clean.index), list(checked.rejected["reason"])


@st.composite
def targets(draw: st.DrawFn) -> AnyTarget:
    "Draw a target of any kind."
    texts = draw(st.lists(TEXT, min_size=3, max_size=12, unique=True))
    match draw(st.sampled_from(["binary", "classes", "quantity"])):
        case "binary":
            return Binary("y", texts[0], texts[1], texts[2:])
        case "classes":
            return Classes("y", texts[:-1], texts[-1:])
    low, high = sorted(draw(st.lists(st.integers(-1000, 1000), min_size=2, max_size=2, unique=True)))
    return Quantity("y", texts[0], draw(st.sampled_from([None, low])), draw(st.sampled_from([None, high])))


def test_target_is_another_name_of_binary() -> None:
    assert Target is Binary
    assert Contract(Thing, Target("died", "yes", "no")).task == "binary"


@pytest.mark.parametrize(
    ("target", "task", "rule"),
    [
        (DIED, "binary", "yes or no (or unknown: ?)"),
        (KIND, "classes", "one of red, white, rosé (or unknown: ?)"),
        (PRICE, "quantity", "a number from 0 to 100 (euros)"),
        (Quantity("price", "euros"), "quantity", "a number (euros)"),
    ],
)
def test_a_contract_says_its_task_and_the_rule_of_an_outcome(target: AnyTarget, task: str, rule: str) -> None:
    assert Contract(Thing, target).task == task
    assert target.rule == rule


def test_outcomes_that_the_target_does_not_know_are_rejected_with_the_rule() -> None:
    assert check(DIED, "yes", "no", "maybe", "?", None) == ([0, 1, 3, 4], [f"must be {DIED.rule}"])
    assert check(KIND, "red", "blue", "?", "") == ([0, 2, 3], [f"must be {KIND.rule}"])
    assert check(PRICE, 5, "7.5", "cheap", 101, None) == ([0, 1, 4], [f"must be {PRICE.rule}"] * 2)


@pytest.mark.parametrize(
    ("target", "outcomes", "known"),
    [
        (DIED, ["yes", "no", "?", "", None, "maybe"], [1, 1, 0, 0, 0, 1]),
        (KIND, ["red", "?", None, "blue"], [1, 0, 0, 1]),
        (PRICE, ["1", "", None, "cheap"], [1, 0, 0, 1]),
        (PRICE, [1.5, float("nan")], [1, 0]),
    ],
)
def test_a_row_without_a_known_outcome_is_told_apart_from_a_wrong_one(
    target: AnyTarget, outcomes: list[Any], known: list[int]
) -> None:
    frame = pd.DataFrame({target.column: outcomes})
    assert_array_equal(Contract(Thing, target).outcome_known(frame), np.array(known, dtype=bool))


@pytest.mark.parametrize(
    ("target", "outcomes", "codes"),
    [
        (DIED, ["no", "yes"], np.array([False, True])),
        (KIND, ["rosé", "red", "white"], np.array([2, 0, 1])),
        (PRICE, ["2.5", "100"], np.array([2.5, 100.0])),
    ],
)
@pytest.mark.parametrize("dtype", [object, "category"])
def test_known_outcomes_become_numbers(target: AnyTarget, outcomes: Any, codes: Any, dtype: Any) -> None:
    contract = Contract(Thing, target)
    frame = pd.DataFrame({"x": [1] * len(outcomes), target.column: pd.Series(outcomes, dtype=dtype)})
    encoded = contract.outcomes(contract.check(frame).clean)
    assert encoded.dtype == codes.dtype
    assert_array_equal(encoded, codes)


def test_answers_are_named_after_the_task() -> None:
    half = np.array([0.2, 0.5])
    codes = DIED.decide(half, 0.5, lambda p, t: p >= t)
    assert DIED.answers(half, codes)["label"].tolist() == ["no", "yes"]
    classes = np.array([[0.1, 0.7, 0.2], [0.5, 0.5, 0.0]])
    codes = KIND.decide(classes, 0.0, lambda p, t: p >= t)
    assert KIND.answers(classes, codes)["label"].tolist() == ["white", "red"]
    for target in (DIED, KIND, PRICE):
        scores = np.zeros((2, target.width)) if target.width > 1 else np.zeros(2)
        named = target.answers(scores, target.decide(scores, 0.5, lambda p, t: p >= t))
        assert list(named) == list(target.outputs)


class Fixed:
    "A fitted pipeline that always puts out the same."

    def __init__(self, output: list[Any]) -> None:
        self.output = np.array(output)

    def predict_proba(self, frame: Any) -> Any:
        return self.output

    predict = predict_proba


def test_a_pipeline_is_asked_for_what_the_target_needs() -> None:
    frame = pd.DataFrame()
    assert_array_equal(DIED.scores(Fixed([[0.9, 0.1]]), frame), [0.1])
    assert_array_equal(KIND.scores(Fixed([[0.2, 0.3, 0.5]]), frame), [[0.2, 0.3, 0.5]])
    assert_array_equal(PRICE.scores(Fixed([7, 8]), frame), [7.0, 8.0])
    assert_array_equal(PRICE.pick(np.array([[7], [8]], dtype=np.float32)), [7.0, 8.0])


def test_the_tolerance_of_a_quantity_grows_with_it() -> None:
    assert DIED.tolerance(np.array([0.5])) == KIND.tolerance(np.array([[0.5, 0.5]])) == 1e-5
    assert PRICE.tolerance(np.array([-2000.0, np.nan, 3.0])) == pytest.approx(0.02)
    assert PRICE.tolerance(np.array([0.1])) == 1e-5


def test_a_stored_target_keeps_its_kind_and_a_binary_one_its_keys() -> None:
    kinds = {DIED: BinarySpec, KIND: ClassesSpec, PRICE: QuantitySpec}
    for target, kind in kinds.items():
        spec = Contract(Thing, target).spec
        again = ContractSpec.model_validate_json(spec.model_dump_json())
        assert type(again.target) is kind
        assert again == spec
    stored = json.loads(Contract(Thing, DIED).spec.model_dump_json())
    assert list(stored) == ["fields", "target"]
    assert list(stored["target"]) == ["column", "positive", "negative", "unknown"]


def test_another_task_or_level_is_breaking_and_wider_bounds_are_not() -> None:
    def change(old: AnyTarget, new: AnyTarget) -> tuple[str, tuple[str, ...]]:
        difference = diff(Contract(Thing, old).spec, Contract(Thing, new).spec)
        return difference.kind, difference.changes

    assert change(DIED, KIND) == ("breaking", ("breaking: target was of task binary, is of task classes",))
    more = Classes("kind", (*KIND.levels, "orange"), KIND.unknown)
    assert change(KIND, more)[0] == change(more, KIND)[0] == "breaking"
    dollars = Quantity("price", "dollars", 0, 100)
    assert change(PRICE, dollars) == ("breaking", ("breaking: target unit was 'euros', is 'dollars'",))
    wider = Quantity("price", "euros", 0, 1000)
    assert change(PRICE, wider) == ("compatible", ("target upper was 100.0, is 1000.0",))


@given(targets())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_target_survives_its_file_with_the_same_hash(target: AnyTarget) -> None:
    spec = Contract(Thing, target).spec
    again = ContractSpec.model_validate_json(spec.model_dump_json())
    assert (again, again.hash) == (spec, spec.hash)
    assert diff(spec, again).kind == "none"


@given(targets(), st.lists(TEXT | st.integers(-2000, 2000) | st.none(), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_outcome_is_learnt_from_unknown_or_rejected(target: AnyTarget, others: list[Any]) -> None:
    outcomes = [*others, *target.outcomes, *getattr(target, "unknown", ())]
    contract = Contract(Thing, target)
    frame = pd.DataFrame({"x": 1, "y": pd.Series(outcomes, dtype=object)})
    known = contract.outcome_known(frame)
    checked = contract.check(frame[known])
    rejected = set(checked.rejected["row"])
    assert rejected.isdisjoint(checked.clean.index)
    assert len(rejected) + len(checked.clean) == known.sum()
    encoded = contract.outcomes(checked.clean)
    assert np.isfinite(encoded).all()
    if isinstance(target, Labels):
        assert target.labels(encoded).tolist() == checked.clean["y"].tolist()
        assert {str(outcome) for outcome in target.outcomes} <= set(checked.clean["y"])


def test_another_decision_counts_only_beyond_rounding() -> None:
    scores = np.array([[0.4, 0.4 + 1e-6, 0.2 - 1e-6], [0.6, 0.3, 0.1]])
    others = np.array([[0.4 + 1e-6, 0.4, 0.2 - 1e-6], [0.3, 0.6, 0.1]])
    assert KIND.flips(scores, others, None).tolist() == [False, True]
    assert DIED.flips(np.array([0.4, 0.6]), np.array([0.6, 0.7]), 0.5).tolist() == [True, False]
    assert PRICE.flips(np.array([1.0]), np.array([9.0]), None).tolist() == [False]


@pytest.mark.parametrize(
    ("target", "good", "bad"), [(DIED, 0.5, None), (KIND, None, 0.5), (PRICE, None, 0.0)]
)
def test_only_two_outcomes_have_a_threshold(target: AnyTarget, good: Any, bad: Any) -> None:
    assert target.threshold_problem(good) == ""
    assert str(bad) in target.threshold_problem(bad)
    assert DIED.threshold_problem(float("nan")) == "nan is not within 0 and 1"
