"""06_evaluate on a run that the real steps made: metrics, proof, gate, and a complete candidate."""

import json
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

import goldenpath.steps.evaluate as evaluate_step
from goldenpath.contract import CONTRACT
from goldenpath.errors import BadInput
from goldenpath.evaluation.champion import Champion, ask_champion
from goldenpath.evaluation.gate import Rule, Verdict
from goldenpath.evaluation.metrics import Answers, majority
from goldenpath.evaluation.record import Judgment
from goldenpath.inference.engines import SklearnEngine, compile_onnx, frame_of, layout_of
from goldenpath.inference.proof import Paths
from goldenpath.model import build_pipeline, choose_golden, enriched
from goldenpath.predict import load_predictor
from goldenpath.records import Columns
from goldenpath.registry.artifact import save_pipeline, verify_files
from goldenpath.registry.registry import Registry
from goldenpath.report.render import before_and_after
from goldenpath.runs.candidate import open_candidate, prove_twice
from goldenpath.runs.run import Run
from goldenpath.schema.golden import Golden
from goldenpath.settings import Settings
from goldenpath.steps.data import make_data
from goldenpath.steps.evaluate import bootstrap, evaluate, gate_rules, outcome_on
from goldenpath.steps.train import train
from tests.helpers.calibrations import BINARY
from tests.helpers.candidates import make_candidate
from tests.helpers.trained_run import RUN, published, run_in, settings_for, step_in, trained
from tests.helpers.trained_run import judged as judged_run
from tests.registry.test_signing import make_keys

Evaluate = Callable[[Run, Settings], Judgment]


def outcome_of(frame: pd.DataFrame) -> np.ndarray:
    return (frame[CONTRACT.target.column] == CONTRACT.target.positive).to_numpy()


def rule(judged: Judgment, name: str) -> Rule:
    return next(one for one in judged.verdict.rules if one.name == name)


