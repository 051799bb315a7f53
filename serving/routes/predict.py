"""The routes that answer: one record, a list of records, and the floor that both are measured against."""

import time
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from goldenpath.errors import BadInput
from goldenpath.schema.contract import Record
from serving.http import JSON, JsonReply, Operation, described, json_body, predictions
from serving.models import Live
from serving.state import state, sticky_key
from serving.trace import trace

predict_routes = Blueprint("predict", __name__)
REFUSALS = (400, 413, 415, 422, 502, 504)


class Labelled(TypedDict):
    "What a version says of one record."

    label: str
    probability: Annotated[float, Field(ge=0, le=1)]  # of the positive outcome


class PredictionReply(JsonReply):
    "The answer to one record."

    label: str
    probability: float = Field(ge=0, le=1)  # of the positive outcome
    version: str


class PredictionsReply(JsonReply):
    "The answers to a list of records, in its order."

    version: str
    predictions: list[Labelled]


class FloorReply(BaseModel):
    "A constant."

    model_config = ConfigDict(extra="forbid")

    floor: Literal[True]


@predict_routes.post("/predict", endpoint="predict")
@described(Operation(PredictionReply, body="Record", refusals=REFUSALS, sticky=True))
def predict_one() -> Response:
    "Answer one record; what the lane could not answer arrives with its fault."
    noted = trace()
    if noted.fault:
        raise noted.fault
    return Response(state().predict(json_body(), request.environ, noted), content_type=JSON)


@predict_routes.post("/predict/batch", endpoint="batch")
@described(Operation(PredictionsReply, body="Batch", refusals=REFUSALS, sticky=True))
def predict_many() -> Response:
    "Answer a list of records in its order, all by one version."
    worker, noted = state(), trace()
    contract, live, body = worker.contract, worker.live, json_body()
    columns = contract.columns_of_body(body)
    count, most = len(next(iter(columns.values()))), worker.settings.max_batch
    if count > most:
        raise BadInput(f"{count} records in one batch; at most {most} are answered")
    predictor = live.pick(lambda: sticky_bytes(live, lambda: contract.parse_many(body)))
    started = time.perf_counter()
    probabilities = predictor.probabilities(columns)
    noted.version, noted.model_seconds = predictor.version, time.perf_counter() - started
    answers = predictions(noted.id, predictor.version, predictor.labels(probabilities), probabilities)
    return Response(answers, content_type=JSON)


@predict_routes.post("/floor")
@described(Operation(FloorReply, body="Anything", refusals=(413, 415)))
def floor() -> Response:
    "Read the body and answer a constant: what the web server and Flask cost, without a model."
    json_body()
    return Response(b'{"floor":true}', content_type=JSON)


def sticky_bytes(live: Live, records: Callable[[], Sequence[Record]]) -> bytes:
    "Return the key of several records, which keep the same version however they are written."
    key = sticky_key(live, request.environ)
    return (key or "".join(record.model_dump_json() for record in records())).encode()
