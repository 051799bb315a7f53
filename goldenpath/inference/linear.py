"""A compiled logistic regression, read so that `engines` can compute one record itself.

ONNX Runtime gives the interpreter's lock away for each call and waits for it behind all other threads. At 16
connections this took longer than everything else of an answer; the sum itself takes half a microsecond.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from goldenpath.inference.onnx_graph import ATTRIBUTES, GRAPH, INPUTS, NODES, OPERATOR, OUTPUTS
from goldenpath.inference.protobuf import Message
from goldenpath.schema.targets import TargetSpec

KEY, TEXT, FLOATS, FLOAT = 1, 4, 7, 2  # of an attribute


class LinearModel(NamedTuple):
    "The probability of the positive outcome is that of the odds `exp(weights . values + intercept)`."

    weights: NDArray[np.float64]  # (width,)
    intercept: float
    fills: NDArray[np.float64]  # (width,) in place of what is missing; NaN if nothing may be


def linear_model(
    onnx: bytes,  # a model that may be opened, see `onnx_graph.refusal`
    width: int,  # numbers that it takes
    target: TargetSpec,
) -> LinearModel | None:
    "Read a model that fills gaps, scales, and adds up for two outcomes, and does nothing else; else None."
    nodes = [Message(node) for node in Message(Message(onnx).one(GRAPH)).bytes_of(NODES)]
    kinds = [bytes(node.one(OPERATOR)).decode() for node in nodes]
    if kinds[-1:] != ["LinearClassifier"] or target.task != "binary" or not _is_chain(nodes):
        return None
    if kinds[:-1] not in ([], ["Scaler"], ["Imputer"], ["Imputer", "Scaler"]):
        return None
    parts = {kind: _attributes(node) for kind, node in zip(kinds, nodes, strict=True)}
    model = parts["LinearClassifier"]
    coefficients, intercepts = _floats(model, "coefficients"), _floats(model, "intercepts")
    if _text(model, "post_transform") != "LOGISTIC" or (coefficients.size, intercepts.size) != (2 * width, 2):
        return None
    scale, offset = (_floats(parts.get("Scaler", {}), name) for name in ("scale", "offset"))
    fills = _floats(parts.get("Imputer", {}), "imputed_value_floats")
    if fills.size and not np.isnan(_floats(parts["Imputer"], "replaced_value_float", FLOAT)).all():
        return None
    if any(each.size not in (0, width) for each in (scale, offset, fills)):
        return None
    weights = coefficients[width:] * (scale if scale.size else 1.0)
    shift = float(weights.dot(offset)) if offset.size else 0.0
    return LinearModel(weights, float(intercepts[1]) - shift, fills if fills.size else np.full(width, np.nan))


def _is_chain(nodes: Sequence[Message]) -> bool:
    "Check that each node takes what the one before gives, and the first takes the numbers."
    taken = [[bytes(name) for name in node.bytes_of(INPUTS)] for node in nodes]
    given = [[bytes(name) for name in node.bytes_of(OUTPUTS)] for node in nodes]
    return taken == [[b"number"], *given[:-1]]


def _attributes(node: Message) -> dict[str, Message]:
    attributes = map(Message, node.bytes_of(ATTRIBUTES))
    return {bytes(attribute.one(KEY)).decode(): attribute for attribute in attributes}


def _floats(attributes: dict[str, Message], name: str, number: int = FLOATS) -> NDArray[np.float64]:
    entries = attributes[name].bytes_of(number) if name in attributes else []
    return np.frombuffer(b"".join(entries), dtype="<f4").astype(np.float64)


def _text(attributes: dict[str, Message], name: str) -> str:
    return bytes(attributes[name].one(TEXT)).decode() if name in attributes else ""
