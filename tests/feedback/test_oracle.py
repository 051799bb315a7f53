"""Estimates and distances are NannyML's: on the data sets that it ships, chunk by chunk.

`make test-slow` asks NannyML itself about all rows. `make test` compares with its answers about the first 250
rows of each, which `tests/helpers/ask_nannyml.py FOLDER 250` wrote.
"""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from goldenpath.feedback.cells import Cells
from goldenpath.feedback.estimate import estimate_of
from goldenpath.feedback.knots import knots_of
from goldenpath.feedback.profile import Profile, ScoreProfile
from goldenpath.feedback.profiled_scores import Validated, profile_values
from goldenpath.measure.environments import isolated_python
from tests.helpers.profiles import counted_scores, small_profile
from tests.helpers.project import PROJECT
from tests.helpers.pythons import find_python
from tests.helpers.requirements import needs
from tests.helpers.row_estimates import between_numbers, between_texts, estimate_rows

STORED = PROJECT / "tests" / "data" / "nannyml" / "answers.json"
EXACT = 9_999  # rows of a reference that NannyML does not divide into bins
NAMES = {"chi2": "chi_square"}  # ours, if they are other ones
CLASS_NAMES = {name: f"{name}_macro" for name in ("f1", "precision", "recall", "specificity")} | {
    "roc_auc": "roc_auc_ovr"
}


class Oracle:
    "What NannyML says of one data set, with the rows."

    def __init__(self, answers: dict[str, Any], reference: pd.DataFrame, window: pd.DataFrame) -> None:
        self.answers, self.reference, self.window = answers, reference, window

    def chunks(self) -> Iterator[tuple[int, pd.DataFrame]]:
        size = self.answers["size"]
        for start in range(0, len(self.window), size):
            yield start // size, self.window.iloc[start : start + size]


@pytest.fixture(scope="module")
def stored() -> dict[str, Oracle]:
    "Return what is stored of NannyML's answers."
    answers = json.loads(STORED.read_text())
    return {
        name: Oracle(part, pd.DataFrame(part["reference"]), pd.DataFrame(part["window"]))
        for name, part in answers.items()
        if name != "source"
    }


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Oracle]:
    "Ask NannyML, in an environment of its own."
    python = find_python("3.12")
    needs("py312", python is not None, "there is no Python 3.12")
    there = isolated_python("nannyml", "nannyml==0.13.1", "statsmodels", python=str(python))
    folder, script = tmp_path_factory.mktemp("nannyml"), PROJECT / "tests" / "helpers" / "ask_nannyml.py"
    subprocess.run([there, script, folder], check=True, capture_output=True)
    answers = json.loads((folder / "answers.json").read_text())
    parts = {
        name: [pd.read_parquet(folder / f"{name}-{part}.parquet") for part in ("reference", "window")]
        for name in ("loan", "card", "price")
    }
    return {name: Oracle(answers[name], *tables) for name, tables in parts.items()}


def scored(names: list[str], knots: list[Any], task: str) -> Profile:
    "Return a profile that holds what is needed for estimates."
    scores = tuple(
        ScoreProfile(name=name, starts=(0,), counts=(1,), means=(0.5,), knots=line)
        for name, line in zip(names, knots, strict=True)
    )
    return small_profile().model_copy(update={"task": task, "scores": scores})


def check_loan(oracle: Oracle) -> None:
    for column, key in (("y_pred_proba", "estimates"), ("untied", "untied")):
        scores, happened = oracle.reference[column].to_numpy(), oracle.reference["repaid"].to_numpy() == 1
        profile = scored(["yes"], [knots_of(scores, happened, np.ones(len(scores)), fewest=1)], "binary")
        expected = dict(oracle.answers[key])
        if key == "estimates":
            del expected["average_precision"]  # NannyML does not merge ties
        for at, chunk in oracle.chunks():
            answers = chunk[column].to_numpy(), chunk["y_pred"].to_numpy() == 1
            check(expected, at, estimate_rows(profile, *answers), 1e-6)
            check(expected, at, estimate_of(profile, counted_scores(profile, *answers)), 1e-3)


