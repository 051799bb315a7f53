"""What a compiled model asks ONNX Runtime to do, read from its bytes before ONNX Runtime sees them.

Opening a model already runs parts of it. So what may be run is decided here: operators that handle each
element a bounded number of times. Left out are loops and branches, functions, other files, and shapes that
are computed from numbers.
"""

import re
from collections.abc import Iterator
from math import prod

from goldenpath.inference.protobuf import BadMessage, Message

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

# Numbers of the fields that matter here, of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
GRAPH, TRAINING, FUNCTIONS = 7, 20, 25  # of a model
NODES, TENSORS, SPARSE_TENSORS = 1, 5, 15  # of a graph
INPUTS, OUTPUTS, OPERATOR, ATTRIBUTES, DOMAIN = 1, 2, 4, 5, 7  # of a node
TENSOR, INNER_TENSORS = 5, 10  # of an attribute
INNER_GRAPH, INNER_GRAPHS, SPARSE, SPARSES = 6, 11, 22, 23
DIMS, INTEGERS, NAME, RAW, EXTERNAL, LOCATION = 1, 7, 8, 9, 13, 14  # of a tensor
# Floats, ints and short texts of an attribute: the nodes of trees are millions of such fields.
VALUES = re.compile(
    rb"(?:(?:\x3d.{4})++|(?:\x40[\x80-\xff]*+.)++|(?:\x4a\x04.{4}|\x4a\x0a.{10})++)++", re.DOTALL
)


def refusal(onnx: bytes) -> str:
    "Why a compiled model must not be opened, in one line; empty if it may be."
    if onnx[4:8] == FLATBUFFERS:
        return "it is in another format than ONNX"
    try:
        return next(_problems(Message(onnx)), "")
    except BadMessage as error:
        return f"it is not an ONNX model: {error}"


def _problems(model: Message) -> Iterator[str]:
    if model.has(FUNCTIONS, TRAINING):
        yield "it holds functions of its own"
    graph = Message(model.one(GRAPH))
    if graph.has(SPARSE_TENSORS):
        yield "it holds sparse constants"
    nodes = [Message(node) for node in graph.bytes_of(NODES)]
    tensors = [Message(tensor) for tensor in graph.bytes_of(TENSORS)]
    for node in nodes:
        yield from _strange_operator(node)
        attributes = [Message(attribute, VALUES) for attribute in node.bytes_of(ATTRIBUTES)]
        yield from (
            f"its {_name(node)} holds a graph or a sparse constant" for one in attributes if _branches(one)
        )
        for tensor in (Message(one) for attribute in attributes for one in _tensors(attribute)):
            yield from _strange_tensor(tensor)
    for tensor in tensors:
        yield from _strange_tensor(tensor)
    yield from _strange_shapes(nodes, tensors)


def _strange_operator(node: Message) -> Iterator[str]:
    domain, name = _text(node.one(DOMAIN)), _name(node)
    if (domain, name) not in OPERATORS:
        where = f" of {domain}" if domain else ""
        yield f"it uses the operator {name}{where}, which is not allowed"


def _branches(attribute: Message) -> bool:
    return attribute.has(INNER_GRAPH, INNER_GRAPHS, SPARSE, SPARSES)


def _tensors(attribute: Message) -> list[memoryview]:
    return [*attribute.bytes_of(INNER_TENSORS), *([attribute.one(TENSOR)] if attribute.has(TENSOR) else [])]


def _strange_tensor(tensor: Message) -> Iterator[str]:
    name, dims = _text(tensor.one(NAME)), tensor.numbers_of(DIMS)
    if tensor.has(EXTERNAL) or STORED_ELSEWHERE in tensor.numbers_of(LOCATION):
        yield f"its constant {name!r} is stored in another file"
    if min(dims, default=0) < 0 or prod(dims) > 2 * tensor.size:  # two fit a byte
        yield f"its constant {name!r} claims {dims} values and has fewer"


def _strange_shapes(nodes: list[Message], tensors: list[Message]) -> Iterator[str]:
    "Check that a shape is that of another tensor, or a small constant."
    shapes = {bytes(name) for node in nodes if _name(node) == "Shape" for name in node.bytes_of(OUTPUTS)}
    for wanted in (bytes(name) for node in nodes if _name(node) == FILLS for name in node.bytes_of(INPUTS)):
        constants = [tensor for tensor in tensors if tensor.one(NAME) == wanted]
        if wanted not in shapes and not (constants and all(map(_is_small_shape, constants))):
            yield f"its {FILLS} asks for more than {MOST} values, or for as many as it computes"


def _is_small_shape(tensor: Message) -> bool:
    "Check for a small shape: a tensor of many empty rows takes no memory, but time."
    raw = tensor.one(RAW)[: 8 * (DIMENSIONS + 1)]
    shape = [int.from_bytes(raw[at : at + 8], "little") for at in range(0, len(raw), 8)]
    shape += tensor.numbers_of(INTEGERS)
    return len(shape) <= DIMENSIONS and max([prod(shape), *map(abs, shape)]) <= MOST


def _name(node: Message) -> str:
    return _text(node.one(OPERATOR))


def _text(name: memoryview) -> str:
    return bytes(name).decode(errors="replace")[:80]
