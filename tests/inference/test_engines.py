"""The compiled model: its two tensors, and the proof that refuses it where it answers wrongly."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from onnx import TensorProto, helper
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

from goldenpath.inference.engines import CannotCompile, OnnxEngine, compile_onnx, frame_of, layout_of
from goldenpath.inference.proof import compare_answers, one_by_one
from goldenpath.model import build_pipeline, preprocessing
from goldenpath.records import Columns, Layout


def of_levels(n: int = 2000) -> tuple[Columns, np.ndarray]:
    "Two columns of levels whose order means nothing, and an outcome that hangs on their combination."
    rng = np.random.default_rng(7)
    town = np.array([f"town {i:02d}" for i in range(30)], dtype=object)[rng.integers(0, 30, n)]
    job = np.array([f"job {i:02d}" for i in range(12)], dtype=object)[rng.integers(0, 12, n)]
    risk = np.array([hash_free(t, j) for t, j in zip(town, job, strict=True)])
    return {"town": town, "job": job}, rng.random(n) < risk


def hash_free(town: str, job: str) -> float:
    "Return a risk that jumps between neighbouring levels."
    return 0.9 if (int(town[-2:]) * 7 + int(job[-2:]) * 5) % 11 < 5 else 0.1


def tumours() -> tuple[Columns, np.ndarray]:
    "569 rows of 30 numbers."
    bunch = load_breast_cancer(as_frame=True)
    return {name: bunch.data[name].to_numpy() for name in bunch.data}, bunch.target.to_numpy() == 1


def judged(pipeline: BaseEstimator, columns: Columns, outcome: np.ndarray, **kept: float):
    "Fit, compile, and compare all rows."
    layout = layout_of(columns)
    frame = frame_of(columns, layout)
    reference = pipeline.fit(frame, outcome).predict_proba(frame)[:, 1]
    fast = OnnxEngine(compile_onnx(pipeline, layout), layout).many(columns)
    return compare_answers(reference, fast, threshold=0.5, **kept)


def test_the_default_model_is_proven_on_text_columns():
    columns, outcome = of_levels()
    record = judged(build_pipeline(layout_of(columns)), columns, outcome)
    assert record.status == "proven"
    assert record.rows == 2000
    assert record.max_difference < 1e-6


def test_the_default_model_is_proven_on_thirty_numbers():
    columns, outcome = tumours()
    assert judged(build_pipeline(layout_of(columns)), columns, outcome).status == "proven"


def test_the_default_model_is_proven_on_text_and_numbers_with_gaps():
    columns, outcome = of_levels()
    age = np.random.default_rng(1).normal(50, 20, len(outcome))
    columns["age"] = np.where(age < 20, np.nan, age)
    assert judged(build_pipeline(layout_of(columns)), columns, outcome).status == "proven"


def test_boosting_on_native_categoricals_converts_and_is_refused():
    columns, outcome = of_levels()
    encode = ColumnTransformer([("codes", OrdinalEncoder(), ["town", "job"])])
    boosting = HistGradientBoostingClassifier(categorical_features=[0, 1], max_iter=50, random_state=0)
    record = judged(Pipeline([("codes", encode), ("boosting", boosting)]), columns, outcome)
    assert record.status == "refused"
    assert record.max_difference > 0.1
    assert "answers differ from scikit-learn's by up to" in record.reason


def test_a_forest_on_float_columns_converts_and_is_refused():
    columns, outcome = tumours()
    forest = RandomForestClassifier(n_estimators=100, random_state=0, n_jobs=1)
    scaled = preprocessing(layout_of(columns))
    record = judged(Pipeline([("scaled", scaled), ("forest", forest)]), columns, outcome)
    assert record.status == "refused"
    assert record.max_difference > 1e-3


def test_boosting_after_one_hot_converts_and_is_proven():
    columns, outcome = of_levels()
    encode = ColumnTransformer([("levels", OneHotEncoder(sparse_output=False), ["town", "job"])])
    boosting = HistGradientBoostingClassifier(max_iter=50, random_state=0)
    assert judged(Pipeline([("levels", encode), ("boosting", boosting)]), columns, outcome).status == "proven"


def test_one_record_answers_as_many_do():
    columns, outcome = of_levels(200)
    columns["age"] = np.linspace(1, 99, 200)
    layout = layout_of(columns)
    pipeline = build_pipeline(layout).fit(frame_of(columns, layout), outcome)
    fast = OnnxEngine(compile_onnx(pipeline, layout), layout)
    single = [fast.one([columns["town"][i], columns["job"][i]], [columns["age"][i]]) for i in range(200)]
    assert single == pytest.approx(fast.many(columns), abs=1e-7)


def test_a_level_that_training_never_saw_is_answered_alike():
    columns, outcome = of_levels(500)
    layout = layout_of(columns)
    pipeline = build_pipeline(layout).fit(frame_of(columns, layout), outcome)
    fast = OnnxEngine(compile_onnx(pipeline, layout), layout)
    strange = {"town": np.array(["atlantis"], dtype=object), "job": np.array([""], dtype=object)}
    reference = pipeline.predict_proba(frame_of(strange, layout))[0, 1]
    assert fast.one(["atlantis", ""], []) == pytest.approx(reference, abs=1e-6)


def test_a_pipeline_without_an_onnx_form_says_why():
    columns, outcome = tumours()
    layout = layout_of(columns)
    log = FunctionTransformer(np.log1p)
    pipeline = Pipeline([("log", log), ("forest", RandomForestClassifier(n_estimators=2, random_state=0))])
    pipeline.fit(frame_of(columns, layout), outcome)
    with pytest.raises(CannotCompile, match="no ONNX form of this pipeline: "):
        compile_onnx(pipeline, layout)


def test_bytes_that_are_no_model_are_refused():
    columns, _ = tumours()
    with pytest.raises(CannotCompile, match="not opened: it is not an ONNX model: byte"):
        OnnxEngine(b"not a model", layout_of(columns))


def test_no_rows_prove_nothing():
    record = compare_answers(np.array([]), np.array([]), threshold=0.5)
    assert (record.status, record.reason) == ("refused", "there was no row to compare the answers on")


def test_an_answer_that_is_no_number_is_refused():
    record = compare_answers(
        np.array([0.2]), np.array([np.nan]), threshold=0.5
    )  # below the threshold, like 0.2
    assert record.status == "refused"
    assert record.max_difference is None
    assert "NaN (1 of 1 rows apart, 0 with another label)" in record.reason


def test_the_same_probability_on_the_other_side_of_the_threshold_is_refused():
    record = compare_answers(np.array([0.5]), np.array([0.5 - 1e-9]), threshold=0.5)
    assert record.status == "refused"
    assert "1 with another label" in record.reason


def test_the_record_of_a_comparison_says_how_many_rows_and_how_far_apart():
    reference, near, far = np.array([0.25, 0.75]), np.array([0.25, 0.75 + 2**-20]), np.array([0.25, 1.0])
    proven, refused = compare_answers(reference, near, 0.5), compare_answers(reference, far, 0.5)
    assert (proven.status, proven.reason, proven.rows, proven.max_difference) == ("proven", "", 2, 2**-20)
    assert (refused.status, refused.rows, refused.max_difference) == ("refused", 2, 0.25)
    assert "by up to 0.25 (1 of 2 rows apart, 0 with another label)" in refused.reason


def test_a_difference_of_just_the_tolerance_and_a_probability_on_the_threshold_are_alike():
    assert compare_answers(np.array([0.75]), np.array([0.5]), 0.5, tolerance=0.25).status == "proven"


def test_threads_that_ask_at_once_each_get_their_own_answer():
    columns, outcome = of_levels(400)
    layout = layout_of(columns)
    pipeline = build_pipeline(layout).fit(frame_of(columns, layout), outcome)
    fast = OnnxEngine(compile_onnx(pipeline, layout), layout)
    right = fast.many(columns)
    with ThreadPoolExecutor(8) as pool:
        for answers in pool.map(partial(one_by_one, fast), [columns] * 40):
            np.testing.assert_allclose(answers, right, atol=1e-7)


def answering(width: int, kind: int, rows: str = "keep") -> bytes:
    "Return a model of three numbers that answers with so many columns of that type."
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [3, width], [0.1] * 3 * width)
    nodes = [
        helper.make_node("MatMul", ["number", "weights"], ["sums"]),
        helper.make_node("Reshape", ["sums", "shape"], ["shaped"]),
        helper.make_node("Cast", ["shaped"], ["probabilities"], to=kind),
    ]
    shape = [-1, width] if rows == "keep" else [7, width]
    graph = helper.make_graph(
        nodes,
        "made by hand",
        [helper.make_tensor_value_info("number", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("probabilities", kind, [None, None])],
        [weights, helper.make_tensor("shape", TensorProto.INT64, [2], shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


THREE = Layout(text=(), number=("a", "b", "c"))
ONES = {name: np.ones(2) for name in THREE.number}


def test_a_model_that_is_read_and_then_fails_is_refused_with_its_reason():
    fast = OnnxEngine(answering(2, TensorProto.FLOAT, rows="seven"), THREE)
    for ask in (fast.many, partial(one_by_one, fast)):
        with pytest.raises(CannotCompile, match="onnxruntime cannot run the model"):
            ask(ONES)


@pytest.mark.parametrize(("width", "kind"), [(3, TensorProto.FLOAT), (2, TensorProto.DOUBLE)])
def test_a_model_that_does_not_answer_with_two_probabilities_is_refused(width: int, kind: int):
    with pytest.raises(CannotCompile, match="not probabilities of 2 outcomes"):
        OnnxEngine(answering(width, kind), THREE)
