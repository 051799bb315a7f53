"""Tables of many numbers are held once, as float32, and fitted without a copy: to the same model."""

import pickle
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from goldenpath.errors import BadInput
from goldenpath.evaluation.leaderboard import Leaderboard
from goldenpath.inference import engines
from goldenpath.inference.engines import ROUNDED, OnnxEngine, SklearnEngine, compile_onnx, frame_of, layout_of
from goldenpath.inference.proof import prove
from goldenpath.model import build_pipeline
from goldenpath.project import Project, Step
from goldenpath.records import Columns, Layout
from goldenpath.registry.artifact import pipeline_from, save_pipeline
from goldenpath.registry.manifest import DataSummary
from goldenpath.runs import sparing, wide
from goldenpath.runs.fits import NO_FOLD, CandidateFit, TrainingRows, run_fit
from goldenpath.runs.run import Run
from goldenpath.runs.sparing import can_be_spared, fit_sparingly
from goldenpath.runs.wide import WideTable, columns_of_frame, stay_apart, wide_table
from goldenpath.schema.contract import Binary, Contract, Record
from goldenpath.schema.targets import TWO_OUTCOMES
from goldenpath.settings import Settings
from goldenpath.steps.train import train

N = 1_500


class Stay(Record):
    "Numbers with and without gaps, and a text."

    ward: Literal["north", "south", "west"]
    age: float
    bill: float | None = None
    children: int


STAYS = Contract(Stay, Binary("back", positive="yes", negative="no"))


def stays(exact: bool = True) -> pd.DataFrame:
    "Draw rows; `exact` numbers are the same as float32."
    random = np.random.default_rng(5)
    age, bill = random.normal(50, 20, N), random.gamma(2, 1_000, N)
    if exact:
        age, bill = age.round(), (bill * 4).round() / 4
    ward = random.choice(["north", "south", "west"], N)
    risk = (age > 55) * 0.4 + (ward == "west") * 0.3 + (bill > 2_000) * 0.2
    frame = pd.DataFrame(
        {
            "ward": ward,
            "age": age,
            "bill": np.where(random.random(N) < 0.2, np.nan, bill),
            "children": random.integers(0, 4, N),
            "back": np.where(random.random(N) < risk, "yes", "no"),
        }
    )
    return STAYS.check(frame).clean


def marked(columns: Columns) -> Columns:
    return {**columns, "no bill": np.isnan(columns["bill"]).astype(float)}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    "Take a few rows for many."
    monkeypatch.setattr(wide, "WIDE", 1)
    monkeypatch.setattr(wide, "FEWEST_WIDE", 1)
    monkeypatch.setattr(wide, "READ_ROWS", 400)
    for module in (sparing, engines):
        monkeypatch.setattr(module, "ASKED_ROWS", 400)


def training_rows(table: WideTable, outcome: Any) -> TrainingRows:
    folds = np.arange(N) % 3
    return TrainingRows(table.frame, outcome, np.ones(N), folds, TWO_OUTCOMES, numbers=table.numbers)


@pytest.mark.parametrize("candidate", ["boosting", "deep_boosting"])
@pytest.mark.usefixtures("small")
def test_a_fit_without_copies_is_the_same_fit(candidate: str) -> None:
    columns, outcome = STAYS.columns(stays(exact=False)), STAYS.outcomes(stays())
    layout = layout_of(columns)
    frame, pipeline = frame_of(columns, layout), build_pipeline(layout, 1, "binary", candidate)
    pipeline.set_params(estimator__max_iter=20)
    places, weight = np.flatnonzero(np.arange(N) % 3), 1.0 + np.arange(N) % 2
    assert can_be_spared(pipeline)
    spared = fit_sparingly(pipeline, frame, places, outcome[places], weight[places])
    usual = pipeline.fit(frame.iloc[places], outcome[places], estimator__sample_weight=weight[places])
    assert np.array_equal(spared.predict_proba(frame), usual.predict_proba(frame))
    assert compile_onnx(spared, layout) == compile_onnx(usual, layout)
    assert spared[0].get_feature_names_out().tolist() == usual[0].get_feature_names_out().tolist()
    assert spared[0].output_indices_ == usual[0].output_indices_


@pytest.mark.usefixtures("small")
def test_scaled_numbers_are_fitted_without_copies_as_well() -> None:
    columns, outcome = STAYS.columns(stays()), STAYS.outcomes(stays())
    del columns["ward"]
    layout = layout_of(columns)
    frame, pipeline = frame_of(columns, layout), build_pipeline(layout, 1, "binary", "linear")
    spared = fit_sparingly(pipeline, frame, np.arange(N), outcome)
    usual = pipeline.fit(frame, outcome)
    assert spared[-1].coef_ == pytest.approx(usual[-1].coef_, rel=1e-6)
    assert spared.predict_proba(frame) == pytest.approx(usual.predict_proba(frame), rel=1e-6)


def test_what_takes_a_sparse_matrix_or_has_steps_of_its_own_is_fitted_as_usual() -> None:
    layout = Layout(text=("ward",), number=("age",))
    pipelines = {name: build_pipeline(layout, 0, "binary", name) for name in ("linear", "boosting")}
    assert not can_be_spared(pipelines["linear"])
    assert can_be_spared(pipelines["boosting"])
    pipelines["boosting"].steps.insert(1, ("own", "passthrough"))
    assert not can_be_spared(pipelines["boosting"])


