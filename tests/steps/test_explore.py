"""Exploring: right numbers, sentences that say what they say, pictures for any contract."""

import warnings
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from goldenpath.contract import CONTRACT
from goldenpath.registry.manifest import DataSummary
from goldenpath.runs.run import Run
from goldenpath.schema.contract import Contract, Record, Target
from goldenpath.settings import Settings
from goldenpath.steps.data import make_data
from goldenpath.steps.explore import compare_groups, explore, findings, profile, unfilled
from tests.helpers.trained_run import step_in


class Visit(Record):
    ward: Literal["north", "south", "Unknown"]
    age: Literal["young", "old"]
    size: float | None = None
    count: int | None = None
    checked: bool | None = None
    day: date | None = None
    note: str | None = None


VISITS = Contract(Visit, Target(column="died", positive="yes", negative="no", unknown=("Unknown",)))


def visits(counts: dict[tuple[str, str], tuple[int, int]]) -> pd.DataFrame:
    "Clean rows by (ward, age): so many rows, so many deaths."
    rows = [
        {"ward": ward, "age": age, "died": "yes" if i < deaths else "no"}
        for (ward, age), (count, deaths) in counts.items()
        for i in range(count)
    ]
    return VISITS.check(pd.DataFrame(rows)).clean


# South is younger: its crude rate is lower, and at each age its rate is twice as high.
TURNED = {
    ("north", "young"): (1000, 20),
    ("north", "old"): (3000, 600),
    ("south", "young"): (1800, 72),
    ("south", "old"): (200, 80),
    ("Unknown", "young"): (800, 1),
    ("Unknown", "old"): (700, 20),
}


