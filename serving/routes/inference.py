"""The Open Inference Protocol, version 2, over REST: one tensor for each column of the contract.

Protocol: https://github.com/kserve/open-inference-protocol (inference_rest.yaml, required_api.md).
Binary tensors, an extension of it, are not supported.
"""

import time
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import from_json
from werkzeug.exceptions import NotFound

from goldenpath import __version__
from goldenpath.errors import BadInput
from goldenpath.inference.engines import first_score
from goldenpath.predict import Predictor
from goldenpath.schema.contract import Columns, Contract, Record, rows_as_json
from goldenpath.schema.fields import FieldSpec
from serving.http import JSON, Operation, as_json, described, encode, predictions, reply_as_is, unpacked_body
from serving.routes.about import champion_of
from serving.state import State, state, sticky_bytes
from serving.trace import trace
from serving.watchers.feedback import Batch

DATATYPES = {"integer": "INT64", "number": "FP64", "boolean": "BOOL"}  # by kind of the field; else BYTES
INTEGERS = tuple(f"{kind}{bits}" for kind in ("INT", "UINT") for bits in (8, 16, 32, 64))
NUMBERS = (*INTEGERS, "FP16", "FP32", "FP64")
FITTING = {  # what a caller may send for it
    "INT64": NUMBERS,  # whole floats are integers; the contract refuses the others
    "FP64": NUMBERS,
    "BOOL": ("BOOL",),
    "BYTES": ("BYTES",),
}
REFUSALS_OF_INFER = (400, 404, 413, 422, 502, 504)
SPARE = 100  # inputs beyond the contract's columns; a longer list is not read to its end

inference_routes = Blueprint("open_inference", __name__, url_prefix="/v2")


class Part(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)


class Tensor(Part):
    name: str
    shape: list[int] = Field(min_length=1, max_length=2, fail_fast=True)
    datatype: str
    data: list[Any]


class Output(Part):
    name: str


class Inference(Part):
    "The body of a request; further keys are allowed and not used."

    id: str | None = Field(None, pattern=r"^[A-Za-z0-9_.:-]{1,64}$")
    inputs: list[Tensor] = Field(fail_fast=True)
    outputs: list[Output] | None = None


class InferredReply(BaseModel):
    "The answer, in the protocol's words."

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model_name: str
    model_version: str
    id: str
    outputs: list[Any]


@lru_cache(8)
def body_for(columns: int, outputs: tuple[str, ...]) -> type[Inference]:
    "Return the model of a body for a contract of so many columns, and for a version with these outputs."
    inputs = Field(max_length=columns + SPARE, fail_fast=True)
    allowed: Any = Literal[outputs]
    output: Any = create_model("Output", __base__=Output, name=(allowed, ...))
    named = Annotated[list[output], Field(fail_fast=True, max_length=len(outputs))] | None
    return create_model("Inference", __base__=Inference, inputs=(list[Tensor], inputs), outputs=(named, None))


def outputs_of(contract: Contract) -> dict[str, str]:
    "Return the outputs that an answer may have, with their datatypes: last the key, if there is one."
    keys = {"key": datatype(fields_of(contract)[contract.spec.key])} if contract.spec.key else {}
    return {**contract.target.outputs, **keys}


def outputs_by(predictor: Predictor) -> dict[str, str]:
    "Return the outputs of a version: an amount has no interval if there were too few rows for one."
    outputs = outputs_of(predictor.contract)
    if predictor.manifest and predictor.manifest.half_width is None:
        outputs = {name: kind for name, kind in outputs.items() if name not in ("low", "high")}
    return outputs


@lru_cache(8)
def fields_of(contract: Contract) -> dict[str, FieldSpec]:
    "Return the contract's fields by name."
    return {field.name: field for field in contract.fields}


@inference_routes.get("")
@described(Operation())
def server() -> Response:
    "Describe this server."
    return reply_as_is({"name": "goldenpath", "version": __version__, "extensions": []})