@pytest.mark.usefixtures("small")
def test_numbers_are_in_a_file_that_another_process_maps(tmp_path: Path) -> None:
    table, source = stays(exact=False), tmp_path / "train.parquet"
    table.to_parquet(source)
    columns = marked(STAYS.columns(table))
    layout = layout_of(columns)
    with wide_table(source, STAYS, marked, layout) as read:
        assert read.numbers.kind == "float32"
        expected = frame_of(columns, layout, rounded=True)
        rows = training_rows(read, STAYS.outcomes(table))
        sent = pickle.dumps(rows)
        for frame in (rows.frame, pickle.loads(sent).frame):
            pd.testing.assert_frame_equal(frame.astype(expected.dtypes), expected)
            assert np.array_equal(columns_of_frame(frame)["bill"], expected["bill"], equal_nan=True)
        elsewhere = pickle.dumps(replace(rows, numbers=replace(read.numbers, stays=False)))
    assert len(sent) + N * 4 * 4 < len(elsewhere)
    assert len(pickle.loads(elsewhere).frame) == N
    assert not read.numbers.path.exists()


def test_numbers_that_float32_cannot_tell_apart_stay_as_they_are() -> None:
    low, high = np.array([[0, 1e30], [7, 7], [2019, 2026], [1.7e9, 1.71e9], [np.nan, np.nan]]).T
    assert stay_apart(low, high).all()
    low, high = np.array([[1e9, 1e9 + 1_000], [-1e300, 1e300], [1e300, 1e300]]).T
    assert not stay_apart(low, high).any()


@pytest.mark.usefixtures("small")
def test_a_table_with_such_numbers_is_written_as_float64(tmp_path: Path) -> None:
    table, source = stays(), tmp_path / "train.parquet"
    table["age"] += 1e9
    table.to_parquet(source)
    columns = STAYS.columns(table)
    with wide_table(source, STAYS, lambda columns: columns, layout_of(columns)) as read:
        assert read.numbers.kind == "float64"
        assert np.array_equal(read.frame["age"], columns["age"])
        fit = CandidateFit("boosting", NO_FOLD, build_pipeline(layout_of(columns), 0, "binary", "boosting"))
        fitted = run_fit(fit, training_rows(read, STAYS.outcomes(table))).pipeline
    assert not hasattr(fitted, ROUNDED)


@pytest.mark.usefixtures("small")
def test_no_room_for_the_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "train.parquet"
    stays().to_parquet(source)
    (tmp_path / "numbers").symlink_to("/dev/full")
    monkeypatch.setattr(wide.tempfile, "TemporaryDirectory", lambda prefix: nullcontext(str(tmp_path)))
    layout = layout_of(marked(STAYS.columns(stays())))
    with (
        pytest.raises(BadInput, match=r"cannot write .* \(No space left on device\); set TMPDIR to a folder"),
        wide_table(source, STAYS, marked, layout),
    ):
        pass


@pytest.mark.usefixtures("small")
def test_what_was_fitted_on_rounded_numbers_rounds_what_it_is_asked_and_so_agrees_with_onnx(
    tmp_path: Path,
) -> None:
    table, source = stays(exact=False), tmp_path / "train.parquet"
    table["age"] = (table["age"] / 10).round(1)  # 0.7 is not the same number as float32
    table.to_parquet(source)
    columns, outcome = STAYS.columns(table), STAYS.outcomes(table)
    layout = layout_of(columns)
    fit = CandidateFit("boosting", NO_FOLD, build_pipeline(layout, 1, "binary", "boosting"))
    with wide_table(source, STAYS, lambda columns: columns, layout) as read:
        rows = training_rows(read, outcome)
        fitted = run_fit(fit, rows).pipeline
        held_out = run_fit(replace(fit, fold=1), rows).scores
    save_pipeline(fitted, tmp_path / "model.skops")
    loaded = pipeline_from((tmp_path / "model.skops").read_bytes(), tmp_path / "model.skops")
    assert getattr(loaded, ROUNDED)
    engine = SklearnEngine(loaded, layout)
    answers = engine.many(columns)
    assert np.array_equal(answers, fitted.predict_proba(frame_of(columns, layout, rounded=True))[:, 1])
    assert prove(OnnxEngine(compile_onnx(loaded, layout), layout), columns, answers, 0.5).status == "proven"
    text, number = ([columns[name][7] for name in names] for names in (layout.text, layout.number))
    assert engine.one(text, number) == answers[7]
    assert held_out is not None
    assert len(held_out) == N // 3


def trained(folder: Path, table: pd.DataFrame) -> Step:
    settings = Settings(home=str(folder), model="stays", slices="", candidates="boosting")
    step = Step(Project(settings, STAYS), Run("r", folder / "runs" / "r", "05_train"))
    table.to_parquet(step.run.output("data/train.parquet"))
    summary = DataSummary(source="drawn", synthetic=True, fingerprint="f", split="", rows={}, seconds=0)
    step.save("data/summary.json", summary)
    train(step, seed=1)
    return step


def test_a_wide_table_gives_the_model_of_the_same_rows_in_memory(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    usual = trained(tmp_path / "usual", stays())
    request.getfixturevalue("small")
    spared = trained(tmp_path / "wide", stays())
    for name in ("candidate/model.onnx", "candidate/explanation.json"):
        files = [step.run.output(name).read_bytes() for step in (usual, spared)]
        assert files[0] == files[1]
    boards = [
        Leaderboard.model_validate_json(s.run.output("leaderboard.json").read_text()) for s in (usual, spared)
    ]
    assert boards[0].entry.metrics == boards[1].entry.metrics
    assert boards[1].rows == N
