"""The routes that answer: one record, a list of records, and the floor that both are measured against."""

from typing import Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from goldenpath.errors import BadInput
from goldenpath.inference.explanation import Explanation
from serving.http import JSON, JsonReply, Operation, described, json_body
from serving.state import state
from serving.trace import trace

predict_routes = Blueprint("predict", __name__)
REFUSALS = (400, 413, 415, 422, 502, 504)


class Labelled(TypedDict):
    "What a version says of one record: the parts that an answer has for the contract's target."


class PredictionReply(JsonReply):
    "The answer to one record: the parts that an answer has for the contract's target, and its version."

    version: str
    explanation: Explanation | None = None  # only if it is asked for


class PredictionsReply(JsonReply):
    "The answers to a list of records, in its order."

    version: str
    predictions: list[Labelled]


class FloorReply(BaseModel):
    "A constant."

    model_config = ConfigDict(extra="forbid")

    floor: Literal[True]


@predict_routes.post("/predict", endpoint="predict")
@described(Operation(PredictionReply, body="Record", refusals=REFUSALS, sticky=True, explains=True))
def predict_one() -> Response:
    "Answer one record; with `explain=true`, say what each field contributed to the answer."
    answer = state().predict(json_body(), request.environ, trace(), is_explained())
    return Response(answer, content_type=JSON)


def is_explained() -> bool:
    "Say whether the caller asks for an explanation. Raises BadInput for a value that is neither yes nor no."
    if not request.environ.get("QUERY_STRING"):
        return False
    value = request.args.get("explain", "false")
    if value not in ("true", "false"):
        raise BadInput("explain must be true or false")
    return value == "true"


@predict_routes.post("/predict/batch", endpoint="batch")
@described(Operation(PredictionsReply, body="Batch", refusals=REFUSALS, sticky=True))
def predict_many() -> Response:
    "Answer a list of records in its order, all by one version."
    return Response(state().predict_batch(json_body(), request.environ, trace()), content_type=JSON)


@predict_routes.post("/floor")
@described(Operation(FloorReply, body="Anything", refusals=(413, 415)))
def floor() -> Response:
    "Read the body and answer a constant: what the web server and Flask cost, without a model."
    json_body()
    return Response(b'{"floor":true}', content_type=JSON)
