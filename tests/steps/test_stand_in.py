"""The stand-in: the published shares and rates come out again, and a model can rehearse on it."""

import numpy as np
import pandas as pd
import pytest

from goldenpath.contract import CONTRACT
from goldenpath.inference.engines import frame_of, layout_of
from goldenpath.model import build_pipeline
from goldenpath.steps.stand_in import SAME_DAY, draw_stand_in, published_figures


@pytest.fixture(scope="module")
def cases() -> pd.DataFrame:
    return draw_stand_in(300_000, seed=11)


@pytest.fixture(scope="module")
def known(cases: pd.DataFrame) -> pd.DataFrame:
    return cases[cases["death_yn"].isin(["Yes", "No"])]


COLUMNS = [name for name in published_figures().index.unique("column") if name not in SAME_DAY]
RATED = published_figures()["died"].dropna().index.unique("column")


@pytest.mark.parametrize("column", COLUMNS)
def test_shares_of_levels_are_the_published_ones(column: str, cases: pd.DataFrame) -> None:
    shares = cases[column].value_counts(normalize=True).mul(100)
    for level, percent in published_figures().loc[column, "share"].items():
        assert shares.get(level, 0.0) == pytest.approx(percent, rel=0.06, abs=0.1)


@pytest.mark.parametrize("column", RATED)
def test_death_rates_by_level_are_near_the_published_ones(column: str, known: pd.DataFrame) -> None:
    died = (known["death_yn"] == "Yes").groupby(known[column], observed=True)
    for level, percent in published_figures().loc[column, "died"].dropna().items():
        error = 3 * 100 * np.sqrt(percent / 100 / died.size()[level])  # three standard errors
        assert 100 * died.mean()[level] == pytest.approx(percent, rel=0.2, abs=error + 0.01)


def test_dates_have_their_shares_of_empty_cells_and_follow_the_first(cases: pd.DataFrame) -> None:
    for name in SAME_DAY:
        percent = published_figures().loc[(name, ""), "share"]
        empty = cases[name] == ""
        assert 100 * empty.mean() == pytest.approx(percent, abs=0.5)
        assert (cases.loc[~empty, name] >= cases.loc[~empty, "cdc_case_earliest_dt"]).all()
    assert cases["cdc_case_earliest_dt"].min() >= "2020-01-01"
    assert cases["cdc_case_earliest_dt"].max() <= "2021-01-16"


def test_few_rows_are_exact_duplicates(cases: pd.DataFrame) -> None:
    assert 0 < cases.iloc[:20_000].duplicated().mean() < 0.1


def test_the_crude_comparison_of_races_points_the_wrong_way(known: pd.DataFrame) -> None:
    died = known["death_yn"] == "Yes"
    hispanic, white = (
        known["race_ethnicity_combined"] == r for r in ("Hispanic/Latino", "White, Non-Hispanic")
    )
    assert died[hispanic].mean() < died[white].mean()
    for age in ("50 - 59 Years", "60 - 69 Years", "70 - 79 Years", "80+ Years"):
        same = known["age_group"] == age
        assert died[hispanic & same].mean() > died[white & same].mean()


def test_a_model_reaches_a_plausible_auc(known: pd.DataFrame) -> None:
    from sklearn.metrics import roc_auc_score

    columns = CONTRACT.columns(CONTRACT.check(known).clean)
    frame = frame_of(columns, layout_of(columns))
    died = (known["death_yn"] == "Yes").to_numpy()
    model = build_pipeline(layout_of(columns)).fit(frame[:30_000], died[:30_000])
    auc = roc_auc_score(died[30_000:], model.predict_proba(frame[30_000:])[:, 1])
    assert 0.93 < auc < 0.96


def test_the_same_seed_draws_the_same_cases() -> None:
    pd.testing.assert_frame_equal(draw_stand_in(1000, seed=4), draw_stand_in(1000, seed=4))
    assert not draw_stand_in(1000, seed=4).equals(draw_stand_in(1000, seed=5))
