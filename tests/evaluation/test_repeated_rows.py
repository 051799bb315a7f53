"""Equal rows that are put together are measured as if each were there by itself."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from goldenpath.evaluation.calibration import check_calibration, fit_calibration, too_few
from goldenpath.evaluation.class_metrics import confusion
from goldenpath.evaluation.importance import sample_rows
from goldenpath.evaluation.intervals import conformal_half_width
from goldenpath.evaluation.metrics import Answers, measure_metrics, unweighted
from goldenpath.evaluation.resampling import drawn_counts, drawn_places
from goldenpath.evaluation.slices import slices_of
from goldenpath.evaluation.tasks import baseline_answers, metrics_of
from goldenpath.feedback.profiled_scores import Validated
from goldenpath.feedback.profiling import profile_of
from goldenpath.model import decide
from goldenpath.report.plots import reliability
from goldenpath.schema.contract import AnyTarget, Binary, Classes, Contract, Quantity, Record
from goldenpath.settings import Settings
from goldenpath.steps import evaluate as evaluate_step
from goldenpath.steps.evaluate import bootstrap, choose_calibration, evaluate
from goldenpath.steps.explore import compare_groups, profile, rates_within
from goldenpath.tables import counted
from goldenpath.tables.counted import few_levels, put_together
from tests.helpers.trained_run import judged, settings_for, step_in

KINDS = 300  # distinct rows
TARGETS: dict[str, AnyTarget] = {
    "binary": Binary("y", positive="yes", negative="no"),
    "classes": Classes("y", levels=("a", "b", "c")),
    "quantity": Quantity("y", unit="days"),
}


class Patient(Record):
    "A record of levels."

    ward: Literal["north", "south", "west"]
    age: Literal["young", "old"]
    known: Literal["yes", "no"] | None = None


def answers_to(target: AnyTarget, seed: int = 5) -> tuple[Answers, Answers]:
    "Draw answers to distinct rows with counts and weights, and to the same rows one by one."
    random = np.random.default_rng(seed)
    count = random.integers(1, 40, KINDS)
    drawn = {
        "binary": random.beta(1, 2, KINDS),
        "classes": random.dirichlet(np.ones(3), KINDS),
        "quantity": random.gamma(2, 10, KINDS).round(1),
    }
    scores = drawn[target.task]
    outcome: dict[str, Callable[[], Any]] = {
        "binary": lambda: random.random(KINDS) < scores,
        "classes": lambda: (scores.cumsum(axis=1) > random.random(KINDS)[:, None]).argmax(axis=1),
        "quantity": lambda: (scores + random.normal(0, 5, KINDS)).round(1),
    }
    labels = target.decide(scores, 0.4, decide)
    more = {"metrics": metrics_of(target), "half_width": 8.0 if target.task == "quantity" else None}
    weight = random.integers(1, 4, KINDS) / 2
    few = Answers(outcome[target.task](), scores, labels, weight, count=count, **more)
    every = few.part(np.repeat(np.arange(KINDS), count))
    return few, replace(every, count=None)


@pytest.mark.parametrize("task", TARGETS)
def test_metrics_slices_and_baseline_are_those_of_all_rows(task: str) -> None:
    target = TARGETS[task]
    few, every = answers_to(target)
    assert measure_metrics(unweighted(few)) == pytest.approx(measure_metrics(unweighted(every)), nan_ok=True)
    ward = np.array(["north", "south", "west"], dtype=object)[np.arange(KINDS) % 3]
    columns = {"ward": ward, "days": np.arange(KINDS) % 17 * 1.0}
    repeated = {name: np.repeat(values, few.counts) for name, values in columns.items()}
    for one, other in zip(
        slices_of(["ward", "days"], columns, few, target),
        slices_of(["ward", "days"], repeated, every, target),
        strict=True,
    ):
        assert one.model_dump() == pytest.approx(other.model_dump())
    ours, theirs = (baseline_answers(target, part, every.outcome, every.weights) for part in (few, every))
    assert measure_metrics(unweighted(ours)) == pytest.approx(
        measure_metrics(unweighted(theirs)), nan_ok=True
    )
    if task == "classes":
        assert np.array(confusion(few)) == pytest.approx(np.array(confusion(every)))


def test_the_conformal_interval_counts_rows() -> None:
    few, every = answers_to(TARGETS["quantity"])
    assert conformal_half_width(few.outcome, few.probability, 0.9, few.weight, few.count) == pytest.approx(
        conformal_half_width(every.outcome, every.probability, 0.9, every.weight)
    )
    thirty = (np.zeros(1), np.ones(1), 0.9)
    assert conformal_half_width(*thirty) is None
    assert conformal_half_width(*thirty, None, np.array([30])) == 1.0


@pytest.mark.parametrize("task", ["binary", "classes"])
def test_calibration_is_that_of_all_rows(task: str) -> None:
    target = TARGETS[task]
    few, every = answers_to(target)
    for kind in ("sigmoid", "isotonic"):
        one = fit_calibration(kind, few.outcome, few.probability, few.weight, target, few.count)
        other = fit_calibration(kind, every.outcome, every.probability, every.weight, target)
        assert one.many(few.probability) == pytest.approx(other.many(few.probability), abs=1e-4)
        checked = [
            check_calibration(one, "", part.outcome, part.probability, part.weight, 200, 1, part.count)
            for part in (few, every)
        ]
        for before in ("before", "after"):
            ours, theirs = (getattr(check, before) for check in checked)
            assert ours.error.value == pytest.approx(theirs.error.value)
            assert (ours.error.low, ours.error.high) == pytest.approx(
                (theirs.error.low, theirs.error.high), abs=0.006
            )
            assert [b.model_dump() for b in ours.bins] == [pytest.approx(b.model_dump()) for b in theirs.bins]
    assert too_few(few.outcome[:20], target, few.count[:20]) == too_few(
        np.repeat(few.outcome[:20], few.count[:20]), target
    )


def test_the_plot_of_reliability_counts_rows() -> None:
    few, every = answers_to(TARGETS["binary"])
    ours, theirs = reliability(few), reliability(every)
    assert ours["rows"].sum() == len(every.outcome) == theirs["rows"].sum()
    assert ours.to_numpy() == pytest.approx(theirs.to_numpy(), rel=0.2)


def test_the_choice_of_a_calibration_does_not_depend_on_how_rows_are_held() -> None:
    few, every = answers_to(TARGETS["binary"])
    target, settings = TARGETS["binary"], Settings(bootstrap=100)
    for change in (np.sqrt, np.asarray):
        chosen = [
            choose_calibration(
                part.outcome, change(part.probability), part.weight, target, settings, part.count
            )
            for part in (few, every)
        ]
        assert chosen[0][1].split(":")[0] == chosen[1][1].split(":")[0]


@pytest.mark.parametrize("task", TARGETS)
def test_intervals_differ_by_the_noise_of_resampling_alone(task: str) -> None:
    few, every = answers_to(TARGETS[task])
    ours, theirs = (bootstrap({"candidate": part}, 150, seed=1)["candidate"] for part in (few, every))
    spread = np.nanstd(theirs.samples, axis=0)
    assert ours.values == pytest.approx(theirs.values, nan_ok=True)
    assert (np.abs(ours.samples.mean(axis=0) - theirs.samples.mean(axis=0)) <= 0.4 * spread + 1e-12).all()
    assert np.nanstd(ours.samples, axis=0) == pytest.approx(spread, rel=0.3)


def test_draws_of_counts_are_draws_of_rows() -> None:
    random = np.random.default_rng(1)
    count = np.array([1, 3, 96])
    draws = np.array([drawn_counts(count, random) for _ in range(2_000)])
    assert (draws.sum(axis=1) == 100).all()
    assert draws.mean(axis=0) == pytest.approx(count, rel=0.1)
    assert draws.var(axis=0) == pytest.approx(count * (1 - count / 100), rel=0.15)
    same = np.random.default_rng(9).integers(50, size=50)
    assert (
        drawn_counts(np.ones(50, dtype=int), np.random.default_rng(9)) == np.bincount(same, minlength=50)
    ).all()
    places = drawn_places(count, 20, random)
    assert len(places) == 20
    assert np.bincount(places, minlength=3)[0] <= 1
    assert drawn_places(count, 1_000, random).tolist() == np.repeat([0, 1, 2], count).tolist()


def patients(rows: int) -> pd.DataFrame:
    random = np.random.default_rng(2)
    drawn = {
        "ward": random.choice(["north", "south", "west"], rows, p=[0.6, 0.399, 0.001]),
        "age": random.choice(["young", "old"], rows),
        "known": random.choice(["yes", "no", ""], rows, p=[0.5, 0.4999, 0.0001]),
    }
    contract = Contract(Patient, TARGETS["binary"])
    return contract.check(
        pd.DataFrame(drawn).assign(y=random.choice(["yes", "no"], rows, p=[0.1, 0.9]))
    ).clean


def test_exploring_and_profiling_count_rows_and_merge_cells_by_them() -> None:
    contract, frame = Contract(Patient, TARGETS["binary"]), patients(60_000)
    rows = put_together(frame, contract.spec)
    assert len(rows.frame) < 40
    assert rows.number == len(frame)
    pd.testing.assert_frame_equal(
        profile(rows.frame, contract, rows.count), profile(frame, contract), check_dtype=False
    )
    compared = compare_groups(rows.frame, contract, "ward", "age", rows.count)
    pd.testing.assert_frame_equal(compared, compare_groups(frame, contract, "ward", "age"), check_dtype=False)
    names = list(compared.index)
    pd.testing.assert_frame_equal(
        rates_within(rows.frame, contract, "ward", "age", names, rows.count),
        rates_within(frame, contract, "ward", "age", names),
        check_dtype=False,
    )
    few, every = answers_to(TARGETS["binary"])
    ours, theirs = (
        profile_of(
            contract, table, Validated(a.outcome, a.probability, a.label, a.weight, a.count), {}, {}, count
        )
        for table, a, count in ((rows.frame, few, rows.count), (frame, every, None))
    )
    assert ours.fields == theirs.fields
    assert ours.labels == theirs.labels
    assert ours.scores[0].counts == theirs.scores[0].counts
    assert ours.scores[0].starts == theirs.scores[0].starts
    assert ours.scores[0].means == pytest.approx(theirs.scores[0].means, abs=1e-9)
    sampled = sample_rows(rows.frame, 3, seed=1, count=rows.count)
    assert len(sampled) == len(sample_rows(frame, 3, seed=1))
    assert sampled["ward"].value_counts(normalize=True)["north"] == pytest.approx(0.6, abs=0.03)


def test_rows_with_a_number_a_text_or_a_key_are_left_as_they_are() -> None:
    class Person(Patient):
        number: int
        name: str

    target = TARGETS["binary"]
    assert few_levels(Contract(Patient, target).spec)
    assert not few_levels(Contract(Person, target).spec)
    assert not few_levels(Contract(Person, target, key="name").spec)


def test_a_whole_evaluation_of_distinct_rows_is_that_of_all_rows(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, before = judged(home)
    with monkeypatch.context() as patch:
        patch.setattr(evaluate_step, "latencies", lambda *_: before.manifest.latency)
        patch.setattr(evaluate_step, "save_plots", lambda *_: None)
        patch.setattr(counted, "WORTHWHILE", 0)
        patch.setattr(counted, "MOST_DISTINCT", 1.0)
        after = evaluate(step_in(run, settings_for(home)))
    assert after.manifest.fast_path.rows < sum(after.evaluation.rows.values())
    assert after.evaluation.rows == before.evaluation.rows
    assert after.evaluation.positives == before.evaluation.positives
    assert after.manifest.metrics == pytest.approx(before.manifest.metrics)
    assert after.manifest.threshold == pytest.approx(before.manifest.threshold)
    assert [one.model_dump() for one in after.evaluation.slices] == [
        pytest.approx(one.model_dump()) for one in before.evaluation.slices
    ]
    assert [(one.name, one.result) for one in after.verdict.rules] == [
        (one.name, one.result) for one in before.verdict.rules
    ]
    for name, metric in before.evaluation.models[0].metrics.items():
        again, width = after.evaluation.models[0].metrics[name], metric.high - metric.low
        assert (again.low, again.high) == pytest.approx((metric.low, metric.high), abs=0.5 * width + 1e-9)
