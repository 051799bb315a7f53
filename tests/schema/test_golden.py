"""Golden rows: made from the contract alone, and chosen so that a wrong model shows."""

import json
from datetime import date
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import Field

from goldenpath.contract import CONTRACT
from goldenpath.errors import BadInput
from goldenpath.model import choose_golden
from goldenpath.schema.contract import Classes, Contract, Quantity, Record
from goldenpath.schema.golden import Golden, Pool, corners, golden_of, pool
from goldenpath.schema.targets import AnyTarget
from tests.helpers.contracts import EVERYTHING, TARGET


def test_the_pool_starts_with_every_level_and_border() -> None:
    for contract in (CONTRACT, EVERYTHING):
        drawn = pool(contract.spec, n=10, seed=0)
        for field in contract.fields:
            held = {json.dumps(record[field.name]) for record in drawn.records[: drawn.corners]}
            assert held == {json.dumps(value) for value in corners(field)}


def test_borders_are_the_ends_of_a_range_or_just_inside() -> None:
    class Bounds(Record):
        closed: float = Field(ge=0, le=10)
        open: float = Field(gt=0, lt=10)
        whole: int | None = Field(None, gt=0, lt=10)
        day: date = Field(gt=date(2020, 1, 1), le=date(2020, 1, 31))
        text: str = Field(max_length=3)
        level: Literal["a", "b"] | None = None

    held = {field.name: corners(field) for field in Contract(Bounds, TARGET).fields}
    assert held == {
        "closed": [0.0, 10.0],
        "open": [1e-05, 9.99999],
        "whole": [1, 9, None],
        "day": ["2020-01-02", "2020-01-31"],
        "text": ["a", "0", " ", "-", "xxx"],
        "level": ["a", "b", None],
    }


def test_the_pool_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    assert pool(CONTRACT.spec, 50, seed=1) == pool(CONTRACT.spec, 50, seed=1)
    assert pool(CONTRACT.spec, 50, seed=1) != pool(CONTRACT.spec, 50, seed=2)


def test_golden_rows_hold_corners_quantiles_the_threshold_and_the_largest_difference() -> None:
    drawn = pool(CONTRACT.spec, n=990, seed=0)
    probability = np.random.default_rng(0).random(len(drawn.records))
    fast = probability.copy()
    fast[777] += 0.01
    golden = choose_golden(drawn, probability, fast, threshold=0.3, n=70)
    assert golden.records[: drawn.corners] == drawn.records[: drawn.corners]
    assert golden.label == [value >= 0.3 for value in golden.probability]
    assert {probability.min(), probability.max(), probability[777]} <= set(golden.probability)
    assert probability[np.argmin(np.abs(probability - 0.3))] in golden.probability
    assert len(golden.records) in range(65, 73)


def test_golden_rows_hold_the_models_own_decision() -> None:
    drawn = pool(CONTRACT.spec, n=100, seed=0)
    probability = np.linspace(0, 1, len(drawn.records))
    golden = golden_of(drawn, [3, 70], probability, 0.5, decide=lambda p, t: p < t)
    assert golden.label == [value < 0.5 for value in golden.probability]


def test_every_corner_is_kept_even_if_fewer_rows_were_asked_for() -> None:
    drawn = pool(CONTRACT.spec, n=100, seed=0)
    golden = choose_golden(drawn, np.linspace(0, 1, len(drawn.records)), None, threshold=0.5, n=1)
    assert golden.records == drawn.records[: drawn.corners]


def test_golden_rows_survive_their_file_to_the_last_bit() -> None:
    drawn = pool(EVERYTHING.spec, n=50, seed=0)
    golden = choose_golden(drawn, np.random.default_rng(1).random(len(drawn.records)), None, threshold=0.5)
    again = Golden.model_validate_json(golden.model_dump_json())
    assert again == golden
    assert [list(map(type, record.values())) for record in again.records] == [
        list(map(type, record.values())) for record in golden.records
    ]


def test_no_golden_row_lies_so_near_the_threshold_that_rounding_decides() -> None:
    drawn = pool(CONTRACT.spec, n=100, seed=0)
    probability = np.linspace(0, 1, len(drawn.records))
    probability[[3, 50]] = 0.5 + 1e-7, 0.5 - 1e-7
    golden = choose_golden(drawn, probability, probability, threshold=0.5, n=60)
    assert min(abs(value - 0.5) for value in golden.probability) > 1e-5
    assert len(golden.records) > 50


