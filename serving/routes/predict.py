"""The routes that answer: one record, a list of records, and the floor that both are measured against."""

import time
from collections.abc import Callable, Sequence

from flask import Blueprint, Response, request

from goldenpath.errors import BadInput
from goldenpath.predict import Answer
from goldenpath.schema.contract import Contract, Record
from serving.asking import Ask
from serving.http import JSON, json_body, prediction, reply
from serving.models import Models
from serving.trace import trace


def routes(
    ask: Ask,
    contract: Contract,
    models: Models,
    max_batch: int,  # records
    answered: Callable[[Record, Answer], None],  # told of every answer to a single record
) -> Blueprint:
    "The blueprint, with what it answers by."
    api = Blueprint("predict", __name__)

    @api.post("/predict")
    def predict() -> Response:
        "Answer one record."
        asked = ask(json_body(), sticky_key(models))
        noted, answer = trace(), asked.answer
        noted.version, noted.model_seconds = answer.version, asked.seconds
        answered(asked.record, answer)
        return Response(prediction(noted.id, answer), content_type=JSON)

    @api.post("/predict/batch")
    def batch() -> Response:
        "Answer a list of records in its order, all by one version."
        records = contract.parse_many(json_body())
        if len(records) > max_batch:
            raise BadInput(f"{len(records)} records in one batch; at most {max_batch} are answered")
        predictor = models.live.pick(lambda: sticky_bytes(models, records))
        started, noted = time.perf_counter(), trace()
        probabilities = predictor.probabilities(contract.columns_of(records))
        noted.version, noted.model_seconds = predictor.version, time.perf_counter() - started
        pairs = zip(predictor.labels(probabilities).tolist(), probabilities.tolist(), strict=True)
        answers = [{"label": label, "probability": probability} for label, probability in pairs]
        return reply({"version": predictor.version, "predictions": answers})

    @api.post("/floor")
    def floor() -> Response:
        "Read the body and answer a constant: what the web server and Flask cost, without a model."
        json_body()
        return Response(b'{"floor":true}', content_type=JSON)

    return api


def sticky_key(models: Models) -> str:
    "What keeps a caller with the same version while there is a challenger."
    return request.headers.get("X-Sticky-Key", "") if models.live.challenger else ""


def sticky_bytes(models: Models, records: Sequence[Record]) -> bytes:
    "The same for several records, which stay with a version themselves, however they were written."
    return (sticky_key(models) or "".join(record.model_dump_json() for record in records)).encode()
