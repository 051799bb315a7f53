"""A logistic regression computed here answers as ONNX Runtime does; every other model is left to it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from goldenpath.inference.engines import LinearRow, OnnxEngine, OwnRow, compile_onnx, frame_of
from goldenpath.inference.linear import LinearModel, linear_model
from goldenpath.records import Layout
from goldenpath.schema.targets import TWO_OUTCOMES

WIDTH = 4
LAYOUT = Layout(text=(), number=tuple(f"x{at}" for at in range(WIDTH)))
RANDOM = np.random.default_rng(3)
ROWS = RANDOM.normal(5, 20, size=(300, WIDTH))
GAPS = np.where(RANDOM.random(ROWS.shape) < 0.2, np.nan, ROWS)
OUTCOMES = ROWS[:, 0] + RANDOM.normal(size=300) > 5


def compiled(rows: np.ndarray, *steps: Any) -> bytes:
    frame = frame_of(dict(zip(LAYOUT.number, rows.T, strict=True)), LAYOUT)
    return compile_onnx(make_pipeline(*steps).fit(frame, OUTCOMES), LAYOUT)


LINEAR = {
    "alone": (ROWS, LogisticRegression(max_iter=5_000)),
    "scaled": (ROWS, StandardScaler(), LogisticRegression()),
    "filled": (GAPS, SimpleImputer(strategy="median"), LogisticRegression(max_iter=5_000)),
    "filled and scaled": (GAPS, SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression()),
}


@pytest.mark.parametrize("name", LINEAR)
def test_it_answers_as_onnx_runtime_does(name: str) -> None:
    rows, *steps = LINEAR[name]
    onnx = compiled(rows, *steps)
    engine = OnnxEngine(onnx, LAYOUT)
    assert isinstance(engine._row, LinearRow)
    many = engine.many(dict(zip(LAYOUT.number, rows.T, strict=True)))
    np.testing.assert_allclose([engine.one([], list(row)) for row in rows], many, atol=1e-6)
    assert many.min() < 0.01 < 0.99 < many.max()


def test_far_scores_are_probabilities() -> None:
    row = LinearRow(LinearModel(np.array([1.0]), 0.0, np.array([np.nan])))
    answers = []
    for value in (-1e6, -800.0, 0.0, 800.0, 1e6):
        row.values[0] = value
        answers.append(row.ask())
    assert answers == [0.0, 0.0, 0.5, 1.0, 1.0]


OTHERS = {
    "a forest": (RandomForestClassifier(5, max_depth=3),),
    "another scaler": (MinMaxScaler(clip=True), LogisticRegression()),
    "gaps that are not NaN": (SimpleImputer(missing_values=0.0), LogisticRegression(max_iter=5_000)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_model_is_left_to_onnx_runtime(name: str) -> None:
    onnx = compiled(ROWS, *OTHERS[name])
    assert linear_model(onnx, WIDTH, TWO_OUTCOMES) is None
    assert isinstance(OnnxEngine(onnx, LAYOUT)._row, OwnRow)


def test_a_model_of_another_width_is_left_to_onnx_runtime() -> None:
    assert linear_model(compiled(*LINEAR["alone"]), WIDTH + 1, TWO_OUTCOMES) is None


def test_each_thread_has_values_of_its_own() -> None:
    engine = OnnxEngine(compiled(*LINEAR["alone"]), LAYOUT)
    expected = [engine.one([], list(row)) for row in ROWS]

    def ask(at: int) -> bool:
        return all(engine.one([], list(row)) == answer for row, answer in zip(ROWS, expected, strict=True))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(16)))