def check_card(oracle: Oracle) -> None:
    levels = sorted(oracle.reference["y_true"].unique())
    columns = [f"y_pred_proba_{level}" for level in levels]
    truth, one = oracle.reference["y_true"].to_numpy(), np.ones(len(oracle.reference))
    knots = [
        knots_of(oracle.reference[c].to_numpy(), truth == level, one, fewest=1)
        for c, level in zip(columns, levels, strict=True)
    ]
    profile = scored(levels, knots, "classes")
    expected = {CLASS_NAMES.get(name, name): values for name, values in oracle.answers["estimates"].items()}
    for at, chunk in oracle.chunks():
        answers = chunk[columns].to_numpy(), pd.Index(levels).get_indexer(chunk["y_pred"])
        check(expected, at, estimate_rows(profile, *answers), 1e-6)
        check(expected, at, estimate_of(profile, counted_scores(profile, *answers)), 1e-3)


def check(expected: dict[str, list[float]], at: int, estimated: dict[str, Any], off: float) -> None:
    values = {name: estimated[name].value for name in expected}
    assert values == pytest.approx({name: chunks[at] for name, chunks in expected.items()}, abs=off)


def check_drift(oracle: Oracle) -> None:
    for column, expected in oracle.answers["drift"].items():
        is_number = "wasserstein" in expected
        kind = float if is_number else object
        reference = oracle.reference[column].to_numpy(dtype=kind)[:EXACT]
        for at, chunk in oracle.chunks():
            window = chunk[column].to_numpy(dtype=kind)
            ours = between_numbers(reference, window) if is_number else between_texts(reference, window)
            theirs = {NAMES.get(name, name): chunks[at] for name, chunks in expected.items()}
            assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-6), (column, at)


def check_price(oracle: Oracle) -> None:
    "Compare the losses by prediction with what happened; in the last chunks, the inputs have changed."
    truth, predicted = (oracle.reference[name].to_numpy(dtype=float) for name in ("y_true", "y_pred"))
    score = profile_values("value", Validated(truth, predicted, np.zeros(len(truth)), np.ones(len(truth))))
    profile = small_profile().model_copy(update={"task": "quantity", "scores": (score,)})
    for at, chunk in oracle.chunks():
        estimated = estimate_rows(profile, chunk["y_pred"].to_numpy(dtype=float), np.zeros(len(chunk)))
        off = (chunk["y_pred"] - chunk["y_true"]).to_numpy(dtype=float)
        happened = {"mae": np.abs(off).mean(), "rmse": np.sqrt((off**2).mean())}
        values = {name: estimated[name].value for name in happened}
        assert values == pytest.approx(happened, rel=0.01 if at < 2 else 0.17), at


def test_estimates_and_distances_are_those_that_nannyml_gave(stored: dict[str, Oracle]):
    check_loan(stored["loan"])
    check_card(stored["card"])
    for oracle in stored.values():
        check_drift(oracle)


def test_equal_scores_are_one_step_of_average_precision_as_in_scikit_learn_and_many_in_nannyml(
    stored: dict[str, Oracle],
):
    loan = stored["loan"]
    scores, happened = loan.reference["y_pred_proba"].to_numpy(), loan.reference["repaid"].to_numpy() == 1
    profile = scored(["yes"], [knots_of(scores, happened, np.ones(len(scores)), fewest=1)], "binary")
    _, chunk = next(loan.chunks())
    score, called = chunk["y_pred_proba"].to_numpy(), chunk["y_pred"].to_numpy() == 1
    p = Cells(profile).probabilities(score)[np.argsort(-score)]
    row_by_row = (p * p.cumsum() / np.arange(1, len(p) + 1)).sum() / p.sum()
    assert loan.answers["estimates"]["average_precision"][0] == pytest.approx(row_by_row, abs=1e-6)
    merged = estimate_rows(profile, score, called)["average_precision"].value
    assert merged is not None
    assert abs(merged - row_by_row) > 1e-4
    weight = np.concatenate([p, 1 - p])  # each row once as yes and once as no
    outcome, twice = np.repeat([True, False], len(score)), np.tile(score[np.argsort(-score)], 2)
    assert merged == pytest.approx(average_precision_score(outcome, twice, sample_weight=weight))


@pytest.mark.slow
@pytest.mark.timeout(1200)  # the environment is made the first time
def test_estimates_and_distances_are_those_of_nannyml(asked: dict[str, Oracle]):
    check_loan(asked["loan"])
    check_card(asked["card"])
    check_price(asked["price"])
    for oracle in asked.values():
        check_drift(oracle)
