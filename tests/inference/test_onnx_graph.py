"""A compiled model is read before ONNX Runtime opens it: what could run without end is never opened."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, NodeProto, TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, PowerTransformer, StandardScaler

from goldenpath.inference.engines import CannotCompile, OnnxEngine
from goldenpath.inference.onnx_graph import refusal
from goldenpath.records import Layout

ONE = Layout(text=(), number=("a",))
GIGABYTES = 1_500_000_000  # numbers of four bytes
FOREVER = 2**62


def model(nodes: Sequence[NodeProto], *constants: TensorProto, **more: object) -> bytes:
    "Return a model of one number, whose last node answers."
    graph = helper.make_graph(
        nodes,
        "made by hand",
        [helper.make_tensor_value_info("number", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])],
        constants,
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9, **more).SerializeToString()


def numbers(name: str, *values: int) -> TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


WEIGHTS = helper.make_tensor("weights", TensorProto.FLOAT, [1, 2], [0.4, 0.6])
ANSWER = helper.make_node("MatMul", ["number", "weights"], ["probabilities"])


def endless() -> bytes:
    "Return a loop that ends after 2^62 rounds."
    condition = helper.make_tensor_value_info("going", TensorProto.BOOL, [])
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["on"]),
            helper.make_node("Identity", ["before"], ["after"]),
        ],
        "round",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            condition,
            helper.make_tensor_value_info("before", TensorProto.FLOAT, [None, 2]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, [None, 2]),
        ],
    )
    first = helper.make_node("MatMul", ["number", "weights"], ["first"])
    rounds = helper.make_tensor("rounds", TensorProto.INT64, [], [FOREVER])
    go = helper.make_tensor("go", TensorProto.BOOL, [], [True])
    loop = helper.make_node("Loop", ["rounds", "go", "first"], ["probabilities"], body=body)
    return model([first, loop], WEIGHTS, rounds, go)


def branch_under_an_allowed_name() -> bytes:
    inner = helper.make_graph([], "inner", [], [])
    node = helper.make_node("MatMul", ["number", "weights"], ["probabilities"])
    node.attribute.append(helper.make_attribute("body", inner))
    return model([node], WEIGHTS)


def raw(name: str, *values: int) -> TensorProto:
    "Return the same numbers as most programs write them."
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)


def filled(shape: TensorProto) -> bytes:
    "Return a constant of this shape, which is made when the model is opened."
    made = helper.make_node("ConstantOfShape", ["shape"], ["made"])
    most = helper.make_node("ReduceMax", ["made"], ["most"], keepdims=0)
    return model([made, most, ANSWER], WEIGHTS, shape)


def filled_as_computed() -> bytes:
    whole = helper.make_node("Cast", ["number"], ["whole"], to=TensorProto.INT64)
    flat = helper.make_node("Reshape", ["whole", "flat"], ["shape"])
    made = helper.make_node("ConstantOfShape", ["shape"], ["made"])
    return model([whole, flat, made, ANSWER], WEIGHTS, numbers("flat", -1))


def claimed() -> bytes:
    "Return a constant that claims far more values than the file holds."
    claim = TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[1, GIGABYTES], raw_data=b"1234")
    return model([ANSWER], claim)


def claimed_in_a_node() -> bytes:
    claim = TensorProto(name="inside", data_type=TensorProto.FLOAT, dims=[GIGABYTES], raw_data=b"1234")
    node = helper.make_node("Constant", [], ["made"])
    node.attribute.append(AttributeProto(name="value", type=AttributeProto.TENSOR, t=claim))
    return model([node, ANSWER], WEIGHTS)


def sparse() -> bytes:
    changed = onnx.load_from_string(model([ANSWER], WEIGHTS))
    values = helper.make_tensor("sparse", TensorProto.FLOAT, [1], [1.0])
    constant = helper.make_sparse_tensor(values, numbers("places", 0), [GIGABYTES])
    changed.graph.sparse_initializer.append(constant)
    return changed.SerializeToString()


def elsewhere(name: str, location: int = TensorProto.EXTERNAL) -> bytes:
    outer = TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[1, 2], data_location=location)
    if name:
        outer.external_data.add(key="location", value=name)
    return model([ANSWER], outer)


def elsewhere_in_a_node() -> bytes:
    outer = TensorProto(name="stolen", data_type=TensorProto.FLOAT, dims=[1], data_location=1)
    outer.external_data.add(key="location", value="secret")
    node = helper.make_node("Constant", [], ["made"])
    node.attribute.append(AttributeProto(name="value", type=AttributeProto.TENSOR, t=outer))
    return model([node, ANSWER], WEIGHTS)


def with_a_function() -> bytes:
    body = helper.make_function("own", "Mine", ["x"], ["y"], [helper.make_node("Identity", ["x"], ["y"])], [])
    return model([helper.make_node("Mine", ["number"], ["probabilities"], domain="own")], functions=[body])


def in_two_parts() -> bytes:
    "Check that a doubled field is refused: a lenient reader would join the parts, and run the loop."
    return model([ANSWER], WEIGHTS) + endless()


REFUSED = {
    "endless loop": (endless(), "it uses the operator Loop, which is not allowed"),
    "branch": (branch_under_an_allowed_name(), "its MatMul holds a graph or a sparse constant"),
    "constant of 6 GB": (filled(numbers("shape", GIGABYTES)), "asks for more than 16777216 values"),
    "raw constant of 6 GB": (filled(raw("shape", 2, GIGABYTES)), "its ConstantOfShape asks for"),
    "constant of 2^62 rows of nothing": (
        filled(numbers("shape", FOREVER, 0)),
        "its ConstantOfShape asks for",
    ),
    "raw rows of nothing": (filled(raw("shape", 0, FOREVER)), "its ConstantOfShape asks for"),
    "negative shape": (filled(raw("shape", -1)), "its ConstantOfShape asks for"),
    "constant of nine dimensions": (filled(raw("shape", *[1] * 9)), "its ConstantOfShape asks for"),
    "computed shape": (filled_as_computed(), "or for as many as it computes"),
    "claim": (claimed(), r"its constant 'weights' claims \[1, 1500000000\] values and has fewer"),
    "claim in a node": (
        claimed_in_a_node(),
        r"its constant 'inside' claims \[1500000000\] values and has fewer",
    ),
    "sparse": (sparse(), "it holds sparse constants"),
    "other file": (elsewhere("secret"), "its constant 'weights' is stored in another file"),
    "other file by its place": (elsewhere(""), "its constant 'weights' is stored in another file"),
    "other file by its name": (
        elsewhere("secret", location=TensorProto.DEFAULT),
        "its constant 'weights' is stored in another file",
    ),
    "other file in a node": (elsewhere_in_a_node(), "its constant 'stolen' is stored in another file"),
    "function": (with_a_function(), "it holds functions of its own"),
    "two parts": (in_two_parts(), "it is not an ONNX model: field 7 stands twice"),
    "other format": (b"\x00\x00\x00\x00ORTM" + bytes(64), "it is in another format than ONNX"),
    "no model": (b"not a model", "it is not an ONNX model: byte \\d+ belongs to no field"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_dangerous_model_is_not_opened(name: str) -> None:
    content, why = REFUSED[name]
    with pytest.raises(CannotCompile, match=f"the compiled model is not opened: .*{why}"):
        OnnxEngine(content, ONE)


@pytest.mark.parametrize("shape", [(2, 3), (1,) * 8, (4096, 4096), ()])
@pytest.mark.parametrize("write", [numbers, raw])
def test_a_constant_of_a_small_shape_is_opened(
    write: Callable[..., TensorProto], shape: tuple[int, ...]
) -> None:
    assert refusal(filled(write("shape", *shape))) == ""


def test_a_file_beside_the_process_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_bytes(np.array([0.4, 0.6], dtype=np.float32).tobytes())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotCompile, match="is stored in another file"):
        OnnxEngine(elsewhere("secret"), ONE)


ROWS = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
OUTCOME = (ROWS[:, 0] > 0).astype(int)
TREE = RandomForestClassifier(2, random_state=0)
COMPILED = [
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(PolynomialFeatures(2), LogisticRegression()),
    make_pipeline(PowerTransformer(), GaussianNB()),
    GradientBoostingClassifier(n_estimators=2),
    HistGradientBoostingClassifier(max_iter=2),
    AdaBoostClassifier(n_estimators=2),
    BaggingClassifier(TREE, n_estimators=2),
    CalibratedClassifierCV(TREE, cv=2),
    StackingClassifier([("a", TREE), ("b", LogisticRegression())], cv=2),
    MLPClassifier((3,), max_iter=1),
]


@pytest.mark.parametrize(
    "estimator", COMPILED, ids=lambda one: type(getattr(one, "steps", [(0, one)])[0][1]).__name__
)
def test_what_common_estimators_compile_to_is_opened(estimator: BaseEstimator) -> None:
    assert refusal(compiled(estimator)) == ""


def compiled(estimator: BaseEstimator) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = estimator.fit(ROWS, OUTCOME)
        last = fitted.steps[-1][1] if hasattr(fitted, "steps") else fitted
        options = {id(last): {"zipmap": False}}
        tensors = [("number", FloatTensorType([None, 3]))]
        return to_onnx(fitted, initial_types=tensors, options=options, target_opset=18).SerializeToString()


def test_words_compile_to_what_is_opened() -> None:
    words = np.array([["some words"], ["other words"]] * 5)
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(words[:, 0], [0, 1] * 5)
    text = to_onnx(pipeline, initial_types=[("text", StringTensorType([None, 1]))], target_opset=18)
    del text.graph.node[-1]  # makes a dictionary of the answer
    assert refusal(text.SerializeToString()) == ""


def test_neighbours_are_answered_by_scikit_learn_because_they_take_a_loop() -> None:
    assert refusal(compiled(KNeighborsClassifier())) == "it uses the operator Scan, which is not allowed"