@inference_routes.get("/health/live", endpoint="live")
@described(Operation())
def server_live() -> Response:
    "Report that the process is alive."
    return reply_as_is({"live": True})


@inference_routes.get("/health/ready", endpoint="ready")
@described(Operation(reply_if_not_ready=True))
def server_ready() -> Response:
    "Report whether a model is loaded, and the server is not about to stop."
    good = state().live.champion is not None and not state().draining()
    return reply_as_is({"ready": good}, 200 if good else 503)


@inference_routes.get("/models/<model>")
@inference_routes.get("/models/<model>/versions/<version>")
@described(Operation(refusals=(404,)))
def metadata(model: str, version: str = "") -> Response:
    "Describe the input and output tensors of the model."
    worker = state()
    chosen = named_version(worker, model, version) or champion_of(worker.live)
    return reply_as_is(tensors_of(model, versions(worker), worker.contract, chosen))


@inference_routes.get("/models/<model>/ready")
@inference_routes.get("/models/<model>/versions/<version>/ready")
@described(Operation(refusals=(404,), reply_if_not_ready=True))
def model_ready(model: str, version: str = "") -> Response:
    "Report that the model is loaded."
    worker = state()
    chosen, good = named_version(worker, model, version) or champion_of(worker.live), not worker.draining()
    health = {"name": model, "version": chosen.version, "ready": good}
    return reply_as_is(health, 200 if good else 503)


@inference_routes.post("/models/<model>/infer")
@inference_routes.post("/models/<model>/versions/<version>/infer")
@described(Operation(InferredReply, body="Inference", refusals=REFUSALS_OF_INFER, sticky=True))
def infer(model: str, version: str = "") -> Response:
    "Answer the records that the tensors hold."
    worker, body = state(), unpacked_body()
    contract, wanted = worker.contract, named_version(worker, model, version)
    question = parse(body, body_for(len(contract.fields), tuple(outputs_of(contract))))
    lists = lists_of(question.inputs, fields_of(contract), worker.settings.max_batch)
    live, columns = worker.live, contract.columns_of_lists(lists)

    def records() -> list[Record]:
        return contract.parse_many(rows_as_json(lists))

    chosen = wanted or live.pick(lambda: sticky_bytes(live, request.environ, records))
    names = names_of(question.outputs, outputs_by(chosen))
    scores = timed_scores(chosen, columns)
    name, keys = question.id or trace().id, lists.get(contract.spec.key)
    worker.note_batch(
        Batch(live.role_of(chosen), chosen, columns, scores),
        lambda: predictions(name, chosen, scores, keys),
        lambda: rows_as_json(lists),
    )
    if len(scores) == 1 and wanted is None:  # a version named may be the shadow itself
        record, key = records()[0], encode(keys[0]) if keys else ""
        worker.compare(
            record, chosen.answer(first_score(scores)), f"{name}/0", key, rows_as_json(lists)[1:-1]
        )
    head = {"model_name": model, "model_version": chosen.version, "id": name}
    values = {**chosen.answers(scores), "key": np.array(lists.get(contract.spec.key, ()), dtype=object)}
    answer = {**head, "outputs": [tensor_of(name, names[name], values[name]) for name in names]}
    return Response(as_json(answer), content_type=JSON)  # in a seventh of the time of `json` for numbers


def timed_scores(predictor: Predictor, columns: Columns) -> np.ndarray:  # (n,) or (n, k)
    "Ask the model, and note version and time."
    started, noted = time.perf_counter(), trace()
    scores = predictor.scores(columns)
    noted.version, noted.model_seconds = predictor.version, time.perf_counter() - started
    return scores


def tensor_of(name: str, kind: str, values: np.ndarray) -> dict[str, Any]:
    "Write values as the protocol does: flat, with their shape."
    return {"name": name, "datatype": kind, "shape": list(values.shape), "data": values.ravel().tolist()}


