"""Profiles of real rows: cells that hold enough of them, and nothing of one person."""

from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pytest
from pydantic import Field

from goldenpath.feedback.cells import Cells
from goldenpath.feedback.knots import knots_of
from goldenpath.feedback.profile import FieldProfile, Profile
from goldenpath.feedback.profiled_fields import between
from goldenpath.feedback.profiled_scores import Validated
from goldenpath.feedback.profiling import profile_fields, profile_of
from goldenpath.schema.contract import Binary, Classes, Contract, Quantity, Record

RANDOM = np.random.default_rng(11)


class Person(Record):
    ident: int
    colour: Literal["red", "green", "blue"]
    word: Annotated[str, Field(max_length=20)] | None = None
    income: float | None = None
    smokes: bool


KEYED = Contract(Person, Binary(column="y", positive="yes", negative="no"), key="ident")
OPEN = Contract(Person, Binary(column="y", positive="yes", negative="no"), weight="cases")


def table(n: int = 1_000, **columns: Any) -> pd.DataFrame:
    plain = {
        "ident": np.arange(n),
        "colour": RANDOM.choice(["red", "green"], n),
        "word": "same",
        "income": RANDOM.lognormal(8, 1, n).round(2),
        "smokes": RANDOM.random(n) < 0.3,
        "y": RANDOM.choice(["yes", "no"], n),
        "cases": 1.0,
    }
    return pd.DataFrame(plain | columns)


def field(name: str, rows: pd.DataFrame, contract: Contract = KEYED) -> FieldProfile:
    clean = contract.check(rows).clean
    return next(one for one in profile_fields(contract, clean) if one.name == name)


def test_every_row_is_in_a_cell_or_missing_and_the_key_in_none():
    fields = profile_fields(KEYED, KEYED.check(table()).clean)
    assert [one.name for one in fields] == ["colour", "word", "income", "smokes"]
    assert {sum(one.counts) + one.missing for one in fields} == {1_000}


def test_a_number_has_twenty_cells_of_about_as_many_rows():
    income = field("income", table())
    assert len(income.counts) == 20
    assert min(income.counts) >= 45
    assert max(income.counts) <= 55


def test_few_values_have_a_cell_each():
    smokes = field("smokes", table())
    assert (smokes.edges, smokes.lowest, smokes.highest, smokes.means) == ((0.5,), 0, 1, (0, 1))


def test_cells_of_fewer_than_five_rows_are_merged():
    rows = table(colour=["blue"] * 3 + ["green"] * 400 + ["red"] * 597, smokes=[True] * 4 + [False] * 996)
    assert field("colour", rows).levels == ("red",)  # of 3 blue rows alone one could tell
    assert field("colour", rows).counts == (597, 403)
    assert field("smokes", rows).counts == (1_000,)
    assert field("income", table(income=[None] * 4 + [7.0] * 996)).missing == 0


def test_a_value_of_one_person_stands_nowhere_in_a_profile():
    incomes = RANDOM.lognormal(8, 1, 1_000)
    income = field("income", table(income=incomes))
    shown = {*income.edges, income.lowest, income.highest, *income.means}
    assert shown & {*incomes} == set()
    assert np.sum(incomes <= income.lowest) >= 5
    assert np.sum(incomes >= income.highest) >= 5
    assert income.outside == np.sum(incomes < income.lowest) + np.sum(incomes > income.highest)


def test_many_rows_of_one_person_make_no_level():
    words = ["rare"] * 50 + ["same"] * 500 + ["other"] * 450
    rows = table(ident=[7] * 50 + list(range(100, 1_050)), word=words)
    assert field("word", rows).levels == ("same",)  # one person more in the last cell would be one too few
    assert {*field("word", rows, OPEN).levels} == {"rare", "same", "other"}


def test_a_free_text_has_its_fifty_most_frequent_levels():
    words = [f"w{i}" for i in range(80) for _ in range(6 + (i < 50))]
    word = field("word", table(len(words), word=words))
    assert {*word.levels} == {f"w{i}" for i in range(50)}
    assert word.counts[-1] == 180


def test_rows_count_by_their_weight():
    rows = table(colour=["green"] * 500 + ["red"] * 500, cases=[9.0] * 500 + [1.0] * 500)
    assert field("colour", rows, OPEN).counts == (500, 4_500, 0)
    shares = table(colour=["green"] * 500 + ["red"] * 500, cases=[0.0003] * 500 + [0.0001] * 500)
    assert field("colour", shares, OPEN).counts == (250, 750, 0)


@pytest.mark.parametrize(
    ("low", "high"),
    [(34, 35), (0.1, 0.2), (1e-300, 2e-300), (-1e308, 1e308), (1.0, np.nextafter(1.0, 2)), (19, 400)],
)
def test_a_border_lies_between_two_values(low: float, high: float):
    assert low <= between(low, high) < high


