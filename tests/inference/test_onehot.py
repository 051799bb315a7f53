"""One-hot encoding taken out of the compiled model: when, and that it answers as scikit-learn does."""

import json

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from goldenpath.inference.engines import CannotCompile, OnnxEngine, compile_onnx, frame_of, layout_of
from goldenpath.inference.onehot import METADATA, Block, OneHot, blocks_of, from_metadata, to_metadata
from goldenpath.inference.proof import compare_answers, prove
from goldenpath.records import Columns

PLAIN = OneHotEncoder(handle_unknown="ignore")
RARE = {
    "often enough": OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=45),
    "a share": OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=0.11),
    "at most three": OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=3),
    "one for all": OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=1),
    "none is rare": OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=1),
    "no limit": OneHotEncoder(handle_unknown="infrequent_if_exist"),
}


def rows(n: int = 400) -> tuple[Columns, np.ndarray]:
    "Numbers on both sides of the text, and gaps among the levels."
    rng = np.random.default_rng(3)
    levels = {"pet": ["cat", "dog", "", "übermut"], "town": [f"town {at}" for at in range(9)]}
    text = {
        name: np.array(some, dtype=object)[rng.integers(0, len(some), n)] for name, some in levels.items()
    }
    columns = {"age": rng.normal(40, 9, n), **text, "weight": rng.normal(70, 5, n)}
    return columns, (rng.random(n) < 0.2 + 0.5 * (text["pet"] == "dog")).astype(int)


def fitted(*parts: tuple) -> Pipeline:
    columns, outcome = rows()
    pipeline = Pipeline([("columns", ColumnTransformer(list(parts))), ("model", LogisticRegression())])
    return pipeline.fit(frame_of(columns, layout_of(columns)), outcome)


def inputs_of(onnx_bytes: bytes) -> set[str]:
    return {tensor.name for tensor in onnx.load_from_string(onnx_bytes).graph.input}


@pytest.mark.parametrize(
    "parts",
    [
        [("text", PLAIN, ["pet", "town"]), ("number", StandardScaler(), ["age", "weight"])],
        [("number", StandardScaler(), ["weight", "age"]), ("text", PLAIN, ["town", "pet"])],
        [("town", PLAIN, ["town"]), ("age", "passthrough", ["age"]), ("pet", PLAIN, ["pet"])],
        [("pet", PLAIN, ["pet"]), ("again", PLAIN, ["pet", "town"])],
        [("pet", PLAIN, ["pet"])],
    ],
    ids=["text first", "numbers first", "in between", "one column twice", "the others dropped"],
)
def test_text_that_is_only_encoded_never_reaches_the_graph(parts):
    columns, _ = rows()
    layout, pipeline = layout_of(columns), fitted(*parts)
    compiled = compile_onnx(pipeline, layout)
    assert inputs_of(compiled) == {"number"}
    fast = OnnxEngine(compiled, layout)
    reference = pipeline.predict_proba(frame_of(columns, layout))[:, 1]
    assert compare_answers(reference, fast.many(columns), 0.5).status == "proven"
    single = [
        fast.one([columns["pet"][at], columns["town"][at]], [columns["age"][at], columns["weight"][at]])
        for at in range(50)
    ]
    assert single == pytest.approx(reference[:50], abs=1e-6)


@pytest.mark.parametrize("encoder", RARE.values(), ids=RARE)
def test_rare_levels_and_unseen_ones_are_together_as_scikit_learn_has_them(encoder):
    columns, _ = rows()
    layout = layout_of(columns)
    pipeline = fitted(("text", encoder, ["pet", "town"]), ("number", StandardScaler(), ["age", "weight"]))
    compiled = compile_onnx(pipeline, layout)
    assert inputs_of(compiled) == {"number"}
    unseen = {name: values.copy() for name, values in columns.items()}
    unseen["town"][::2] = "elsewhere"
    unseen["pet"][::3] = "a bird"
    for asked in (columns, unseen):
        reference = pipeline.predict_proba(frame_of(asked, layout))[:, 1]
        proof = prove(OnnxEngine(compiled, layout), asked, reference, 0.5, singly=True)
        assert proof.status == "proven"


def test_thousands_of_levels_are_as_wide_as_the_limit():
    texts = np.array([f"word {place % 3_000}" for place in range(6_500)] + ["often"] * 500, dtype=object)
    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=3, max_categories=20)
    [block] = blocks_of(encoder.fit(texts[:, None]), ["text"])
    assert block.width == len(encoder.get_feature_names_out()) == 20
    assert "often" in block.levels


