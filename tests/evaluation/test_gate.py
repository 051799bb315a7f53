"""Metrics, thresholds, slices and the gate: mechanism that needs no notebook and no file."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from goldenpath.errors import BadInput
from goldenpath.evaluation.champion import Champion
from goldenpath.evaluation.gate import Rule, Verdict, verdict_table
from goldenpath.evaluation.intervals import Interval, wilson
from goldenpath.evaluation.metrics import METRICS, Answers, Weighted, majority, measure_metrics, unweighted
from goldenpath.evaluation.slices import slices_of
from goldenpath.evaluation.tasks import TASKS
from goldenpath.report.plots import reliability, share_bars
from goldenpath.schema.contract import Contract, Record, Target
from goldenpath.settings import Settings
from goldenpath.settings.rules import parse_threshold
from goldenpath.steps.evaluate import (
    Measured,
    beats_baseline,
    bootstrap,
    choose,
    gate_rules,
    keeps_up,
    not_comparable,
    outcome_on,
    reaches_floor,
    real_before_synthetic,
    slices_reach_floor,
)


def named(answers: Answers, weight: np.ndarray | None = None) -> dict[str, float]:
    "Return every metric by its name."
    rows = unweighted(answers) if weight is None else Weighted(answers, weight)
    return dict(zip(METRICS, measure_metrics(rows), strict=True))


def drawn(n: int = 3000, seed: int = 0, *, skill: float = 2.0, ties: bool = False) -> Answers:
    "Rows with a rare outcome and a model of some skill; with `ties` it knows only eleven probabilities."
    rng = np.random.default_rng(seed)
    outcome = rng.random(n) < 0.05
    score = skill * outcome + rng.normal(size=n) - 2
    probability = 1 / (1 + np.exp(-score))
    if ties:
        probability = np.round(probability, 1)
    return Answers(outcome, probability, probability >= 0.5)


@pytest.mark.parametrize("ties", [False, True])
def test_metrics_are_those_of_scikit_learn(ties: bool) -> None:
    answers = drawn(ties=ties)
    rows = answers.outcome, answers.probability
    assert named(answers) == pytest.approx(
        {
            "roc_auc": reference.roc_auc_score(*rows),
            "average_precision": reference.average_precision_score(*rows),
            "brier": reference.brier_score_loss(*rows),
            "recall": reference.recall_score(answers.outcome, answers.label),
            "precision": reference.precision_score(answers.outcome, answers.label),
            "f1": reference.f1_score(answers.outcome, answers.label),
            "specificity": reference.recall_score(~answers.outcome, ~answers.label),
            "log_loss": reference.log_loss(*rows),
        }
    )


@pytest.mark.parametrize("ties", [False, True])
def test_a_weight_counts_as_that_many_rows(ties: bool) -> None:
    answers = drawn(500, ties=ties)
    counts = np.random.default_rng(1).integers(0, 4, size=500)
    again = np.repeat(np.arange(500), counts)
    repeated = Answers(answers.outcome[again], answers.probability[again], answers.label[again])
    assert named(answers, counts.astype(float)) == pytest.approx(named(repeated))


def test_a_model_that_never_says_positive_has_no_precision_and_no_recall() -> None:
    answers = drawn(200)
    baseline = named(majority(answers.outcome, 0.05))
    assert baseline["roc_auc"] == 0.5
    assert baseline["average_precision"] == pytest.approx(answers.outcome.mean())
    assert (baseline["recall"], baseline["precision"], baseline["f1"]) == (0, 0, 0)


def test_the_majority_says_positive_where_most_rows_are() -> None:
    assert majority(np.array([True, False]), 0.63).label.all()


def test_one_single_outcome_is_refused_with_the_way_out() -> None:
    class Nothing(Record):
        "No field matters here."

        age: int

    contract = Contract(Nothing, Target(column="died", positive="yes", negative="no"))
    for only, missing in (("no", "positive"), ("yes", "negative")):
        with pytest.raises(BadInput, match=rf"the 3 test rows hold no {missing} outcome.*`split`"):
            outcome_on(pd.DataFrame({"died": [only] * 3}), contract, "test")


def test_the_bootstrap_does_not_depend_on_the_number_of_jobs() -> None:
    models = {"ours": drawn(seed=0), "theirs": drawn(seed=0, skill=1)}
    alone, together = (bootstrap(models, 20, seed=7, jobs=jobs) for jobs in (1, 2))
    assert all(np.array_equal(alone[name].samples, together[name].samples) for name in models)


def test_intervals_hold_the_value_and_narrow_with_more_rows() -> None:
    few, many = drawn(500), drawn(20_000)
    narrow, wide = (
        bootstrap({"ours": one}, 100, seed=1)["ours"].intervals()["roc_auc"] for one in (many, few)
    )
    for one in (narrow, wide):
        assert one.low < one.value < one.high
    assert narrow.high - narrow.low < wide.high - wide.low


def test_resamples_without_a_positive_row_are_left_out() -> None:
    outcome = np.array([True] + [False] * 9)
    answers = Answers(outcome, np.linspace(1, 0, 10), outcome)
    found = bootstrap({"ours": answers}, 50, seed=1)["ours"].intervals()
    assert found["roc_auc"] == Interval(value=1, low=1, high=1)


def test_the_paired_difference_of_a_model_with_itself_is_nothing() -> None:
    answers = drawn()
    measured = bootstrap({"ours": answers, "again": answers}, 20, seed=1)
    same = (measured["ours"] - measured["again"]).intervals()
    assert all(same[name] == Interval(value=0, low=0, high=0) for name in METRICS)


def test_a_paired_difference_is_narrower_than_one_of_two_separate_draws() -> None:
    ours = drawn()
    theirs = Answers(ours.outcome, mixed(ours.probability, 0.2), ours.label)
    measured = bootstrap({"ours": ours, "theirs": theirs}, 100, seed=1)
    paired = (measured["ours"] - measured["theirs"]).intervals()["roc_auc"]
    other = Measured(measured["theirs"].values, np.roll(measured["theirs"].samples, 1, axis=0))
    separate = (measured["ours"] - other).intervals()["roc_auc"]
    assert paired.high - paired.low < (separate.high - separate.low) / 2


def mixed(probability: np.ndarray, share: float) -> np.ndarray:
    "Return the same probabilities with some noise: nearly the same model."
    noise = np.random.default_rng(3).random(len(probability))
    return (1 - share) * probability + share * noise


def test_each_model_is_sorted_once_however_many_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    sorted_arrays = []
    argsort = np.argsort
    monkeypatch.setattr(
        np, "argsort", lambda values, **how: sorted_arrays.append(1) or argsort(values, **how)
    )
    models = {"a": drawn(300), "b": drawn(300, skill=1), "c": majority(drawn(300).outcome, 0.05)}
    measured = bootstrap(models, 20, seed=1, jobs=1)
    assert {one.samples.shape for one in measured.values()} == {(20, len(METRICS))}
    assert len(sorted_arrays) == 3


def test_answers_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        Answers(np.zeros(2, dtype=bool), np.zeros(3), np.zeros(2, dtype=bool))


def test_best_f1_is_the_best_of_all_thresholds() -> None:
    answers = drawn(100)
    chosen = choose(parse_threshold("best_f1"), answers.outcome, answers.probability)
    every = [reference.f1_score(answers.outcome, answers.probability >= t) for t in answers.probability]
    assert reference.f1_score(answers.outcome, answers.probability >= chosen.value) == pytest.approx(
        max(every)
    )


def test_best_f1_passes_over_thresholds_that_find_nothing() -> None:
    chosen = choose(parse_threshold("best_f1"), np.array([False, True]), np.array([0.9, 0.1]))
    assert (chosen.value, chosen.recall, chosen.precision) == (0.05, 1, 0.5)


def test_a_probability_at_the_threshold_is_above_it() -> None:
    chosen = choose(parse_threshold("0.5"), np.array([True, False]), np.array([0.5, 0.4]))
    assert (chosen.recall, chosen.precision) == (1, 1)


def test_a_floor_on_recall_takes_the_highest_threshold_that_keeps_it() -> None:
    answers = drawn()
    chosen = choose(parse_threshold("recall>=0.8"), answers.outcome, answers.probability)
    assert chosen.recall == reference.recall_score(answers.outcome, answers.probability >= chosen.value)
    assert chosen.recall >= 0.8
    next_higher = answers.probability[answers.probability > chosen.value].min()
    assert (answers.probability > next_higher)[answers.outcome].mean() < 0.8


def test_a_floor_on_precision_takes_the_lowest_threshold_that_keeps_it() -> None:
    answers = drawn(100)
    chosen = choose(parse_threshold("precision>=0.5"), answers.outcome, answers.probability)
    assert chosen.precision >= 0.5
    lower = answers.probability[answers.probability < chosen.value]
    every = [reference.precision_score(answers.outcome, answers.probability >= t) for t in lower]
    assert max(every) < 0.5


def test_a_number_is_taken_as_it_is() -> None:
    answers = drawn()
    chosen = choose(parse_threshold("0.3"), answers.outcome, answers.probability)
    assert (chosen.value, chosen.rule) == (0.3, "0.3")
    assert chosen.recall == reference.recall_score(answers.outcome, answers.probability >= 0.3)


def test_a_chosen_threshold_lies_clear_of_every_probability() -> None:
    outcome = np.array([False, True, True, False, True])
    probability = np.array([0.1, 0.500001, 0.5, 0.499999, 0.9])
    for rule in ("best_f1", "recall>=0.5", "precision>=0.5"):
        chosen = choose(parse_threshold(rule), outcome, probability)
        assert np.abs(probability - chosen.value).min() > 1e-5


def test_a_floor_that_no_threshold_keeps_says_what_could_be_had() -> None:
    outcome = np.array([True, False, False, False])
    with pytest.raises(BadInput, match=r"precision>=0.9.* highest precision on the validation rows is 0.333"):
        choose(parse_threshold("precision>=0.9"), outcome, np.array([0.5, 0.9, 0.8, 0.1]))


def test_slices_count_every_row_once() -> None:
    answers = drawn(900)
    columns = {"kind": np.array(["a", "b", ""] * 300, dtype=object), "size": np.arange(900, dtype=float)}
    slices = slices_of(["kind", "size"], columns, answers)
    by_column = {name: [one for one in slices if one.column == name] for name in columns}
    assert [one.level for one in by_column["kind"]] == ["(missing)", "a", "b"]
    for rows in by_column.values():
        assert sum(one.count for one in rows) == 900
        assert sum(one.positives for one in rows) == answers.outcome.sum()


def test_a_slice_has_the_recall_and_false_positive_rate_of_its_rows() -> None:
    outcome = np.array([True, True, False, False, True])
    label = np.array([True, False, True, False, True])
    kind = np.array(["a", "a", "a", "a", "b"], dtype=object)
    a, b = slices_of(["kind"], {"kind": kind}, Answers(outcome, label.astype(float), label))
    assert (a.count, a.positives, a.recall, a.false_positive_rate) == (4, 2, 0.5, 0.5)
    assert (b.recall, b.false_positive_rate) == (1, None)


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([1.0, 1.0, 1.0], ["1 to 1"]),
        ([0.0, 0.0, 0.0, 1.0], ["0 to 0.25", "0.25 to 1"]),
        ([np.nan, np.nan], ["(missing)"]),
        ([1.0, 2.0, np.nan], ["1 to 1.25", "1.25 to 1.5", "1.5 to 1.75", "1.75 to 2", "(missing)"]),
    ],
)
def test_numbers_fall_into_quantile_groups(values: list[float], levels: list[str]) -> None:
    from goldenpath.evaluation.slices import groups

    found = list(groups(np.array(values)))
    assert sum(mask.sum() for _, mask in found) == len(values)
    assert [level for level, mask in found] == levels


def test_a_slice_column_that_nobody_knows_names_the_nearest() -> None:
    answers = drawn(10)
    with pytest.raises(BadInput, match="'knd', which is not a column of the contract: did you mean 'kind'"):
        slices_of(["knd"], {"kind": np.array(["a"] * 10, dtype=object)}, answers)


def test_slices_with_few_positive_rows_are_shown_but_not_judged() -> None:
    outcome = np.array([True] * 10 + [False] * 90 + [True] * 9 + [False] * 1)
    label = np.array([True] * 7 + [False] * 103)
    kind = np.array(["many"] * 100 + ["few"] * 10, dtype=object)
    slices = slices_of(["kind"], {"kind": kind}, Answers(outcome, label.astype(float), label))
    rule = slices_reach_floor(slices, 0.8)
    assert (rule.result, rule.value) == ("fail", 0.7)
    assert rule.detail == "lowest: kind = many, 10 positive rows"


@pytest.mark.parametrize("floors", [{}, {"slice_recall": 0.0}])
def test_a_floor_that_cannot_fail_is_shown_and_judges_nothing(floors: dict[str, float]) -> None:
    outcome = np.array([True] * 10 + [False] * 10)
    slices = slices_of(["kind"], {"kind": np.array(["a"] * 20, dtype=object)}, majority(outcome, 0.1))
    *_, rule = gate_rules(Settings(gate_floors=floors), flat(), slices, Champion(number=0), False)
    assert (rule.name, rule.value, rule.threshold) == ("lowest recall of a slice", 0, None)
    assert rule.result == "info"
    judged = verdict(rule, *beaten(span(0.05, 0.021, 0.08)))
    assert (judged.passed, judged.promotable, judged.broken()) == (True, True, ())


def test_a_verdict_in_which_nothing_was_judged_refuses() -> None:
    for nothing in (verdict(), verdict(reaches_floor("recall", span(0.7, 0.6, 0.8), 0.0))):
        assert (nothing.passed, nothing.promotable) == (False, False)


def test_a_metric_with_a_floor_of_0_judges_nothing_either() -> None:
    rule = reaches_floor("recall", span(0.7, 0.6, 0.8), 0.0)
    assert (rule.name, rule.value, rule.threshold, rule.result) == ("recall", 0.7, None, "info")


def test_a_floor_that_the_lowest_slice_reaches_passes() -> None:
    outcome = np.array([True] * 10 + [False] * 10)
    slices = slices_of(["kind"], {"kind": np.array(["a"] * 20, dtype=object)}, majority(outcome, 0.9))
    rule = slices_reach_floor(slices, 1.0)
    assert (rule.name, rule.value, rule.result) == ("recall of every slice at least", 1, "pass")


def test_a_floor_for_slices_that_no_slice_can_be_judged_by_is_left_to_a_person() -> None:
    outcome = np.array([True] * 9 + [False] * 11)
    slices = slices_of(["kind"], {"kind": np.array(["a"] * 20, dtype=object)}, majority(outcome, 0.9))
    rule = slices_reach_floor(slices, 0.3)
    assert (rule.result, rule.detail) == ("hold", "no slice has 10 positive rows to be judged by")


def span(value: float, low: float, high: float) -> Interval:
    return Interval(value=value, low=low, high=high)


def beaten(gain: Interval) -> list[Rule]:
    "Judge every metric against the baseline, each for the same gain."
    return [beats_baseline(metric, gain, 0.02) for metric in TASKS["binary"].judged]


def flat() -> dict[str, Measured]:
    "Measure a candidate that is as good as the baseline, in every metric and on every draw."
    same = Measured(np.full(len(METRICS), 0.5), np.full((5, len(METRICS)), 0.5))
    return {"candidate": same, "majority baseline": same}


@pytest.mark.parametrize(
    ("value", "low", "high", "result"),
    [
        (0.0, 0.0, 0.0, "pass"),
        (-0.009, -0.03, 0.01, "pass"),
        (-0.02, -0.05, 0.01, "hold"),
        (-0.02, -0.03, -0.001, "fail"),
        (0.02, -0.02, 0.07, "pass"),
    ],
)
def test_worse_than_the_champion_is_refused_only_beyond_margin_and_chance(
    value: float, low: float, high: float, result: str
) -> None:
    assert keeps_up("roc_auc", span(value, low, high), worse=0.01).result == result


def test_the_baseline_must_be_beaten_by_the_margin_for_sure() -> None:
    assert {rule.result for rule in beaten(span(0.05, 0.021, 0.08))} == {"pass"}
    assert {rule.result for rule in beaten(span(0.05, 0.019, 0.08))} == {"fail"}


def test_a_candidate_without_skill_does_not_beat_the_baseline() -> None:
    candidate = drawn(seed=1, skill=0)
    baseline = majority(candidate.outcome, 0.05)
    measured = bootstrap({"candidate": candidate, "majority baseline": baseline}, 100, seed=1)
    rules = gate_rules(Settings(gate_floors={}), measured, (), Champion(number=0), False)
    assert [rule.result for rule in rules] == ["fail", "fail"]


def test_floors_are_held_against_the_values() -> None:
    metrics = span(0.7, 0.6, 0.8)
    reached, missed = reaches_floor("roc_auc", metrics, 0.7), reaches_floor("recall", metrics, 0.75)
    assert (reached.result, missed.result) == ("pass", "fail")
    assert (missed.name, missed.value, missed.threshold) == ("recall at least", 0.7, 0.75)


STRANGER = Champion(3, "1.0.0-w", why_not="field 'a' is gone")


def verdict(*rules: object) -> Verdict:
    return Verdict(version="1.0.0-x", synthetic=False, champion="1.0.0-w", roles_number=3, rules=tuple(rules))


def test_a_hold_publishes_but_does_not_promote() -> None:
    held = verdict(*beaten(span(0.4, 0.3, 0.5)), not_comparable(STRANGER))
    assert held.passed
    assert not held.promotable
    assert "field 'a' is gone" in held.broken()[0].detail


def test_a_verdict_names_what_failed_before_what_holds() -> None:
    held, failed = not_comparable(STRANGER), beaten(span(0, -0.1, 0.1))
    assert [rule.result for rule in verdict(held, *failed).broken()] == ["fail", "fail", "hold"]


def test_a_rule_shows_the_value_and_the_interval_that_it_judged() -> None:
    gain = span(0.05, 0.03, 0.08)
    rules = *beaten(gain), keeps_up("roc_auc", gain, 0.01), reaches_floor("recall", gain, 0.01)
    assert {(rule.value, rule.low, rule.high) for rule in rules} == {(0.05, 0.03, 0.08)}


def test_verdict_json_says_what_follows_but_is_believed_by_its_rules_alone() -> None:
    judged = verdict(*beaten(span(0.05, 0.01, 0.08)))
    written = judged.model_dump(mode="json")
    assert (written["passed"], written["promotable"]) == (False, False)
    assert not Verdict.model_validate({**written, "passed": True, "promotable": True}).passed


@pytest.mark.parametrize(
    ("candidate", "champion", "promotable"),
    [(True, False, False), (True, True, True), (False, True, True), (False, False, True)],
)
def test_a_stand_in_never_replaces_real_rows(candidate: bool, champion: bool, promotable: bool) -> None:
    judged = verdict(real_before_synthetic(candidate, Champion(1, "1.0.0-w", synthetic=champion)))
    assert judged.passed
    assert judged.promotable is promotable


def test_the_table_shows_every_rule_with_its_result() -> None:
    from rich.console import Console

    rules = [*beaten(span(0.4, 0.3, 0.5)), reaches_floor("recall", span(0.4, 0.3, 0.5), 0.5)]
    console = Console(width=160)
    with console.capture() as shown:
        console.print(verdict_table(verdict(*rules)))
    text = shown.get()
    assert "Gate refused: 1.0.0-x" in text
    for rule in rules:
        assert rule.name in text
    assert "fail" in text
    assert "0.5000" in text


def test_a_model_that_is_sure_of_nothing_can_still_be_drawn() -> None:
    outcome = np.array([True, False, False])
    table = reliability(Answers(outcome, np.zeros(3), np.zeros(3, dtype=bool)))
    assert table["rows"].sum() == 3
    assert table["observed"].iloc[0] == pytest.approx(1 / 3)


def test_wilson_intervals_are_the_textbooks() -> None:
    low, high = wilson(np.array([0, 10, 50]), np.array([20, 100, 50]))
    assert low == pytest.approx([0, 0.0552, 0.9287], abs=1e-4)
    assert high == pytest.approx([0.1611, 0.1744, 1], abs=1e-4)


def test_an_interval_of_a_share_contains_it_whatever_the_rounding() -> None:
    rows = np.arange(1.0, 500.0)
    for positives in (0 * rows, rows):
        low, high = wilson(positives, rows)
        assert (low <= positives / rows).all()
        assert (positives / rows <= high).all()


def test_bars_of_a_share_are_wilsons_and_never_leave_0_to_1() -> None:
    below, above = share_bars(np.array([0, 20]), np.array([20, 20]))
    assert below == pytest.approx([0, 0.1611], abs=1e-4)
    assert above == pytest.approx([0.1611, 0], abs=1e-4)


@pytest.mark.parametrize("rule", ["recall>=0.75", "precision>=0.7", "best_f1", "0.35"])
def test_a_threshold_is_chosen_as_if_each_row_were_there_as_often_as_it_weighs(rule: str) -> None:
    rng = np.random.default_rng(3)
    outcome, weight = rng.random(60) < 0.4, rng.integers(1, 5, 60)
    probability = np.round(0.4 * outcome + 0.6 * rng.random(60), 3)
    repeated = np.repeat(np.arange(60), weight)
    weighted = choose(parse_threshold(rule), outcome, probability, weight.astype(float))
    expected = choose(parse_threshold(rule), outcome[repeated], probability[repeated])
    assert weighted.model_dump() == pytest.approx(expected.model_dump())
    assert weighted != choose(parse_threshold(rule), outcome, probability)