def test_a_border_is_short():
    assert (between(34, 35), between(19.13, 402.7), between(0.123456, 0.123457)) == (34.5, 200, 0.1234565)


def test_numbers_too_large_to_add_are_counted_without_means():
    income = field("income", table(income=np.repeat([-1.7e308, 1.0, 1.7e308], [300, 300, 400])))
    assert sum(income.counts) == 1_000
    assert income.means == ()


def validated(n: int, width: int = 0) -> Validated:
    if width:
        scores = RANDOM.dirichlet(np.ones(width), n)
        outcome = (scores.cumsum(axis=1) > RANDOM.random(n)[:, None]).argmax(axis=1)
        return Validated(outcome, scores, scores.argmax(axis=1), np.ones(n))
    scores = RANDOM.beta(1, 4, n)
    return Validated(RANDOM.random(n) < scores, scores, scores >= 0.4, np.ones(n))


def profile(contract: Contract, answers: Validated, **columns: Any) -> Profile:
    rows = table(**columns)
    made = profile_of(contract, contract.check(rows).clean, answers, {"train": len(rows)}, {})
    assert made.problem(contract.spec) == ""
    return Profile.model_validate_json(made.model_dump_json())


def test_scores_are_counted_in_groups_of_five_rows_or_more():
    answers = validated(2_000)
    score = profile(KEYED, answers).scores[0]
    assert sum(score.counts) == 2_000
    assert min(score.counts) >= 5
    assert len(score.counts) > 100
    cells = Cells(profile(KEYED, answers)).scores(answers.scores)
    assert np.sum(cells < score.starts[1]) == score.counts[0]


def test_decisions_are_counted_with_their_probabilities():
    answers = validated(2_000)
    made = profile(KEYED, answers)
    p = Cells(made).probabilities(answers.scores)
    assert made.labels == {"no": int((~answers.codes).sum()), "yes": int(answers.codes.sum())}
    assert made.label_p == pytest.approx({"no": p[~answers.codes].sum(), "yes": p[answers.codes].sum()})


def test_a_profile_of_classes_has_a_score_for_each():
    contract = Contract(Person, Classes(column="y", levels=("a", "b", "c")), key="ident")
    made = profile(contract, validated(900, 3), y=RANDOM.choice(["a", "b", "c"], 1_000))
    assert [score.name for score in made.scores] == ["a", "b", "c"]
    assert sum(made.labels.values()) == 900
    assert made.spread[1_000]["accuracy"].deviation == pytest.approx(0.015, abs=0.004)


def test_a_profile_of_a_quantity_knows_the_losses_by_prediction():
    contract = Contract(Person, Quantity(column="y", unit="euros"), key="ident")
    values = RANDOM.uniform(0, 100, 5_000)
    answers = Validated(values + RANDOM.normal(0, 1 + values / 10), values, np.zeros(5_000), np.ones(5_000))
    score = profile(contract, answers, y=RANDOM.random(1_000)).scores[0]
    absolute = score.losses["absolute"].mean
    assert len(absolute) == 100
    assert np.mean(absolute[-10:]) == pytest.approx(np.sqrt(2 / np.pi) * 10.5, rel=0.1)
    assert np.mean(absolute[:10]) == pytest.approx(np.sqrt(2 / np.pi) * 1.5, rel=0.1)
    assert "logarithmic" not in score.losses  # outcomes below 0


def test_a_profile_of_five_validation_rows_is_made():
    assert sum(profile(KEYED, validated(5)).scores[0].counts) == 5


def test_knots_are_learned_only_if_scores_promise_something_else():
    honest = RANDOM.beta(1, 3, 5_000)
    happened = RANDOM.random(5_000) < honest / 3
    knots = knots_of(honest, happened, np.ones(5_000))
    assert np.interp(0.5, *np.array(knots).T) == pytest.approx(1 / 6, abs=0.04)
    assert knots_of(honest, np.ones(5_000, dtype=bool), np.ones(5_000)) == ()  # one outcome
    assert knots_of(honest, honest > 0.5, np.ones(5_000)) == ()  # separated


def test_no_knot_gives_away_the_outcome_of_fewer_than_five_rows():
    scores = np.sort(RANDOM.beta(1, 3, 400))
    happened = RANDOM.random(400) < scores / 4
    happened[-3:] = True  # alone at the top
    knots = knots_of(scores, happened, np.ones(400))
    alone = knots_of(scores, happened, np.ones(400), fewest=1)
    assert alone[-1][1] == 1
    assert knots[-1][1] < 1
    rows = [np.sum((scores >= low) & (scores <= high)) for (low, p), (high, q) in pairwise(knots) if p == q]
    assert min(rows) >= 5
