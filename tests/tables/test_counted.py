"""Distinct rows and their counts stand for all rows."""

from typing import Literal

import numpy as np
import pandas as pd
import pytest

from goldenpath.inference.engines import frame_of, layout_of
from goldenpath.model import build_pipeline
from goldenpath.schema.contract import Binary, Contract, Record
from goldenpath.steps.train import rows_in_folds
from goldenpath.tables import counted
from goldenpath.tables.counted import count_rows


def drawn(rows: int, seed: int = 1) -> pd.DataFrame:
    "Draw rows of two levels, a number and a flag, some of them missing."
    random = np.random.default_rng(seed)
    levels = pd.Categorical.from_codes(random.integers(-1, 3, rows), ["a", "b", "c"])
    number = np.where(random.random(rows) < 0.2, np.nan, random.integers(0, 4, rows))
    return pd.DataFrame({"level": levels, "number": number, "flag": random.random(rows) < 0.5})


def test_each_distinct_row_is_found_once_where_it_comes_first_with_its_count() -> None:
    frame = drawn(2_000)
    distinct = count_rows(frame, fewest=0)
    assert distinct is not None
    unique = frame.drop_duplicates()
    assert distinct.places.tolist() == unique.index.tolist()
    pd.testing.assert_frame_equal(
        frame.iloc[distinct.places[distinct.codes]].reset_index(drop=True), frame, check_dtype=True
    )
    assert distinct.counts.sum() == len(frame)
    assert distinct.sums(np.full(len(frame), 0.5)) == pytest.approx(distinct.counts / 2)


def test_few_rows_and_rows_that_do_not_repeat_are_left_as_they_are() -> None:
    assert count_rows(drawn(100)) is None
    assert count_rows(pd.DataFrame({"number": np.arange(1_000.0)}), fewest=0) is None


def test_more_levels_than_an_integer_can_tell_apart_are_counted_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = drawn(2_000)
    whole = count_rows(frame, fewest=0)
    monkeypatch.setattr(counted, "LARGEST_CODE", 600)
    parts = count_rows(frame, fewest=0)
    assert whole is not None
    assert parts is not None
    assert (whole.places == parts.places).all()
    assert (whole.counts == parts.counts).all()


class Case(Record):
    "A record of three levels."

    ward: Literal["north", "south", "west"]
    age: Literal["young", "old"]
    known: Literal["yes", "no"] | None = None


CASES = Contract(Case, Binary("died", positive="yes", negative="no"))


def cases(rows: int) -> pd.DataFrame:
    random = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "ward": random.choice(["north", "south", "west"], rows),
            "age": random.choice(["young", "old"], rows, p=[0.7, 0.3]),
            "known": random.choice(["yes", "no", ""], rows),
        }
    )
    risk = 0.02 + 0.2 * (frame["age"] == "old") + 0.1 * (frame["ward"] == "west")
    return CASES.check(frame.assign(died=np.where(random.random(rows) < risk, "yes", "no"))).clean


def test_the_fit_on_distinct_rows_is_the_fit_on_all_rows() -> None:
    table = cases(60_000)
    columns = CASES.columns(table)
    layout = layout_of(columns)
    few, folds, weight = rows_in_folds(table, CASES, layout, seed=3)
    assert len(few) <= 18 * 2 * 3
    assert weight.sum() == len(table)
    by_fold = pd.Series(weight).groupby(folds).sum()
    assert by_fold.max() - by_fold.min() <= 1
    outcomes = pd.Series(weight).groupby([folds, CASES.outcomes(few)]).sum().unstack()
    assert (outcomes.max() - outcomes.min() <= 1).all()
    every, distinct = (
        build_pipeline(layout, 0, "binary", "linear").set_params(estimator__tol=1e-8) for _ in "ab"
    )
    every.fit(frame_of(columns, layout), CASES.outcomes(table))
    distinct.fit(frame_of(CASES.columns(few), layout), CASES.outcomes(few), estimator__sample_weight=weight)
    assert distinct[-1].coef_ == pytest.approx(every[-1].coef_, abs=1e-6)
    assert distinct[-1].intercept_ == pytest.approx(every[-1].intercept_, abs=1e-6)


def test_a_small_table_keeps_its_rows_and_folds() -> None:
    table = cases(1_000)
    few, folds, weight = rows_in_folds(table, CASES, layout_of(CASES.columns(table)), seed=3)
    assert few is table
    assert len(folds) == 1_000
    assert (weight == 1).all()
