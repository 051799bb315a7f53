"""Classes and quantities on both engines: proven on numbers, levels and rare text, else refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from goldenpath.inference.engines import (
    CannotCompile,
    OnnxEngine,
    SklearnEngine,
    compile_onnx,
    frame_of,
    layout_of,
)
from goldenpath.inference.proof import compare_answers, prove
from goldenpath.records import Columns
from goldenpath.schema.targets import TWO_OUTCOMES, AnyTarget, ClassesSpec, QuantitySpec

WINES = ClassesSpec(column="wine", levels=("one", "two", "three"))
AMOUNT = QuantitySpec(column="y", unit="units")
ESTIMATORS: dict[str, Any] = {
    "binary": LogisticRegression(max_iter=1000),
    "classes": LogisticRegression(max_iter=1000),
    "quantity": Ridge(),
}


def table(n: int = 400, seed: int = 3) -> Columns:
    "Draw levels, text with rare words, and numbers with gaps."
    rng = np.random.default_rng(seed)
    town = np.array([f"town {at}" for at in range(5)], dtype=object)[rng.integers(0, 5, n)]
    words = np.array([f"word {at}" for at in rng.geometric(0.1, n)], dtype=object)
    return {"town": town, "words": words, "age": rng.normal(50, 20, n), "size": rng.normal(1e4, 3e3, n)}


def outcome_of(target: AnyTarget, columns: Columns) -> np.ndarray:
    "Return outcomes that hang on numbers and levels."
    score = columns["age"] / 20 + (columns["town"] == "town 1") * 2 + np.sin(columns["size"])
    if target.task == "quantity":
        return score * 100
    return np.digitize(score, np.quantile(score, np.linspace(0, 1, target.columns + 1))[1:-1])


def pipeline_for(target: AnyTarget) -> Pipeline:
    "Return an unfitted linear model of the task."
    rare = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10, max_categories=8)
    plain = OneHotEncoder(handle_unknown="ignore")
    parts = [
        ("town", plain, ["town"]),
        ("words", rare, ["words"]),
        ("number", StandardScaler(), ["age", "size"]),
    ]
    return Pipeline([("columns", ColumnTransformer(parts)), ("estimator", ESTIMATORS[target.task])])


def classes(count: int) -> ClassesSpec:
    return ClassesSpec(column="y", levels=tuple(f"class {at}" for at in range(count)))


TARGETS = [TWO_OUTCOMES, classes(2), classes(3), classes(17), AMOUNT]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.task} {target.width}")
def test_a_linear_model_of_each_task_is_proven_one_by_one_and_together(target: AnyTarget) -> None:
    columns = table()
    layout = layout_of(columns)
    pipeline = pipeline_for(target).fit(frame_of(columns, layout), outcome_of(target, columns))
    slow = SklearnEngine(pipeline, layout, target)
    fast = OnnxEngine(compile_onnx(pipeline, layout), layout, target)
    asked = table(200, seed=4)
    asked["town"][::7], asked["words"][::5] = "elsewhere", ""
    asked["age"][::11], asked["size"][::13] = -40.0, 1e6
    expected = slow.many(asked)
    assert expected.shape == ((200, target.width) if target.task == "classes" else (200,))
    assert prove(fast, asked, expected, 0.5, singly=True).status == "proven"
    assert prove(slow, asked, expected, 0.5, singly=True).max_difference == 0


@pytest.mark.parametrize("target", [WINES, AMOUNT], ids=lambda target: target.task)
def test_text_inside_the_graph_is_answered_too(target: AnyTarget) -> None:
    columns = {"town": table()["town"], "age": table()["age"]}
    layout = layout_of(columns)
    encode = ColumnTransformer([("codes", OrdinalEncoder(), ["town"]), ("age", "passthrough", ["age"])])
    pipeline = Pipeline([("encode", encode), ("estimator", ESTIMATORS[target.task])])
    pipeline.fit(frame_of(columns, layout), outcome_of(target, table()))
    fast = OnnxEngine(compile_onnx(pipeline, layout), layout, target)
    expected = SklearnEngine(pipeline, layout, target).many(columns)
    assert prove(fast, columns, expected, None, singly=True).status == "proven"


def test_real_wines_and_real_patients_are_proven() -> None:
    for bunch, target in ((load_wine(as_frame=True), WINES), (load_diabetes(as_frame=True), AMOUNT)):
        columns = {name: bunch.data[name].to_numpy() for name in bunch.data}
        layout = layout_of(columns)
        pipeline = Pipeline([("scale", ColumnTransformer([("all", StandardScaler(), list(columns))]))])
        pipeline.steps.append(("estimator", ESTIMATORS[target.task]))
        pipeline.fit(frame_of(columns, layout), bunch.target)
        fast = OnnxEngine(compile_onnx(pipeline, layout), layout, target)
        proof = prove(fast, columns, SklearnEngine(pipeline, layout, target).many(columns), None, singly=True)
        assert proof.status == "proven", proof.reason


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (RandomForestClassifier(20, random_state=0), WINES),
        (RandomForestRegressor(20, random_state=0), AMOUNT),
        (HistGradientBoostingRegressor(max_iter=20), AMOUNT),
    ],
)
def test_trees_are_proven_or_refused_with_the_reason(estimator: Any, target: AnyTarget) -> None:
    columns = {name: table()[name] for name in ("age", "size")}
    layout = layout_of(columns)
    pipeline = Pipeline(
        [("keep", ColumnTransformer([("all", "passthrough", list(columns))])), ("trees", estimator)]
    )
    pipeline.fit(frame_of(columns, layout), outcome_of(target, table()))
    fast = OnnxEngine(compile_onnx(pipeline, layout), layout, target)
    proof = prove(fast, columns, SklearnEngine(pipeline, layout, target).many(columns), None)
    assert proof.status == "proven" or "answers differ from scikit-learn's by up to" in proof.reason


def test_a_model_of_another_task_or_width_is_not_opened() -> None:
    columns = table()
    layout = layout_of(columns)
    pipeline = pipeline_for(WINES).fit(frame_of(columns, layout), outcome_of(WINES, columns))
    onnx = compile_onnx(pipeline, layout)
    with pytest.raises(CannotCompile, match="not values; train again"):
        OnnxEngine(onnx, layout, AMOUNT)
    with pytest.raises(CannotCompile, match="not probabilities of 4 outcomes; train again"):
        OnnxEngine(onnx, layout, classes(4))
    with pytest.raises(CannotCompile, match="not probabilities of 2 outcomes; train again"):
        OnnxEngine(onnx, layout)


def test_differences_are_judged_by_the_task() -> None:
    expected = np.array([[0.4, 0.4, 0.2], [0.6, 0.3, 0.1]])
    other = expected[:, [1, 0, 2]]
    refused = compare_answers(expected, other, None, WINES)
    assert refused.status == "refused"
    assert refused.reason.endswith("(1 of 2 rows apart, 1 with another label)")
    amounts = np.array([1000.0, -3.0])
    assert compare_answers(amounts, amounts + 0.009, None, AMOUNT).status == "proven"
    assert compare_answers(amounts, amounts + 0.011, None, AMOUNT).reason.endswith("(2 of 2 rows apart)")
    assert compare_answers(amounts, np.array([np.nan, -3.0]), None, AMOUNT).status == "refused"


@given(st.integers(2, 12), st.integers(0, 1000), st.sampled_from(["classes", "quantity"]))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_any_width_and_any_rows_are_answered_alike(count: int, seed: int, task: str) -> None:
    target = classes(count) if task == "classes" else AMOUNT
    columns = table(150, seed)
    layout = layout_of(columns)
    pipeline = pipeline_for(target).fit(frame_of(columns, layout), outcome_of(target, columns))
    fast = OnnxEngine(compile_onnx(pipeline, layout), layout, target)
    asked = table(40, seed + 1)
    expected = SklearnEngine(pipeline, layout, target).many(asked)
    assert prove(fast, asked, expected, None, singly=True).status == "proven"