def named_version(worker: State, model: str, version: str) -> Predictor | None:
    "Return the version of this name; None if any will do. Raises NotFound."
    name = worker.settings.model
    if model != name:
        raise NotFound(f"this server has the model {name} only; ask for /v2/models/{name}")
    named = next((predictor for _, predictor in worker.live.holders if predictor.version == version), None)
    if version and named is None:
        raise NotFound(f"that version of {name} is not loaded here; loaded: {', '.join(versions(worker))}")
    return named


def versions(worker: State) -> list[str]:
    "Every version that is loaded here."
    return sorted({predictor.version for _, predictor in worker.live.holders})


def tensors_of(name: str, versions: list[str], contract: Contract, chosen: Predictor) -> dict[str, Any]:
    "Metadata of the model, in the protocol's words."
    inputs = [{"name": f.name, "datatype": datatype(f), "shape": [-1]} for f in contract.fields]
    wide = {"probabilities": [-1, contract.target.width]}
    outputs = [
        {"name": name, "datatype": kind, "shape": wide.get(name, [-1])}
        for name, kind in outputs_by(chosen).items()
    ]
    return {
        "name": name,
        "versions": versions,
        "platform": "onnx" if chosen.path == "onnx" else "sklearn",
        "inputs": inputs,
        "outputs": outputs,
    }


def datatype(field: FieldSpec) -> str:
    "Return the protocol's type for a field."
    return DATATYPES.get(field.kind, "BYTES")


def parse(body: bytes, form: type[Inference]) -> Inference:
    "Parse the body. Raises BadInput if it is not one of the protocol's."
    if "HTTP_INFERENCE_HEADER_CONTENT_LENGTH" in request.environ:
        raise BadInput("binary tensors are not supported; send their data as JSON (binary_data=False)")
    try:
        return form.model_validate(from_json(body))  # in one step it would keep every repeated key
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise BadInput(f"the body is not an inference request: {where or 'it'}: {first['msg']}") from None
    except ValueError as error:
        raise BadInput(f"the body is not an inference request: it is not JSON ({error})") from None


def names_of(
    outputs: list[Output] | None,
    given: dict[str, str],  # the version's own, with their datatypes
) -> dict[str, str]:
    "Return the requested outputs, by default all. Raises BadInput if one is named twice, or not given."
    names = [output.name for output in outputs or ()] or list(given)
    if len(set(names)) < len(names):
        raise BadInput(f"an output is asked for twice; the outputs are {', '.join(given)}")
    if not given.keys() >= set(names):
        raise BadInput(f"this version has no interval; its outputs are {', '.join(given)}")
    return {name: given[name] for name in names}


def lists_of(
    tensors: list[Tensor],
    fields: dict[str, FieldSpec],
    most: int,  # records
) -> dict[str, list[Any]]:
    "Tensors as lists by name, for the contract to check. Raises BadInput where they do not fit together."
    columns: dict[str, list[Any]] = {}
    for tensor in tensors:
        field = fields.get(tensor.name)
        if field is None or tensor.name in columns:
            raise BadInput(f"an input is unknown or comes twice; the inputs are {', '.join(fields)}")
        columns[tensor.name] = values_of(tensor, field)
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        raise BadInput("all inputs must be there and have the same length")
    if max(lengths) > most:
        raise BadInput(f"{max(lengths)} records in one request; at most {most} are answered")
    return columns


def values_of(tensor: Tensor, field: FieldSpec) -> list[Any]:
    "Return the values of one column: flat, or one in each row. Raises BadInput."
    wanted = datatype(field)
    if tensor.datatype not in FITTING[wanted]:
        raise BadInput(f"input {field.name} must be of datatype {wanted}")
    data = tensor.data
    if list in set(map(type, data)):
        data = [item[0] if isinstance(item, list) and len(item) == 1 else item for item in data]
    if tensor.shape not in ([len(data)], [len(data), 1]):
        raise BadInput(f"input {field.name} must have the shape [n] or [n, 1] of its data")
    return data
