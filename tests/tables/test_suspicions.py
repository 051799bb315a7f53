"""Rows that are suspicious together: leakage, useless keys, texts by the thousand."""

from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from goldenpath.contract import CONTRACT
from goldenpath.schema.contract import Classes, Contract, Quantity, Record, Target
from goldenpath.schema.golden import pool
from goldenpath.schema.targets import AnyTarget
from goldenpath.tables.suspicions import suspicions, warn_of_suspicions

BINARY, KIND = Target("died", "yes", "no"), Classes("kind", ("a", "b", "c"))
AMOUNT = Quantity("price", unit="euros")


class Visit(Record):
    "A record with every kind that could be the outcome in disguise."

    who: str
    ward: Literal["north", "south", "east"] | None = None
    note: str | None = None
    flag: bool | None = None
    score: float | None = None
    day: date | None = None


def named(target: AnyTarget, outcome: Any, **columns: Any) -> list[str]:
    "Return the suspicions about 300 visits."
    rng = np.random.default_rng(0)
    plain = {"who": [f"v{at // 2}" for at in range(300)], "score": rng.normal(size=300).astype(str)}
    contract = Contract(Visit, target, key="who")
    frame = pd.DataFrame({**plain, **columns, target.column: outcome})
    checked = contract.check(frame)
    assert checked.rejected.empty
    return list(suspicions(checked.clean, contract))


DIED = np.where(np.random.default_rng(1).random(300) < 0.3, "yes", "no")
KINDS = np.random.default_rng(2).choice(["a", "b", "c"], 300)
PRICES = np.random.default_rng(3).normal(50, 10, 300).round(2)


@pytest.mark.parametrize(
    ("target", "outcome", "columns"),
    [
        (BINARY, DIED, {"ward": np.where(DIED == "yes", "north", "south")}),
        (BINARY, DIED, {"flag": np.where(DIED == "yes", "true", "false")}),
        (BINARY, DIED, {"note": np.where(DIED == "yes", "to the morgue", "home")}),
        (BINARY, DIED, {"score": np.where(DIED == "yes", 3.5, -2) + np.arange(300) / 1e3}),
        (BINARY, DIED, {"day": np.where(DIED == "yes", "2024-02-01", "2024-01-31")}),
        (KIND, KINDS, {"ward": pd.Series(KINDS).map({"a": "north", "b": "south", "c": "east"})}),
        (KIND, KINDS, {"score": pd.Series(KINDS).map({"a": 5.0, "b": 1.0, "c": 9.0})}),
        (AMOUNT, PRICES, {"score": PRICES * 1.19 + 3}),
    ],
)
def test_a_column_that_is_the_target_is_named(
    target: AnyTarget, outcome: Any, columns: dict[str, Any]
) -> None:
    [name] = columns
    [line] = named(target, outcome, **columns)
    assert line.startswith(f"'{name}' alone determines '{target.column}' in 300 rows")
    assert "leaks the outcome" in line


@pytest.mark.parametrize(
    ("target", "outcome", "columns"),
    [
        (BINARY, DIED, {}),
        (BINARY, DIED, {"note": [f"note {at}" for at in range(300)]}),  # each value occurs once
        (BINARY, np.where(np.arange(300) < 5, "yes", "no"), {"score": np.arange(300)}),  # perhaps by chance
        (BINARY, DIED, {"ward": np.where(np.arange(300) % 7, "north", "south")}),
        (KIND, KINDS, {"score": np.arange(300)}),
        (AMOUNT, PRICES, {"score": PRICES + np.random.default_rng(4).normal(0, 1, 300)}),
        (AMOUNT, PRICES, {"score": 1.0}),
    ],
)
def test_an_honest_column_is_not(target: AnyTarget, outcome: Any, columns: dict[str, Any]) -> None:
    assert named(target, outcome, **columns) == []


def test_a_column_that_is_mostly_empty_says_nothing_yet() -> None:
    ward = np.where(DIED == "yes", "north", "south").astype(object)
    ward[:200] = None
    assert named(BINARY, DIED, ward=ward) == []


def test_a_key_that_is_never_repeated_or_always_the_same_is_named() -> None:
    [never] = named(BINARY, DIED, who=[f"v{at}" for at in range(300)])
    [always] = named(BINARY, DIED, who="the hospital")
    assert never == "key 'who' is never repeated in 300 rows, so a split by it is one by row"
    assert always.startswith("key 'who' is the same in all 300 rows; name the column that")


def test_texts_by_the_thousand_are_named() -> None:
    contract = Contract(Visit, BINARY)
    rows = pd.DataFrame({"who": [f"v{at}" for at in range(1_500)], "died": np.resize(DIED, 1_500)})
    [line] = suspicions(contract.check(rows).clean, contract)
    assert line.startswith("'who' has 1,500 different texts in 1,500 rows")


def test_the_example_is_not_suspicious_and_neither_are_no_rows() -> None:
    frame = pd.DataFrame(pool(CONTRACT.spec, 500, seed=3).records)
    frame[CONTRACT.target.column] = np.resize(["No", "No", "Yes"], len(frame))
    clean = CONTRACT.check(frame).clean
    assert list(suspicions(clean, CONTRACT)) == list(suspicions(clean.iloc[:0], CONTRACT)) == []


def test_written_rows_are_looked_at(tmp_path: Path) -> None:
    contract = Contract(Visit, BINARY, key="who")
    rows = pd.DataFrame({"who": "all", "died": DIED})
    contract.check(rows).clean.to_parquet(tmp_path / "train.parquet")
    with pytest.warns(UserWarning, match="key 'who' is the same in all 300 rows"):
        warn_of_suspicions(tmp_path / "train.parquet", contract)
