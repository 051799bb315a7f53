"""The Open Inference Protocol, version 2, over REST: one tensor for each column of the contract.

Protocol: https://github.com/kserve/open-inference-protocol (inference_rest.yaml, required_api.md).
Binary tensors, an extension of it, are not spoken.
"""

import json
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import from_json
from werkzeug.exceptions import NotFound

from goldenpath import __version__
from goldenpath.errors import BadInput
from goldenpath.predict import Answer, Predictor
from goldenpath.schema.contract import Contract, Record
from goldenpath.schema.fields import FieldSpec
from serving.http import reply, unpacked_body
from serving.models import Models
from serving.routes.about import Draining, champion_of
from serving.routes.predict import sticky_bytes
from serving.trace import trace

DATATYPES = {"integer": "INT64", "number": "FP64", "boolean": "BOOL"}  # by kind of the field; else BYTES
INTEGERS = tuple(f"{kind}{bits}" for kind in ("INT", "UINT") for bits in (8, 16, 32, 64))
NUMBERS = (*INTEGERS, "FP16", "FP32", "FP64")
FITTING = {  # what a caller may send for it
    "INT64": NUMBERS,  # whole floats are integers; the contract refuses the others
    "FP64": NUMBERS,
    "BOOL": ("BOOL",),
    "BYTES": ("BYTES",),
}
OUTPUTS = ("label", "probability")
SPARE = 100  # inputs beyond the contract's columns; a longer list is not read to its end


class Part(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)


class Tensor(Part):
    name: str
    shape: list[int] = Field(min_length=1, max_length=2, fail_fast=True)
    datatype: str
    data: list[Any]


class Output(Part):
    name: Literal["label", "probability"]


class Inference(Part):
    "The body of a request; further keys are allowed and not used."

    id: str | None = Field(None, pattern=r"^[A-Za-z0-9_.:-]{1,64}$")
    inputs: list[Tensor] = Field(fail_fast=True)
    outputs: Annotated[list[Output], Field(fail_fast=True, max_length=len(OUTPUTS))] | None = None


def body_for(columns: int) -> type[Inference]:
    "The body for a contract of so many columns."
    inputs = Field(max_length=columns + SPARE, fail_fast=True)
    return create_model("Inference", __base__=Inference, inputs=(list[Tensor], inputs))


def routes(
    name: str,
    contract: Contract,
    models: Models,
    max_batch: int,  # records
    draining: Draining,
    answered: Callable[[Record, Answer], None],  # told of every answer to a single record
) -> Blueprint:
    "The blueprint, below /v2."
    api = Blueprint("open_inference", __name__, url_prefix="/v2")
    fields = {field.name: field for field in contract.fields}
    spoken = body_for(len(fields))

    @api.get("")
    def server() -> Response:
        "What this server is."
        return reply({"name": "goldenpath", "version": __version__, "extensions": []}, with_id=False)

    @api.get("/health/live")
    def live() -> Response:
        "The process answers."
        return reply({"live": True}, with_id=False)

    @api.get("/health/ready")
    def ready() -> Response:
        "There is a model to answer with."
        good = models.live.champion is not None and not draining()
        return reply({"ready": good}, 200 if good else 503, with_id=False)

    @api.get("/models/<model>")
    @api.get("/models/<model>/versions/<version>")
    def metadata(model: str, version: str = "") -> Response:
        "The tensors that the model takes and gives."
        chosen = held(model, version) or champion_of(models.live)
        return reply(described(name, versions(), contract, chosen), with_id=False)

    @api.get("/models/<model>/ready")
    @api.get("/models/<model>/versions/<version>/ready")
    def model_ready(model: str, version: str = "") -> Response:
        "The model is loaded."
        chosen, good = held(model, version) or champion_of(models.live), not draining()
        told = {"name": name, "version": chosen.version, "ready": good}
        return reply(told, 200 if good else 503, with_id=False)

    @api.post("/models/<model>/infer")
    @api.post("/models/<model>/versions/<version>/infer")
    def infer(model: str, version: str = "") -> Response:
        "Answer the records that the tensors hold."
        body = unpacked_body()
        wanted = held(model, version)
        asked = parse(body, spoken)
        names = names_of(asked.outputs)
        records = contract.parse_many(json.dumps(rows_of(asked.inputs, fields, max_batch)))
        chosen = wanted or models.live.pick(lambda: sticky_bytes(models, records))
        started, noted = time.perf_counter(), trace()
        probabilities = chosen.probabilities(contract.columns_of(records))
        noted.version, noted.model_seconds = chosen.version, time.perf_counter() - started
        labels, floats = chosen.labels(probabilities).tolist(), probabilities.tolist()
        if len(records) == 1 and wanted is None:  # a version named may be the shadow itself
            answered(records[0], Answer(labels[0], floats[0], chosen.version))
        columns = {"label": ("BYTES", labels), "probability": ("FP64", floats)}
        outputs = [
            {"name": one, "datatype": columns[one][0], "shape": [len(records)], "data": columns[one][1]}
            for one in names
        ]
        told = {"model_name": name, "model_version": chosen.version, "id": asked.id or noted.id}
        return reply({**told, "outputs": outputs}, with_id=False)

    def held(model: str, version: str) -> Predictor | None:
        "The version that is asked for by name; None where any will do."
        if model != name:
            raise NotFound(f"this server has the model {name} only; ask for /v2/models/{name}")
        found = next((one for _, one in models.live.holders if one.version == version), None)
        if version and found is None:
            raise NotFound(f"that version of {name} is not loaded here; loaded: {', '.join(versions())}")
        return found

    def versions() -> list[str]:
        return sorted({predictor.version for _, predictor in models.live.holders})

    return api