@given(
    st.lists(st.sampled_from(["", "a", "b", "c", "d", "ü"]), min_size=1, max_size=40),
    st.lists(st.sampled_from(["", "a", "b", "c", "d", "ü", "new"]), min_size=1, max_size=9),
    st.sampled_from([None, 1, 3, 7, 0.2]),
    st.sampled_from([None, 1, 2, 4]),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_limits_encode_any_text_as_scikit_learn_does(trained, asked, min_frequency, max_categories):
    limits = {"min_frequency": min_frequency, "max_categories": max_categories}
    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", sparse_output=False, **limits)
    encoder.fit(np.array(trained, dtype=object)[:, None])
    [block] = from_metadata(to_metadata(blocks_of(encoder, ["text"])))
    one_hot = OneHot([block], ["text"], start=0)
    expected = encoder.transform(np.array(asked, dtype=object)[:, None])
    many = np.zeros((len(asked), one_hot.width), dtype=np.float32)
    one_hot.many({"text": np.array(asked, dtype=object)}, many)
    np.testing.assert_array_equal(many, expected)
    for text, row in zip(asked, expected, strict=True):
        single = np.zeros(one_hot.width, dtype=np.float32)
        one_hot.one([text], single)
        np.testing.assert_array_equal(single, row)


@pytest.mark.parametrize("name", ["pet", "town"])
def test_text_that_something_else_reads_stays_in_the_graph(name):
    columns, _ = rows()
    layout = layout_of(columns)
    pipeline = fitted(("text", PLAIN, ["pet", "town"]), ("codes", OrdinalEncoder(), [name]))
    compiled = compile_onnx(pipeline, layout)
    assert "text" in inputs_of(compiled)
    reference = pipeline.predict_proba(frame_of(columns, layout))[:, 1]
    assert compare_answers(reference, OnnxEngine(compiled, layout).many(columns), 0.5).status == "proven"


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(),
        OneHotEncoder(drop="first", handle_unknown="ignore"),
        OneHotEncoder(min_frequency=60, handle_unknown="ignore"),
        OneHotEncoder(drop="first", handle_unknown="infrequent_if_exist", min_frequency=60),
        OrdinalEncoder(),
        type("Own", (OneHotEncoder,), {})(handle_unknown="ignore"),
    ],
    ids=["refuses unknown", "drops", "frequent only", "drops and counts", "ordinal", "a class of one's own"],
)
def test_an_encoder_that_does_more_is_left_to_the_graph(encoder):
    columns, _ = rows()
    assert blocks_of(encoder.fit(frame_of(columns, layout_of(columns))[["pet"]]), ["pet"]) == ()


def test_encoded_numbers_are_left_to_the_graph():
    assert blocks_of(OneHotEncoder(handle_unknown="ignore").fit([[1.0], [2.0]]), ["age"]) == ()


def test_an_unknown_level_has_no_output():
    one_hot = OneHot([Block("pet", ("cat", "dog"))], ["town", "pet"], start=1)
    row = np.zeros(3, dtype=np.float32)
    one_hot.one(["dog", "bird"], row)
    assert row.tolist() == [0, 0, 0]
    one_hot.one(["", "dog"], row)
    assert row.tolist() == [0, 0, 1]


def test_no_rows_are_answered_with_none():
    columns, _ = rows()
    layout = layout_of(columns)
    pipeline = fitted(("text", PLAIN, ["pet", "town"]))
    none = {name: values[:0] for name, values in columns.items()}
    assert OnnxEngine(compile_onnx(pipeline, layout), layout).many(none).shape == (0,)


def test_levels_survive_being_written():
    blocks = (Block("pet", ("", "übermut", '"')), Block("town", ()), Block("job", ("a",), others=True))
    assert from_metadata(to_metadata(blocks)) == blocks
    assert to_metadata(blocks[:1]) == '[["pet",["","übermut","\\""]]]'  # as before others were known


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("{", "one-hot levels cannot be read"),
        (json.dumps([["pet", [1]]]), "one-hot levels cannot be read"),
        (json.dumps([["password", ["a"]]]), r"\['password'\] are not text columns"),
        (json.dumps([["pet", ["cat"]]]), "takes {'number': 15}, its layout says"),
        ("[]", "takes {'number': 15}, its layout says"),
    ],
)
def test_levels_that_do_not_fit_the_model_are_refused(said, reason):
    columns, _ = rows()
    layout = layout_of(columns)
    model = onnx.load_from_string(compile_onnx(fitted(("text", PLAIN, ["pet", "town"])), layout))
    next(entry for entry in model.metadata_props if entry.key == METADATA).value = said
    with pytest.raises(CannotCompile, match=reason):
        OnnxEngine(model.SerializeToString(), layout)