@pytest.fixture
def evaluate_quickly(monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    "Run the real step with few timed calls and without plots; other tests check those."

    def work(run: Run, settings: Settings) -> Judgment:
        with monkeypatch.context() as patch:
            patch.setattr(evaluate_step, "latencies", partial(evaluate_step.latencies, calls=5))
            patch.setattr(evaluate_step, "save_plots", lambda *_: None)
            return evaluate(step_in(run, settings))

    return work


def test_the_candidate_is_complete_and_answers(home: Path) -> None:
    run, judged = judged_run(home)
    folder = run.folder / "candidate"
    assert verify_files(folder) == judged.manifest
    assert {
        "model.skops",
        "model.onnx",
        "golden.json",
        "profile.json",
        "contract.json",
        "verdict.json",
        "MODEL_CARD.md",
        "leaderboard.json",
        "leaderboard.png",
        "explanation.json",
    } == set(judged.manifest.files)
    assert load_predictor(folder).path == "onnx"
    assert judged.manifest.run == run.id
    assert judged.manifest.fast_path.rows == sum(judged.evaluation.rows.values())  # validation and test
    assert {"data", "fit", "evaluate"} <= set(judged.manifest.seconds)
    assert judged.manifest.latency["onnx"].p50 < judged.manifest.latency["sklearn"].p50


def test_the_manifest_holds_the_metrics_of_the_test_rows(home: Path) -> None:
    run, judged = judged_run(home)
    manifest = judged.manifest
    test = pd.read_parquet(run.input("data/test.parquet"))
    predictor = load_predictor(run.folder / "candidate", fast=False)
    probability = predictor.scores(CONTRACT.columns(test))
    assert manifest.metrics["roc_auc"] == pytest.approx(roc_auc_score(outcome_of(test), probability))
    assert manifest.metrics["average_precision"] == pytest.approx(
        average_precision_score(outcome_of(test), probability)
    )
    called = probability >= manifest.threshold
    assert manifest.metrics["recall"] == pytest.approx(called[outcome_of(test)].mean())


def test_the_threshold_comes_from_the_validation_rows_by_the_rule_in_settings(
    home: Path, evaluate_quickly: Evaluate
) -> None:
    run = trained(home)
    judged = evaluate_quickly(run, settings_for(home, threshold="recall>=0.9"))
    validation = pd.read_parquet(run.input("data/validation.parquet"))
    probability = load_predictor(run.folder / "candidate", fast=False).scores(CONTRACT.columns(validation))
    found = (probability >= judged.manifest.threshold)[outcome_of(validation)].mean()
    assert judged.evaluation.threshold.recall == found >= 0.9
    assert judged.manifest.threshold_rule == "recall>=0.9"


def test_golden_rows_hold_every_level_and_scikit_learns_answers(home: Path) -> None:
    run, judged = judged_run(home)
    manifest = judged.manifest
    golden = Golden.model_validate_json((run.folder / "candidate" / "golden.json").read_text())
    for field in CONTRACT.fields:
        assert {record[field.name] for record in golden.records} >= set(field.levels)
    records = [CONTRACT.parse(json.dumps(record)) for record in golden.records]
    predictor = load_predictor(run.folder / "candidate", fast=False)
    probability = predictor.scores(CONTRACT.columns_of(records))
    assert golden.probability == pytest.approx(probability, abs=1e-12)
    assert golden.label == (probability >= manifest.threshold).tolist()


def test_the_verdict_lists_every_rule_and_lies_in_run_and_candidate(
    home: Path, evaluate_quickly: Evaluate
) -> None:
    run = trained(home)
    floors = {"roc_auc": 0.8, "slice_recall": 0.01}
    judged = evaluate_quickly(run, settings_for(home, gate_floors=floors))
    assert [one.name for one in judged.verdict.rules] == [
        "roc_auc above the baseline",
        "average_precision above the baseline",
        "roc_auc at least",
        "recall of every slice at least",
        "candidate",
    ]
    assert {one.result for one in judged.verdict.rules[:-1]} == {"pass"}
    assert judged.verdict.rules[-1].result == "info"
    assert (judged.verdict.passed, judged.verdict.champion, judged.verdict.roles_number) == (True, None, 0)
    for folder in (run.folder, run.folder / "candidate"):
        assert Verdict.model_validate_json((folder / "verdict.json").read_text()) == judged.verdict


def test_the_champion_is_measured_on_the_same_rows(home: Path, evaluate_quickly: Evaluate) -> None:
    (run, first), settings = judged_run(home), settings_for(home)
    version = published(home, run)
    again = evaluate_quickly(run_in(home, "20261121T000001Z-abcdef", RUN), settings)
    assert (again.verdict.champion, again.verdict.roles_number) == (version, 1)
    assert [one.name for one in again.evaluation.models] == ["candidate", "majority baseline", "champion"]
    assert again.evaluation.models[2].metrics == first.evaluation.models[0].metrics
    assert rule(again, "roc_auc against the champion").value == 0
    assert again.verdict.promotable


def test_the_champion_decides_by_its_own_threshold(home: Path, evaluate_quickly: Evaluate) -> None:
    run = trained(home)
    champion = evaluate_quickly(run, settings_for(home, threshold="0.9")).evaluation.models[0]
    published(home, run)
    again = evaluate_quickly(
        run_in(home, "20261121T000001Z-abcdef", RUN), settings_for(home, threshold="0.01")
    )
    candidate, _, measured = again.evaluation.models
    assert (candidate.threshold, measured.threshold) == (0.01, 0.9)
    assert measured.metrics == champion.metrics
    assert measured.metrics["recall"].value < candidate.metrics["recall"].value


def test_the_baseline_knows_the_rate_of_the_training_rows_alone(home: Path) -> None:
    run, judged = judged_run(home)
    train_rate, test_outcome = (
        outcome_of(pd.read_parquet(run.input(f"data/{side}.parquet"))) for side in ("train", "test")
    )
    brier = float(((train_rate.mean() - test_outcome) ** 2).mean())
    assert train_rate.mean() != pytest.approx(test_outcome.mean(), abs=1e-4)
    assert judged.evaluation.models[1].metrics["brier"].value == pytest.approx(brier, abs=1e-12)


def test_each_rule_is_about_its_own_opponent() -> None:
    outcome = np.random.default_rng(0).random(400) < 0.2
    models = {
        "candidate": some_skill(outcome, 1.5),
        "majority baseline": majority(outcome, 0.2),
        "champion": some_skill(outcome, 1.0),
    }
    measured = bootstrap(models, rounds=20, seed=1)
    rules = gate_rules(Settings(gate_floors={}), measured, (), Champion(1, "1.0.0-x"), False)
    by_name = {rule.name: rule for rule in rules}
    for name, opponent in {
        "above the baseline": "majority baseline",
        "against the champion": "champion",
    }.items():
        expected = (measured["candidate"] - measured[opponent]).intervals()["roc_auc"]
        found = by_name[f"roc_auc {name}"]
        assert (found.value, found.low, found.high) == (expected.value, expected.low, expected.high)


def some_skill(outcome: np.ndarray, skill: float) -> Answers:
    probability = 1 / (1 + np.exp(-skill * outcome - np.random.default_rng(1).normal(size=len(outcome))))
    return Answers(outcome, probability, probability >= 0.5)


def test_a_candidate_that_learnt_nothing_is_refused_completed_and_kept(
    home: Path, evaluate_quickly: Evaluate
) -> None:
    (run, _), settings = judged_run(home), settings_for(home)
    published(home, run)
    worse = run_in(home, "20261121T000001Z-abcdef", RUN)
    replace_model(run, worse, shuffled=True)
    judged = evaluate_quickly(worse, settings)
    assert not judged.verdict.passed
    assert {one.result for one in judged.verdict.rules if "champion" in one.name} == {"fail"}
    assert verify_files(worse.folder / "candidate").version == judged.verdict.version


def replace_model(old: Run, new: Run, *, shuffled: bool, only: str = "") -> None:
    "Put another fitted pipeline into a copy of the candidate, or only its compiled form."
    rows = pd.read_parquet(old.input("data/train.parquet"))
    columns = enriched(CONTRACT.columns(rows))
    layout, outcome = layout_of(columns), outcome_of(rows)
    if shuffled:
        outcome = np.random.default_rng(1).permutation(outcome)
    pipeline = build_pipeline(layout, 1).fit(frame_of(columns, layout), outcome)
    if new != old:
        shutil.copytree(old.folder / "candidate", new.folder / "candidate", copy_function=shutil.copyfile)
    (new.folder / "candidate" / "model.onnx").write_bytes(compile_onnx(pipeline, layout))
    if not only:
        save_pipeline(pipeline, new.folder / "candidate" / "model.skops")


def test_a_compiled_model_that_answers_wrongly_is_put_aside(home: Path, evaluate_quickly: Evaluate) -> None:
    run = trained(home)
    replace_model(run, run, shuffled=True, only="model.onnx")
    judged = evaluate_quickly(run, settings_for(home))
    assert judged.manifest.fast_path.status == "refused"
    assert "answers differ from scikit-learn's" in judged.manifest.fast_path.reason
    assert "model.onnx" not in judged.manifest.files
    assert (run.folder / "refused" / "model.onnx").exists()
    assert set(judged.manifest.latency) == {"sklearn"}
    predictor = load_predictor(run.folder / "candidate")
    assert predictor.path == "sklearn"
    assert "answers differ" in predictor.why


class WrongOnGoldenRows:
    "A compiled model that answers like scikit-learn on held-out rows and lower elsewhere."

    target = CONTRACT.target

    def __init__(self, right: SklearnEngine, held_out: int) -> None:
        self._right, self._held_out = right, held_out

    def many(self, columns: Columns) -> np.ndarray:
        probability = self._right.many(columns)
        return probability if len(probability) == self._held_out else probability / 2


def test_a_compiled_model_that_is_wrong_on_golden_rows_alone_is_refused(home: Path) -> None:
    run = trained(home)
    right = open_candidate(run).paths.sklearn
    held_out = enriched(CONTRACT.columns(pd.read_parquet(run.input("data/test.parquet"))))
    wrong = WrongOnGoldenRows(right, held_out=len(held_out["sex"]))
    proof, golden = prove_twice(Paths(right, wrong), held_out, CONTRACT.spec, 0.5, enriched, choose_golden)
    assert proof.status == "refused"
    assert proof.reason.startswith("on golden rows: answers differ from scikit-learn's")
    assert proof.rows == len(golden.records)


def test_without_onnxruntime_the_fast_path_stays_unproven_and_in_place(
    home: Path, monkeypatch: pytest.MonkeyPatch, evaluate_quickly: Evaluate
) -> None:
    run = trained(home)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    fast_path = evaluate_quickly(run, settings_for(home)).manifest.fast_path
    assert (fast_path.status, fast_path.reason) == ("unproven", "onnxruntime is not installed here")
    assert (run.folder / "candidate" / "model.onnx").exists()
    monkeypatch.undo()
    assert load_predictor(run.folder / "candidate").path == "onnx"  # whoever loads it proves it there


def test_without_a_compiled_model_the_reason_of_the_training_step_is_kept(
    home: Path, evaluate_quickly: Evaluate
) -> None:
    run = trained(home)
    (run.folder / "candidate" / "model.onnx").unlink()
    record = json.loads((run.folder / "training.json").read_text())
    (run.folder / "training.json").write_text(json.dumps({**record, "onnx": "no ONNX form of this pipeline"}))
    fast_path = evaluate_quickly(run, settings_for(home)).manifest.fast_path
    assert (fast_path.status, fast_path.reason) == ("absent", "no ONNX form of this pipeline")


def test_a_step_alone_works_on_a_copy_of_the_older_runs_candidate(
    home: Path, evaluate_quickly: Evaluate
) -> None:
    older = trained(home)
    before = {file: file.stat().st_mtime_ns for file in older.folder.rglob("*")}
    alone = run_in(home, "20261121T000001Z-abcdef", RUN)
    judged = evaluate_quickly(alone, settings_for(home))
    assert verify_files(alone.folder / "candidate") == judged.manifest
    assert {file: file.stat().st_mtime_ns for file in older.folder.rglob("*")} == before


def test_a_champion_with_another_contract_is_not_comparable(home: Path, evaluate_quickly: Evaluate) -> None:
    registry = Registry(home, "covid-death")
    version = registry.publish(make_candidate(home / "other", model="covid-death"))
    registry.promote(version, why="a test", who="ada@example.org")
    judged = evaluate_quickly(trained(home), settings_for(home))
    held = rule(judged, "comparable with the champion")
    assert held.result == "hold"
    assert "the contract changed" in held.detail
    assert (judged.verdict.passed, judged.verdict.promotable) == (True, False)


def test_a_champion_that_was_tampered_with_is_not_comparable(home: Path, evaluate_quickly: Evaluate) -> None:
    (run, _), settings = judged_run(home), settings_for(home)
    version = published(home, run)
    file = Registry(home, "covid-death").folder(version) / "model.skops"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    judged = evaluate_quickly(run_in(home, "20261121T000001Z-abcdef", RUN), settings)
    assert "altered" in judged.evaluation.not_comparable
    assert not judged.verdict.promotable


def test_a_champion_that_the_readers_key_has_not_signed_is_not_loaded(
    home: Path, tmp_path: Path, evaluate_quickly: Evaluate
) -> None:
    (run, _), keys = judged_run(home), make_keys(tmp_path / "keys")
    published(home, run)
    judged = evaluate_quickly(
        run_in(home, "20261121T000001Z-abcdef", RUN),
        settings_for(home, verify_key=str(keys.verify_with), require_signature=True),
    )
    assert "is not signed" in judged.evaluation.not_comparable
    assert not judged.verdict.promotable


def test_a_stand_in_is_said_wherever_it_shows_and_never_replaces_real_rows(
    home: Path, evaluate_quickly: Evaluate
) -> None:
    registry = Registry(home, "covid-death")
    version = registry.publish(make_candidate(home / "real", model="covid-death", synthetic=False))
    registry.promote(version, why="a test", who="ada@example.org")
    run = trained(home)
    judged = evaluate_quickly(run, settings_for(home))
    assert rule(judged, "no stand-in over real rows").result == "hold"
    assert judged.manifest.synthetic
    assert judged.evaluation.synthetic
    assert "synthetic stand-in" in (run.folder / "candidate" / "MODEL_CARD.md").read_text()


def test_the_model_card_tells_use_data_threshold_groups_gate_and_limits(home: Path) -> None:
    run, judged = judged_run(home)
    card = (run.folder / "candidate" / "MODEL_CARD.md").read_text()
    assert card.startswith(f"# covid-death {judged.manifest.version}\n")
    assert "Not for clinical decisions" in card
    for heading in ("Intended use", "Limits", "Data", "Decision threshold", "Groups", "Gate", "Made of"):
        assert f"\n## {heading}\n" in card
    assert "| recall (higher is better) | 0.000 |" in card  # of 100 answers, with few deaths among them
    assert f"{judged.manifest.threshold:.4f}" in card
    assert "| age_group | 80+ Years |" in card
    assert "| ROC AUC above the baseline |" in card
    assert "](leaderboard.png)" in card
    assert "`goldenpath feedback erase --id` takes an answer out." in card
    assert "| Brier score (lower is better) |" in card


def test_a_model_card_without_slices_says_so(home: Path, evaluate_quickly: Evaluate) -> None:
    run = trained(home)
    evaluate_quickly(run, settings_for(home, slices=""))
    assert "name no columns" in (run.folder / "candidate" / "MODEL_CARD.md").read_text()


def test_plots_are_written_where_the_report_looks_for_them(home: Path) -> None:
    run, _ = judged_run(home)
    for name in ("precision_recall", "reliability", "groups"):
        assert (run.folder / "evaluation" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_slice_that_is_no_column_stops_the_step(home: Path, evaluate_quickly: Evaluate) -> None:
    with pytest.raises(BadInput, match="'sx', which is not a column of the contract: did you mean 'sex'"):
        evaluate_quickly(trained(home), settings_for(home, slices="sx"))


def test_test_rows_of_a_single_outcome_stop_the_step(home: Path) -> None:
    run = trained(home)
    test = pd.read_parquet(run.input("data/test.parquet"))
    with pytest.raises(BadInput, match="test rows hold no positive outcome"):
        outcome_on(test[~outcome_of(test)], CONTRACT, "test")


def test_evaluating_before_training_names_the_step_to_run(home: Path, evaluate_quickly: Evaluate) -> None:
    with pytest.raises(BadInput, match=r"holds no training\.json: run 05_train first"):
        evaluate_quickly(run_in(home), settings_for(home))


def test_the_reference_on_real_rows(home: Path, real_rows: Path, evaluate_quickly: Evaluate) -> None:
    run, settings = run_in(home), settings_for(home, source=str(real_rows))
    step = step_in(run, settings)
    make_data(step)
    train(step, seed=42)
    judged = evaluate_quickly(run, settings)
    assert judged.manifest.metrics["roc_auc"] >= 0.95
    assert judged.manifest.fast_path.status == "proven"
    assert judged.verdict.passed
    assert not judged.manifest.synthetic
    assert "synthetic" not in (run.folder / "candidate" / "MODEL_CARD.md").read_text()


def test_a_calibrated_candidate_is_judged_stored_and_answers_by_its_map(
    home: Path, evaluate_quickly: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, plain = judged_run(home)
    with monkeypatch.context() as patch:
        patch.setattr(evaluate_step, "choose_calibration", lambda *_: (BINARY, "calibrated: by a test"))
        judged = evaluate_quickly(run, settings_for(home))
    folder, test = run.folder / "candidate", pd.read_parquet(run.input("data/test.parquet"))
    assert (judged.manifest.calibration, judged.manifest.fast_path.status) == ("isotonic", "proven")
    fast, slow = (load_predictor(folder, fast=fast) for fast in (True, False))
    probability = slow.scores(CONTRACT.columns(test))
    assert fast.scores(CONTRACT.columns(test)) == pytest.approx(probability, abs=1e-5)
    assert judged.manifest.metrics["brier"] == pytest.approx(brier_score_loss(outcome_of(test), probability))
    assert judged.manifest.metrics["roc_auc"] == plain.manifest.metrics["roc_auc"]
    for name in ("recall", "precision"):  # the threshold moved with the probabilities
        assert judged.manifest.metrics[name] == plain.manifest.metrics[name]
    assert judged.manifest.threshold == pytest.approx(BINARY.one(plain.manifest.threshold), abs=0.02)
    check = judged.evaluation.calibration
    assert (check.before, check.kind) == (plain.evaluation.calibration.before, "isotonic")
    card = (folder / "MODEL_CARD.md").read_text()
    assert f"{before_and_after(check)} |" in card
    assert "Probabilities are calibrated: by a test." in card
    golden = Golden.model_validate_json((folder / "golden.json").read_text())
    labels = BINARY.many(golden.scores) >= judged.manifest.threshold
    assert golden.label == labels.tolist()
    asked = ask_as_champion(home, run)
    assert asked.probability == pytest.approx(probability, abs=1e-12)
    assert asked.threshold == judged.manifest.threshold


def ask_as_champion(home: Path, run: Run) -> Champion:
    "Publish a candidate, and ask it as champion about the test rows."
    published(home, run)
    columns = CONTRACT.columns(pd.read_parquet(run.input("data/test.parquet")))
    return ask_champion(Registry(home, "covid-death"), CONTRACT.spec, columns)


def test_an_evaluation_that_keeps_no_map_removes_the_one_before(
    home: Path, evaluate_quickly: Evaluate
) -> None:
    run, _ = judged_run(home)
    (run.folder / "candidate" / "calibration.json").write_text(BINARY.model_dump_json())
    judged = evaluate_quickly(run, settings_for(home))
    assert judged.manifest.calibration is None
    assert "calibration.json" not in judged.manifest.files
    assert "calibration" not in json.loads((run.folder / "candidate" / "manifest.json").read_text())
    assert judged.evaluation.calibration.reason.startswith("not calibrated: a ")
    assert load_predictor(run.folder / "candidate").path == "onnx"