def described(name: str, versions: list[str], contract: Contract, chosen: Predictor) -> dict[str, Any]:
    "Metadata of the model, in the protocol's words."
    inputs = [{"name": f.name, "datatype": datatype(f), "shape": [-1]} for f in contract.fields]
    outputs = [
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
        {"name": "probability", "datatype": "FP64", "shape": [-1]},
    ]
    return {
        "name": name,
        "versions": versions,
        "platform": "onnx" if chosen.path == "onnx" else "sklearn",
        "inputs": inputs,
        "outputs": outputs,
    }


def datatype(field: FieldSpec) -> str:
    "The protocol's type for a field."
    return DATATYPES.get(field.kind, "BYTES")


def parse(body: bytes, spoken: type[Inference]) -> Inference:
    "Raises BadInput where the body is none of the protocol's."
    if "Inference-Header-Content-Length" in request.headers:
        raise BadInput("binary tensors are not spoken here; send their data as JSON (binary_data=False)")
    try:
        return spoken.model_validate(from_json(body))  # in one step it would keep every repeated key
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise BadInput(f"the body is no inference request: {where or 'it'}: {first['msg']}") from None
    except ValueError as error:
        raise BadInput(f"the body is no inference request: it is not JSON ({error})") from None


def names_of(outputs: list[Output] | None) -> list[str]:
    "The outputs to give, all where none is named. Raises BadInput where one is named twice."
    names = [str(output.name) for output in outputs or ()] or list(OUTPUTS)
    if len(set(names)) < len(names):
        raise BadInput(f"an output is asked for twice; the outputs are {', '.join(OUTPUTS)}")
    return names


def rows_of(
    tensors: list[Tensor],
    fields: dict[str, FieldSpec],
    most: int,  # records
) -> list[dict[str, Any]]:
    "Tensors as records, for the contract to check. Raises BadInput where they do not fit together."
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
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def values_of(tensor: Tensor, field: FieldSpec) -> list[Any]:
    "The values of one column: flat, or one in each row. Raises BadInput."
    wanted = datatype(field)
    if tensor.datatype not in FITTING[wanted]:
        raise BadInput(f"input {field.name} must be of datatype {wanted}")
    data = [one[0] if isinstance(one, list) and len(one) == 1 else one for one in tensor.data]
    if tensor.shape not in ([len(data)], [len(data), 1]):
        raise BadInput(f"input {field.name} must have the shape [n] or [n, 1] of its data")
    return data