def explored(
    rows: pd.DataFrame, contract: Contract, folder: Path, group: str = "", within: str = ""
) -> list[str]:
    "Explore rows as the step does, and name the plots that it writes."
    run = Run("run", folder, "03_explore")
    step = step_in(run, Settings(), contract)
    rows.to_parquet(run.output("data/train.parquet"))
    fields = {"source": "drawn rows", "synthetic": True, "fingerprint": "", "split": "", "rows": {}}
    step.save("data/summary.json", DataSummary(**fields, seconds=0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen = explore(step, group, within)
    assert run.output("explore/findings.txt").read_text().splitlines() == seen.findings
    assert {file.stem for file in (folder / "explore").glob("*.png")} == set(seen.figures)
    return list(seen.figures)


def test_profile_counts_every_level_in_the_contracts_order() -> None:
    table = profile(visits(TURNED), VISITS)
    wards = table[table["column"] == "ward"].set_index("level")
    assert wards.index.tolist() == ["north", "south", "Unknown"]
    assert wards["rows"].tolist() == [4000, 2000, 1500]
    assert wards["rate"].tolist() == pytest.approx([620 / 4000, 152 / 2000, 21 / 1500])


def test_numbers_dates_booleans_and_texts_are_read_as_levels() -> None:
    random = np.random.default_rng(0)
    rows = visits(TURNED).assign(
        size=random.normal(50, 10, 7500),
        count=pd.array(random.integers(0, 3, 7500), dtype="Int64"),
        checked=pd.array(random.random(7500) < 0.5, dtype="boolean"),
        day=np.datetime64("2020-01-01", "s") + random.integers(0, 100, 7500).astype("timedelta64[D]"),
        note=pd.Categorical([f"note {i % 30}" for i in range(7500)]),
    )
    rows.loc[:9, ["size", "count", "checked", "day", "note"]] = None
    table = profile(rows, VISITS).set_index("column")
    assert table.loc["size", "level"].tolist()[-1] == "(empty)"
    assert table.loc["size", "rows"].tolist() == pytest.approx([1498] * 5 + [10], abs=1)
    assert table.loc["count", "level"].tolist() == ["0.0", "1.0", "2.0", "(empty)"]
    assert table.loc["checked", "level"].tolist() == ["False", "True", "(empty)"]
    assert table.loc["day", "level"].tolist()[-2] == "to 2020-04-09"
    assert "(other)" in table.loc["note", "level"].tolist()
    assert table.groupby("column")["rows"].sum().unique().tolist() == [7500]


def test_unfilled_counts_empty_cells_and_words_for_unknown() -> None:
    gaps = unfilled(profile(visits(TURNED), VISITS), VISITS)
    assert gaps.loc["ward", "Unknown"] == pytest.approx(0.2)
    assert gaps.loc["size", "(empty)"] == 1
    assert "age" not in gaps.index


def test_fair_comparison_counts_expected_deaths() -> None:
    groups = compare_groups(visits(TURNED), VISITS, "ward", "age")
    young, old = 93 / 3600, 700 / 3900  # everybody's rate at each age
    fair = {
        ward: deaths / (y * young + o * old)
        for ward, deaths, y, o in [("n", 620, 1000, 3000), ("s", 152, 1800, 200)]
    }
    assert groups.loc["south", "crude"] == pytest.approx((152 / 2000) / (620 / 4000))
    assert groups.loc["south", "fair"] == pytest.approx(fair["s"] / fair["n"])
    assert groups.loc["north", ["crude", "fair", "error"]].tolist() == [1, 1, 0]
    assert groups.loc["south", "error"] == pytest.approx(np.sqrt(1 / 152 + 1 / 620))


def test_sentences_name_the_comparison_that_turns_round_and_the_unknown() -> None:
    groups = compare_groups(visits(TURNED), VISITS, "ward", "age")
    south, unknown = findings(groups, VISITS, "age")
    assert south.startswith("south: 7.6% died = yes, 0.49 times the rate of north, but 1.")
    assert south.endswith("at the same age: the crude comparison points the wrong way")
    assert unknown.startswith("Unknown: 1.4% died = yes, 0.09 times the rate of north")
    assert unknown.endswith("a model takes 'not known' for a sign of a lower rate, which it is not")


def test_equal_groups_need_no_sentence() -> None:
    same = {(ward, age): (1000, 100) for ward in ("north", "south") for age in ("young", "old")}
    assert findings(compare_groups(visits(same), VISITS, "ward", "age"), VISITS, "age") == []


def test_real_rows_show_their_known_bias(real_rows: Path, tmp_path: Path) -> None:
    run = Run("real", tmp_path, "02_data")
    make_data(step_in(run, Settings(source=str(real_rows))))
    train = pd.read_parquet(run.output("data/train.parquet"))
    drawn = explored(train, CONTRACT, tmp_path, "race_ethnicity_combined", "age_group")
    assert drawn == ["rates", "unfilled", "groups"]
    said = run.output("explore/findings.txt").read_text().splitlines()
    assert [line.partition(":")[0] for line in said] == ["Unknown", "Hispanic/Latino"]
    for name in drawn:
        with Image.open(run.output(f"explore/{name}.png")) as picture:
            assert 900 < picture.width < 1200


def test_a_contract_of_numbers_alone_is_explored(tmp_path: Path) -> None:
    from pydantic import create_model

    fields = {f"number {i}": (float, ...) for i in range(30)}
    cells = Contract(
        create_model(
            "Cell", __base__=Record, **{name.replace(" ", "_"): kind for name, kind in fields.items()}
        ),
        Target(column="kind", positive="bad", negative="good"),
    )
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"number_{i}": random.normal(size=500) for i in range(30)})
    frame["kind"] = np.where(frame["number_7"] > 0.5, "bad", "good")
    drawn = explored(cells.check(frame).clean, cells, tmp_path, "race_ethnicity_combined", "age_group")
    assert drawn == ["rates"]
    assert (tmp_path / "explore" / "findings.txt").read_text() == ""


@pytest.mark.parametrize("deaths", [0, 5])
def test_few_rows_and_few_outcomes_are_explored(deaths: int, tmp_path: Path) -> None:
    rows = visits({("north", "young"): (5, deaths), ("Unknown", "old"): (3, 0)})
    assert explored(rows, VISITS, tmp_path, "ward", "age") == ["rates", "unfilled"]


def test_groups_that_are_all_unknown_are_not_compared(tmp_path: Path) -> None:
    rows = visits({("Unknown", "young"): (50, 5), ("Unknown", "old"): (50, 9)})
    assert "groups" not in explored(rows, VISITS, tmp_path, "ward", "age")
