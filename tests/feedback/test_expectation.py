"""Worth without outcomes, for all tasks: calm where only chance is at work, an alarm where it fell."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import Field

from goldenpath.evaluation.intervals import Interval
from goldenpath.evaluation.metrics import Answers
from goldenpath.feedback.answering import answers_in
from goldenpath.feedback.expectation import expected_estimates
from goldenpath.feedback.monitor import Alarm, VersionReport
from goldenpath.feedback.movement import window_of
from goldenpath.feedback.profile import Profile
from goldenpath.feedback.profiled_scores import Validated
from goldenpath.feedback.profiling import profile_of
from goldenpath.feedback.tally import AnswerTally
from goldenpath.feedback.windows import stretches
from goldenpath.schema.contract import Classes, Contract, Quantity, Record, Target
from goldenpath.steps.monitor import worth_alarms

ROWS = 3_000
PROMISED = {"roc_auc": Interval(value=0.8, low=0.7, high=0.9)}


class Trip(Record):
    distance: float = Field(ge=0, le=1_000)


CONTRACTS = {
    "binary": Contract(Trip, Target(column="late", positive="yes", negative="no")),
    "classes": Contract(Trip, Classes("mode", levels=("bus", "train", "plane"))),
    "quantity": Contract(Trip, Quantity("fare", unit="euros")),
}
METRICS = {"binary": "roc_auc", "classes": "balanced_accuracy", "quantity": "mae"}


def scores_of(task: str, n: int, seed: int, vague: bool = False) -> np.ndarray:
    "Draw scores as a version answers them; vague ones are worth less."
    random = np.random.default_rng(seed)
    if task == "binary":
        return random.beta(2, 2, n) if vague else random.beta(0.3, 0.3, n)
    if task == "classes":
        return random.dirichlet(np.full(3, 3.0 if vague else 0.3), n)
    return random.uniform(50, 100, n) if vague else random.uniform(0, 60, n)


def outcomes_of(task: str, scores: np.ndarray) -> np.ndarray:
    "Draw outcomes that these scores are right about; the error of a quantity grows with it."
    random = np.random.default_rng(9)
    if task == "binary":
        return random.random(len(scores)) < scores
    if task == "classes":
        return (scores.cumsum(axis=1) > random.random(len(scores))[:, None]).argmax(axis=1)
    return scores + random.normal(0, 1 + scores / 5)


def decided(task: str, scores: np.ndarray) -> np.ndarray:
    return (
        scores >= 0.5
        if task == "binary"
        else scores.argmax(axis=1)
        if task == "classes"
        else np.zeros(len(scores))
    )


@cache
def profile_for(task: str) -> Profile:
    "Return the profile of a version whose scores are right."
    scores = scores_of(task, ROWS, 1)
    validated = Validated(outcomes_of(task, scores), scores, decided(task, scores), np.ones(ROWS))
    train = CONTRACTS[task].check(pd.DataFrame({"distance": np.arange(ROWS) % 500 * 1.0}), target=False).clean
    return profile_of(CONTRACTS[task], train, validated, {"validation": ROWS}, PROMISED)


def alarms_about(task: str, scores: np.ndarray) -> list[Alarm]:
    "Return the alarms about the worth of a version in the window of these answers."
    contract, profile = CONTRACTS[task], profile_for(task)
    codes = decided(task, scores).astype(int)
    labels = [contract.target.outcomes[code] for code in codes] if contract.target.outcomes else []
    tally = AnswerTally(contract.target, profile)
    tally.add({"distance": np.arange(len(scores)) % 500 * 1.0}, scores, labels)
    (part,) = stretches([tally.counts("1", "champion", "2026-11-28T12", "w")], "hour")
    window = window_of(part, profile)
    assert METRICS[task] in window.estimated
    windows: dict[str, Any] = {"windows": (window,), "recent": window, "whole": window}
    expected = expected_estimates(profile, len(scores))
    report = VersionReport(version="1", roles={}, promised={}, expected=expected, **windows)
    return worth_alarms(report, [METRICS[task]], 0.01)


@pytest.mark.parametrize("task", CONTRACTS)
@pytest.mark.parametrize("n", [300, 30_000])
def test_the_versions_own_scores_are_worth_what_they_were(task: str, n: int) -> None:
    assert alarms_about(task, scores_of(task, n, seed=n)) == []


@pytest.mark.parametrize("task", CONTRACTS)
def test_scores_that_say_less_are_worth_less(task: str) -> None:
    (alarm,) = alarms_about(task, scores_of(task, 3_000, 2, vague=True))
    assert (alarm.kind, alarm.name) == ("estimated", METRICS[task])


@pytest.mark.parametrize("task", CONTRACTS)
def test_joined_answers_have_the_form_that_metrics_take(task: str) -> None:
    contract, scores = CONTRACTS[task], scores_of(task, 50, 1)
    target, outcome = contract.target, outcomes_of(task, scores)
    codes = decided(task, scores).astype(int)
    names = target.flat(target.answers(scores, codes, half_width=3.0))
    labels = np.array(target.outcomes, dtype=object)[outcome.astype(int)] if target.outcomes else outcome
    answers = answers_in(pd.DataFrame({**names, "outcome": labels}), target)
    assert isinstance(answers, Answers)
    assert np.array_equal(answers.outcome, outcome)
    assert np.array_equal(answers.probability, scores)
    assert answers.half_width == (pytest.approx(3.0) if task == "quantity" else None)
    assert np.array_equal(answers.label, codes) or task == "quantity"
