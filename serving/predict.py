"""The routes that answer: one record, a list of records, and the floor that both are measured against."""

from flask import Blueprint, Response, request
from werkzeug.exceptions import UnsupportedMediaType

from goldenpath.rails.contract import Contract
from goldenpath.rails.errors import BadInput
from goldenpath.rails.settings import Settings
from serving.models import Models
from serving.replies import JSON, reply


def routes(settings: Settings, contract: Contract, models: Models) -> Blueprint:
    "The blueprint, with what it answers by."
    api = Blueprint("predict", __name__)

    @api.post("/predict")
    def predict() -> Response:
        "Answer one record."
        record = contract.parse(json_body())
        answer = models.live.pick().one(record)
        return reply({"label": answer.label, "probability": answer.probability, "version": answer.version})

    @api.post("/predict/batch")
    def batch() -> Response:
        "Answer a list of records in its order, all by one version."
        records = contract.parse_many(json_body())
        if len(records) > settings.max_batch:
            raise BadInput(f"{len(records)} records in one batch; at most {settings.max_batch} are answered")
        predictor = models.live.pick()
        probabilities = predictor.probabilities(contract.columns_of(records))
        pairs = zip(predictor.labels(probabilities).tolist(), probabilities.tolist(), strict=True)
        answers = [{"label": label, "probability": probability} for label, probability in pairs]
        return reply({"version": predictor.version, "predictions": answers})

    @api.post("/floor")
    def floor() -> Response:
        "Read the body and answer a constant: what the web server and Flask cost, without a model."
        json_body()
        return Response(b'{"floor":true}', content_type=JSON)

    return api


def json_body() -> bytes:
    "The body as it came. Raises UnsupportedMediaType (415) where it is not said to be JSON."
    if request.environ.get("CONTENT_TYPE") != JSON and request.mimetype != JSON:
        raise UnsupportedMediaType(f"send the record as JSON, with the header Content-Type: {JSON}")
    return request.get_data(cache=False)
