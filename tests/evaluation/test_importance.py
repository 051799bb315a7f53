"""Importance of fields: scikit-learn's permutation importance, with row weights, in the judged metric."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression

from goldenpath.contract import CONTRACT
from goldenpath.evaluation.importance import ASKED, FEWEST_SHUFFLED, SHUFFLES, importance_of, sample_rows
from goldenpath.evaluation.metrics import METRICS, unweighted
from goldenpath.records import Columns
from goldenpath.steps.evaluate import answers_of, shuffle_losses
from tests.helpers.trained_run import judged


def rows_of(n: int, seed: int = 0) -> tuple[Columns, np.ndarray]:
    "Draw fields of which one matters, one matters less and one does not."
    rng = np.random.default_rng(seed)
    columns = {name: rng.normal(size=n) for name in ("strong", "weak", "none")}
    score = 2 * columns["strong"] + 0.7 * columns["weak"]
    return columns, rng.random(n) < 1 / (1 + np.exp(-score))


@pytest.mark.parametrize("weighted", [False, True])
def test_losses_are_those_of_scikit_learns_permutation_importance(weighted: bool) -> None:
    columns, outcome = rows_of(1_500)
    weight = np.random.default_rng(1).uniform(0.2, 4, 1_500) if weighted else np.ones(1_500)
    model = LogisticRegression().fit(pd.DataFrame(columns), outcome)
    expected = permutation_importance(
        model,
        pd.DataFrame(columns),
        outcome,
        scoring="roc_auc",
        n_repeats=SHUFFLES,
        random_state=0,
        sample_weight=weight if weighted else None,
    )

    def quality(scores: np.ndarray) -> float:
        return METRICS["roc_auc"].of(unweighted(answers_of(outcome, scores, 0.5, weight=weight)))

    def ask(asked: Columns) -> np.ndarray:
        return np.asarray(model.predict_proba(pd.DataFrame(asked))[:, 1])

    random = np.random.default_rng(0)
    losses = [shuffle_losses(name, columns, ask, quality, random) for name in columns]
    assert np.mean(losses, axis=1) == pytest.approx(expected.importances_mean, abs=0.01)
    assert np.mean(losses, axis=1)[0] > 0.2


def test_a_row_without_weight_does_not_count() -> None:
    columns, outcome = rows_of(800)
    weight = (np.arange(800) < 400).astype(float)
    matters = np.where(weight == 0, columns["strong"], 0.0)  # on rows that do not count

    def quality(scores: np.ndarray) -> float:
        return METRICS["brier"].of(unweighted(answers_of(outcome, scores, 0.5, weight=weight)))

    def ask(asked: Columns) -> np.ndarray:
        counted = np.tile(weight, len(asked["strong"]) // 800)
        return np.where(counted > 0, 0.5, asked["strong"])

    losses = shuffle_losses("strong", {"strong": matters}, ask, quality, np.random.default_rng(0))
    assert not losses.any()


def test_many_rows_are_sampled_and_the_sample_is_the_same_for_a_seed() -> None:
    rows = pd.DataFrame({"a": range(50_000)})
    assert len(sample_rows(rows, 20, seed=1)) == ASKED // (20 * SHUFFLES)
    assert len(sample_rows(rows, 10_000, seed=1)) == FEWEST_SHUFFLED
    pd.testing.assert_frame_equal(sample_rows(rows, 20, seed=1), sample_rows(rows, 20, seed=1))
    assert sample_rows(rows.head(100), 20, seed=1) is not None
    assert len(sample_rows(rows.head(100), 20, seed=1)) == 100


def test_what_the_rows_do_not_define_is_not_ranked() -> None:
    assert importance_of("roc_auc", {"a": np.array([np.nan])}, 1, 1) is None


def test_evaluation_and_card_rank_the_fields_and_say_how_they_were_measured(home: Path) -> None:
    run, judgment = judged(home)
    importance = judgment.evaluation.importance
    assert importance is not None
    assert set(importance.fields) == {field.name for field in CONTRACT.fields}
    losses = list(importance.fields.values())
    assert [loss.mean for loss in losses] == sorted((loss.mean for loss in losses), reverse=True)
    assert all(loss.low <= loss.mean <= loss.high for loss in losses)
    assert losses[0].mean > 0.02
    assert (importance.metric, importance.shuffles) == ("roc_auc", SHUFFLES)
    assert importance.available == judgment.evaluation.rows["validation"]
    card = (run.folder / "candidate" / "MODEL_CARD.md").read_text()
    part = card.partition("## Importance of each field")[2].partition("##")[0]
    assert (
        f"How far ROC AUC falls if the values of one field are shuffled over {importance.rows:,} of" in part
    )
    assert [line.split(" | ")[0].strip("| ") for line in part.splitlines() if "[" in line] == list(
        importance.fields
    )
    assert (run.folder / "evaluation" / "importance.png").read_bytes().startswith(b"\x89PNG")
