"""What a compiled model asks ONNX Runtime to do, read from its bytes before ONNX Runtime sees them.

Opening a model already runs parts of it. So what may be run is decided here: operators that handle each
element a bounded number of times. Left out are loops and branches, functions, other files, and shapes that
are computed from numbers.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from math import prod
from typing import Any

MOST = 1 << 24  # elements that a constant shape may ask for
DIMENSIONS = 8  # that it may have
FLATBUFFERS = b"ORTM"  # at byte 4: another format, which ONNX Runtime would read as well
STORED_ELSEWHERE = 1  # TensorProto.EXTERNAL
FILLS = "ConstantOfShape"  # makes a tensor of the shape that it is given as numbers

ONNX = """
    Abs Add And ArgMax ArgMin Cast Ceil Clip Concat Constant ConstantOfShape CumSum Div Einsum Equal
    Erf Exp Flatten Floor Gather Gemm Greater GreaterOrEqual Identity IsNaN Less LessOrEqual Log
    LpNormalization MatMul Max Min Mod Mul Neg Not Or Pow Reciprocal ReduceLogSumExp ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Round Shape Sigmoid Sign
    Slice Softmax Split Sqrt Squeeze StringNormalizer Sub Sum Tanh TfIdfVectorizer TopK Transpose
    Unsqueeze Where Xor
"""
ML = """
    ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder LinearClassifier LinearRegressor
    Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsembleClassifier TreeEnsembleRegressor
"""
OPERATORS = frozenset(  # domain and name
    [("", name) for name in ONNX.split()]
    + [("ai.onnx", name) for name in ONNX.split()]
    + [("ai.onnx.ml", name) for name in ML.split()]
    + [("com.microsoft", "Tokenizer")]
)

# The fields that matter here, of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto: name, number, kind.
# What must not be there is read as bytes. A capital names another message; a star, a repeated field.
SCHEMA = {
    "Model": (("graph", 7, "Graph"), ("training", 20, "bytes*"), ("functions", 25, "bytes*")),
    "Graph": (("node", 1, "Node*"), ("tensor", 5, "Tensor*"), ("sparse", 15, "bytes*")),
    "Node": (
        ("input", 1, "bytes*"),
        ("output", 2, "bytes*"),
        ("operator", 4, "bytes"),
        ("attribute", 5, "Attribute*"),
        ("domain", 7, "bytes"),
    ),
    "Attribute": (
        ("tensor", 5, "Tensor"),
        ("graph", 6, "bytes"),
        ("tensors", 10, "Tensor*"),
        ("graphs", 11, "bytes*"),
        ("sparse", 22, "bytes"),
        ("sparses", 23, "bytes*"),
    ),
    "Tensor": (
        ("dims", 1, "int64*"),
        ("int64", 7, "int64*"),
        ("name", 8, "bytes"),
        ("raw", 9, "bytes"),
        ("external", 13, "bytes*"),
        ("location", 14, "int32"),
    ),
}


def refusal(onnx: bytes) -> str:
    "Why a compiled model must not be opened, in one line; empty if it may be."
    from google.protobuf.message import DecodeError

    if onnx[4:8] == FLATBUFFERS:
        return "it is in another format than ONNX"
    try:
        model = _message().FromString(onnx)
    except DecodeError:
        return "it is not an ONNX model"
    return next(_problems(model), "")


def _problems(model: Any) -> Iterator[str]:
    if model.functions or model.training:
        yield "it holds functions of its own"
    if model.graph.sparse:
        yield "it holds sparse constants"
    yield from _strange_operators(model.graph.node)
    yield from _strange_tensors(model.graph)
    yield from _strange_shapes(model.graph)


def _strange_operators(nodes: Iterable[Any]) -> Iterator[str]:
    for node in nodes:
        domain, name = _text(node.domain), _text(node.operator)
        if (domain, name) not in OPERATORS:
            where = f" of {domain}" if domain else ""
            yield f"it uses the operator {name}{where}, which is not allowed"
        if any(one.graph or one.graphs or one.sparse or one.sparses for one in node.attribute):
            yield f"its {name} holds a graph or a sparse constant"


def _strange_tensors(graph: Any) -> Iterator[str]:
    for tensor in _tensors(graph):
        if tensor.external or tensor.location == STORED_ELSEWHERE:
            yield f"its constant {_text(tensor.name)!r} is stored in another file"
        if min(tensor.dims, default=0) < 0 or prod(tensor.dims) > 2 * tensor.ByteSize():  # two fit a byte
            yield f"its constant {_text(tensor.name)!r} claims {list(tensor.dims)} values and has fewer"


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.tensor
    for attribute in (one for node in graph.node for one in node.attribute):
        yield from [attribute.tensor] if attribute.HasField("tensor") else []
        yield from attribute.tensors


def _strange_shapes(graph: Any) -> Iterator[str]:
    "A shape must be that of another tensor, or a small constant."
    known = {name for node in graph.node if node.operator == b"Shape" for name in node.output}
    for name in (name for node in graph.node if _text(node.operator) == FILLS for name in node.input):
        constants = [tensor for tensor in graph.tensor if tensor.name == name]
        if name not in known and not (constants and all(map(_is_small_shape, constants))):
            yield f"its {FILLS} asks for more than {MOST} values, or for as many as it computes"


def _is_small_shape(tensor: Any) -> bool:
    "A tensor of many empty rows takes no room, but time."
    raw = tensor.raw[: 8 * (DIMENSIONS + 1)]
    shape = [*tensor.int64, *(int.from_bytes(raw[at : at + 8], "little") for at in range(0, len(raw), 8))]
    return len(shape) <= DIMENSIONS and max([prod(shape), *shape]) <= MOST


def _text(name: bytes) -> str:
    return name.decode(errors="replace")[:80]


@cache
def _message() -> Any:
    "The class that reads a model, made from the schema above; onnxruntime brings protobuf, but no ONNX."
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="goldenpath.proto", package="goldenpath", syntax="proto2")
    for message, fields in SCHEMA.items():
        described = file.message_type.add(name=message)
        for name, number, kind in fields:
            _add_field(described, name, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("goldenpath.Model"))


def _add_field(message: Any, name: str, number: int, kind: str) -> None:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

    plain = {"bytes": Field.TYPE_BYTES, "int32": Field.TYPE_INT32, "int64": Field.TYPE_INT64}
    word = kind.rstrip("*")
    label = Field.LABEL_REPEATED if kind.endswith("*") else Field.LABEL_OPTIONAL
    field = message.field.add(name=name, number=number, label=label, type=plain.get(word, Field.TYPE_MESSAGE))
    if word not in plain:
        field.type_name = f".goldenpath.{word}"
