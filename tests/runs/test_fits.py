"""Candidates are fitted on folds and on all rows, within a time; what fails is a line of the leaderboard."""

import time
import warnings
from threading import Event
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import HalvingRandomSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

from goldenpath.compute.local import LocalCompute
from goldenpath.runs import fits
from goldenpath.runs.fits import NO_FOLD, TrainingRows, fits_of, run_fit, run_fits
from goldenpath.schema.targets import TWO_OUTCOMES, QuantitySpec, TargetSpec

N = 90


class Broken(ClassifierMixin, BaseEstimator):
    "An estimator of one's own that fails."

    def fit(self, X: Any, y: Any) -> "Broken":
        raise RuntimeError("no feature store\nand more")


class Endless(ClassifierMixin, BaseEstimator):
    "An estimator that never comes back."

    def fit(self, X: Any, y: Any) -> "Endless":
        while True:
            time.monotonic()


class Named(LogisticRegression):
    "An estimator that remembers the names of its columns, and in how many threads it may compute."

    answering: frozenset[int] = frozenset()

    def fit(self, X: Any, y: Any) -> "Named":
        self.columns = list(getattr(X, "columns", []))
        self.threads = {pool["num_threads"] for pool in threadpool_info()}
        return super().fit(X, y)

    def predict_proba(self, X: Any) -> Any:
        Named.answering = frozenset(pool["num_threads"] for pool in threadpool_info())
        return super().predict_proba(X)


class Compiled(ClassifierMixin, BaseEstimator):
    "An estimator that stays outside of Python, as compiled code does, until it is told to return."

    returns = Event()

    def fit(self, X: Any, y: Any) -> "Compiled":
        self.returns.wait()
        return self


def pipeline(estimator: Any) -> Pipeline:
    return Pipeline([("estimator", estimator)])


def rows_of(target: TargetSpec = TWO_OUTCOMES, weight: Any = None) -> TrainingRows:
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"age": random.normal(size=N), "pulse": random.normal(size=N)})
    amount = frame["age"].to_numpy() + random.normal(size=N)
    outcome = amount > 0 if target.task == "binary" else amount
    return TrainingRows(frame, outcome, np.ones(N) if weight is None else weight, np.arange(N) % 3, target)


def fitted(estimators: dict[str, Any], rows: TrainingRows, within: float = 600.0) -> fits.FitResults:
    plan = list(fits_of({name: pipeline(one) for name, one in estimators.items()}, 3))
    return run_fits(plan, rows, within, lambda line: None, LocalCompute(2))


def test_each_fold_is_scored_by_a_fit_that_has_not_seen_it() -> None:
    rows = rows_of()
    results = fitted({"linear": LogisticRegression()}, rows)
    assert set(results) == {("linear", fold) for fold in (0, 1, 2, NO_FOLD)}
    train, held_out = rows.folds != 1, rows.folds == 1
    alone = LogisticRegression().fit(rows.frame[train], rows.outcome[train])
    assert np.array_equal(results["linear", 1].scores, alone.predict_proba(rows.frame[held_out])[:, 1])
    whole = LogisticRegression().fit(rows.frame, rows.outcome)
    assert np.array_equal(results["linear", NO_FOLD].pipeline.steps[-1][1].coef_, whole.coef_)


def test_the_weight_column_counts_in_every_fit() -> None:
    weight = 1.0 + np.arange(N) % 4
    rows = rows_of(QuantitySpec(column="days", unit="days"), weight)
    whole = run_fit(fits.CandidateFit("ridge", NO_FOLD, pipeline(Ridge())), rows).pipeline
    repeated = np.repeat(np.arange(N), weight.astype(int))
    expected = Ridge().fit(rows.frame.iloc[repeated], rows.outcome[repeated])
    assert whole.steps[-1][1].coef_ == pytest.approx(expected.coef_)


def test_an_estimator_that_fails_says_why_in_one_line_and_the_others_go_on() -> None:
    results = fitted({"broken": Broken(), "linear": LogisticRegression()}, rows_of())
    assert results["broken", 0].error == "RuntimeError: no feature store"
    assert results["linear", NO_FOLD].error == ""


def test_no_fit_begins_when_the_time_is_over() -> None:
    assert fitted({"linear": LogisticRegression()}, rows_of(), within=0.0) == {}


def test_a_forest_that_takes_too_long_is_ended_and_what_was_done_before_is_kept() -> None:
    forest = RandomForestClassifier(n_estimators=1_000_000)
    results = fitted({"linear": LogisticRegression(), "forest": forest}, rows_of(), within=1.0)
    assert set(results) == {("linear", fold) for fold in (0, 1, 2, NO_FOLD)}


def test_compiled_code_that_does_not_return_is_left_behind_and_hides_no_later_warning() -> None:
    try:
        results = fitted({"compiled": Compiled(), "linear": LogisticRegression()}, rows_of(), within=0.1)
        with pytest.warns(UserWarning, match="of a later step"):
            warnings.warn("of a later step", stacklevel=1)
    finally:
        Compiled.returns.set()
    assert results == {}


def test_a_fit_computes_in_one_thread_as_the_leaderboard_says() -> None:
    with threadpool_limits(2):
        whole = run_fit(fits.CandidateFit("named", NO_FOLD, pipeline(Named())), rows_of()).pipeline
        run_fit(fits.CandidateFit("named", 0, pipeline(Named())), rows_of())
    assert whole.steps[-1][1].threads == {1}
    assert Named.answering == {1}  # threads that wait for each other take the cores of other fits


def test_a_thread_of_fits_has_the_options_of_scikit_learn_that_its_caller_set() -> None:
    with sklearn.config_context(transform_output="pandas"):
        whole = fitted({"scaled": make_pipeline(StandardScaler(), Named())}, rows_of())["scaled", NO_FOLD]
    assert whole.pipeline.steps[-1][1].steps[-1][1].columns == ["age", "pulse"]


def test_the_estimator_that_a_search_found_takes_the_place_of_the_search() -> None:
    search = HalvingRandomSearchCV(
        LogisticRegression(), {"C": [0.1, 1.0]}, n_candidates=2, cv=2, random_state=0
    )
    whole = fitted({"tuned": search}, rows_of())["tuned", NO_FOLD].pipeline
    assert type(whole.steps[-1][1]) is LogisticRegression


def test_processes_give_the_same_results(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, estimators = rows_of(), {"linear": LogisticRegression(), "broken": Broken()}
    here = fitted(estimators, rows)
    monkeypatch.setattr(fits, "FEW_ROWS", 0)
    there = fitted(estimators, rows)
    assert here.keys() == there.keys()
    for key, result in here.items():
        assert np.array_equal(result.scores, there[key].scores) or result.scores is None
        assert result.error == there[key].error


@pytest.mark.slow
def test_a_fit_that_does_not_end_is_ended_and_what_was_done_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits, "FEW_ROWS", 0)
    results = fitted({"linear": LogisticRegression(), "endless": Endless()}, rows_of(), within=20.0)
    assert set(results) == {("linear", fold) for fold in (0, 1, 2, NO_FOLD)}