def test_a_model_that_always_answers_with_its_threshold_cannot_be_proven() -> None:
    drawn = pool(CONTRACT.spec, n=50, seed=0)
    always = np.full(len(drawn.records), 0.3)
    with pytest.raises(BadInput, match=r"answers every record with its threshold \(0.3\)"):
        choose_golden(drawn, always, always, threshold=0.3)


KIND = Classes("kind", levels=("red", "white", "rosé"))
PRICE = Quantity("price", unit="euros")


def drawn_for(target: AnyTarget, n: int = 300) -> Pool:
    "Draw records of a contract of one number and one level."
    return pool(Contract(Wine, target).spec, n)


class Wine(Record):
    "A record with few corners."

    year: int = Field(ge=1900, le=2000)
    grape: Literal["a", "b"]


def test_golden_records_of_classes_hold_the_probabilities_and_stay_clear_of_ties() -> None:
    drawn = drawn_for(KIND)
    scores = np.random.default_rng(0).dirichlet([1, 1, 1], len(drawn.records))
    scores[[3, 50]] = [0.4, 0.4 + 1e-7, 0.2 - 1e-7]
    fast = scores.copy()
    fast[77, 1] += 0.01
    golden = choose_golden(drawn, scores, fast, threshold=None, n=60)
    assert golden.fits(KIND)
    assert scores[77].tolist() in golden.probabilities
    assert scores[3].tolist() not in golden.probabilities
    first, second = np.sort(golden.scores, axis=1)[:, :-3:-1].T
    assert (first - second).min() > 1e-5
    assert golden.scores.shape == (len(golden.records), 3)


def test_golden_records_of_a_quantity_hold_its_lowest_and_highest_value() -> None:
    drawn = drawn_for(PRICE)
    scores = np.random.default_rng(0).normal(50, 20, len(drawn.records))
    fast = scores.copy()
    fast[77] += 0.01
    golden = choose_golden(drawn, scores, fast, threshold=None, n=60)
    assert golden.fits(PRICE)
    assert {scores.min(), scores.max(), scores[77]} <= set(golden.values)


def test_a_constant_amount_can_be_proven_and_classes_that_are_all_alike_cannot() -> None:
    drawn = drawn_for(PRICE)
    assert choose_golden(drawn, np.full(len(drawn.records), 7.0), None, threshold=None).values[0] == 7.0
    alike = np.full((len(drawn_for(KIND).records), 3), 1 / 3)
    with pytest.raises(BadInput, match="answers every record with equal probabilities"):
        choose_golden(drawn_for(KIND), alike, None, threshold=None)


@pytest.mark.parametrize(
    ("target", "stored"),
    [
        (TARGET, {"probability": [0.5], "label": [True]}),
        (KIND, {"probabilities": [[0.2, 0.3, 0.5]]}),
        (PRICE, {"values": [7.5]}),
    ],
)
def test_the_file_holds_what_the_task_answers_and_nothing_else(
    target: AnyTarget, stored: dict[str, Any]
) -> None:
    golden = Golden(records=[{"x": 1}], **stored)
    assert json.loads(golden.model_dump_json()) == {"records": [{"x": 1}], **stored}
    assert golden.fits(target)
    assert [other for other in (TARGET, KIND, PRICE) if golden.fits(other)] == [target]
    assert not golden.model_copy(update={"records": [{}, {}]}).fits(target)


@pytest.mark.parametrize(
    "stored",
    [
        {"probabilities": [[0.5, 0.5]]},
        {"probabilities": [[0.2, 0.3, 0.5], [1.0]]},
        {"probabilities": [[0.2, 0.3, 0.5]], "label": [True]},
        {"probability": [0.5]},
        {"probability": [0.5], "label": [True], "values": [1.0]},
        {},
    ],
)
def test_golden_records_with_other_answers_than_the_targets_are_told(stored: dict[str, Any]) -> None:
    golden = Golden(records=[{}] * max(map(len, stored.values()), default=1), **stored)
    assert not any(golden.fits(target) for target in (TARGET, KIND, PRICE))
