"""Protobuf messages are read as their own library reads them, and what it would guess is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import AttributeProto, GraphProto, TensorProto

from goldenpath.inference.onnx_graph import INNER_GRAPH, VALUES
from goldenpath.inference.protobuf import BadMessage, Message

DIMS, NAME, RAW, INTEGERS = 1, 8, 9, 7  # of a tensor
INT64 = st.integers(-(2**63), 2**63 - 1)
SHORT = st.binary(max_size=12)
TENSORS = st.builds(
    TensorProto, dims=st.lists(INT64, max_size=5), name=st.text(), raw_data=SHORT, int64_data=st.lists(INT64)
)
ATTRIBUTES = st.builds(
    AttributeProto,
    name=st.text(max_size=3),
    floats=st.lists(st.floats(width=32)),
    ints=st.lists(INT64),
    strings=st.lists(st.sampled_from([b"LEAF", b"BRANCH_LEQ", b"BRANCH_LT", b"", b"x" * 200])),
)


@given(TENSORS)
def test_texts_and_numbers_are_those_of_the_library(tensor: TensorProto) -> None:
    message = Message(tensor.SerializeToString())
    assert message.numbers_of(DIMS) == list(tensor.dims)
    assert message.numbers_of(INTEGERS) == list(tensor.int64_data)
    assert bytes(message.one(NAME)).decode() == tensor.name
    assert bytes(message.one(RAW)) == tensor.raw_data


@given(ATTRIBUTES, st.booleans())
def test_a_graph_is_found_behind_any_values_that_are_passed_over(
    attribute: AttributeProto, branches: bool
) -> None:
    if branches:
        attribute.g.CopyFrom(GraphProto(name="inner"))
    content = attribute.SerializeToString()
    assert Message(content, VALUES).has(INNER_GRAPH) == branches
    last = AttributeProto(g=GraphProto(name="last")).SerializeToString()
    assert Message(AttributeProto(ints=[*attribute.ints]).SerializeToString() + last, VALUES).has(INNER_GRAPH)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x0b\x0c", "byte 1 belongs to no field"),  # a group, which nothing writes any more
        (b"\x00\x00", "byte 1 belongs to no field"),  # a field without a number
        (b"\x0a\x05abc", "byte 2 belongs to no field"),  # cut off
        (b"\x0d\x00", "belongs to no field"),
        (b"\x08\x80", "byte 1 begins no number"),
        (b"\x08" + b"\x80" * 10 + b"\x01", "byte 1 begins no number"),  # longer than any number
    ],
)
def test_what_is_no_message_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(BadMessage, match=why):
        Message(content)


def test_what_could_be_read_in_two_ways_is_refused() -> None:
    with pytest.raises(BadMessage, match="field 1 stands twice"):
        Message(b"\x0a\x01a\x0a\x01b").one(1)
    with pytest.raises(BadMessage, match="field 1 holds numbers"):
        Message(b"\x08\x01").bytes_of(1)
    assert Message(b"").one(1) == b""
