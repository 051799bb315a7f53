"""The shapes of what goes in and out, for the OpenAPI description."""

from typing import Any

from goldenpath.schema import golden
from goldenpath.schema.contract import Contract
from serving.tokens import OPEN

REQUESTS = {  # by endpoint: the schema of the body
    "predict.predict": "Record",
    "predict.batch": "Batch",
    "predict.floor": "Anything",
    "open_inference.infer": "Inference",
}
ANSWERS = {  # by endpoint: the schema of a good answer
    "predict.predict": "Prediction",
    "predict.batch": "Predictions",
    "predict.floor": "Floor",
    "about.model": "Model",
    "about.record_schema": "JsonSchema",
    "about.live": "Alive",
    "about.ready": "Ready",
    "figures.show": "Figures",
    "open_inference.server": "Anything",
    "open_inference.live": "Anything",
    "open_inference.ready": "Anything",
    "open_inference.metadata": "Anything",
    "open_inference.model_ready": "Anything",
    "open_inference.infer": "Inferred",
}
MEANING = {
    200: "A good answer",
    400: "The body cannot be read",
    401: "A token is needed",
    404: "There is no such model or version here",
    413: "The body is too large",
    415: "The body is not said to be JSON, or is compressed",
    422: "The record breaks the contract",
    502: "The backend failed",
    504: "The backend took too long",
    503: "No model, too many requests at once, or about to stop",
}
SAME_WHEN_NOT_READY = {"about.ready", "open_inference.ready", "open_inference.model_ready"}
NAMED = {"open_inference.metadata", "open_inference.model_ready", "open_inference.infer"}

STICKY = {"predict.predict", "predict.batch", "open_inference.infer"}

STRING = {"type": "string"}
NUMBER = {"type": "number"}
BOOLEAN = {"type": "boolean"}
MAYBE = {"type": ["string", "null"]}
TEXTS = {"type": "array", "items": STRING}


def statuses(endpoint: str, tokens: bool) -> list[int]:
    "Every status that an endpoint may answer with."
    found = {200, 503}
    if endpoint in REQUESTS:
        found |= {400, 413, 415, 422}
        found |= {502, 504}
    if endpoint == "predict.floor":
        found -= {400, 422, 502, 504}
    if endpoint == "open_inference.infer":
        found -= {415}
    if endpoint in NAMED:
        found |= {404}
    if tokens and endpoint not in OPEN:
        found |= {401}
    return sorted(found)


def components(contract: Contract) -> dict[str, Any]:
    "All schemas by name."
    record = contract.json_schema()
    record["examples"] = [example(contract)]
    outcome = {"enum": [contract.target.negative, contract.target.positive]}
    probability = {"type": "number", "minimum": 0, "maximum": 1}
    one = {"label": outcome, "probability": probability}
    return {
        "Record": record,
        "Batch": {"type": "array", "items": reference("Record")},
        "Prediction": made({"id": STRING, **one, "version": STRING}),
        "Predictions": made(
            {"id": STRING, "version": STRING, "predictions": {"type": "array", "items": made(one)}}
        ),
        "Floor": made({"floor": {"const": True}}),
        "Model": made({"id": STRING, "model": STRING, "version": STRING, "threshold": NUMBER}, more=True),
        "JsonSchema": {"type": "object"},
        "Alive": made({"id": STRING, "live": {"const": True}}),
        "Ready": made({"id": STRING, "ready": BOOLEAN, "version": MAYBE, "problems": TEXTS}, ["id", "ready"]),
        "Figures": made({"id": STRING, "requests": NUMBER, "roles": {"type": "object"}}, more=True),
        "Anything": {},
        "Error": made(
            {"id": STRING, "error": STRING, "problems": {"type": "array", "items": reference("Problem")}},
            needed=["id", "error"],
        ),
        "Problem": made({"field": STRING, "problem": STRING, "index": {"type": ["integer", "null"]}}),
        "Inference": inference(contract),
        "Inferred": made(
            {"model_name": STRING, "model_version": STRING, "id": STRING, "outputs": {"type": "array"}}
        ),
    }


def inference(contract: Contract) -> dict[str, Any]:
    "The body of the Open Inference Protocol."
    names = [field.name for field in contract.fields]
    tensor = made(
        {
            "name": {"enum": names},
            "shape": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
            "datatype": {"enum": ["BYTES", "BOOL", "INT64", "FP64"]},
            "data": {"type": "array"},
        },
        more=True,
    )
    output = made({"name": {"enum": ["label", "probability"]}}, more=True)
    return made(
        {
            "id": {"type": "string", "pattern": r"^[A-Za-z0-9_.:-]{1,64}$"},
            "inputs": {"type": "array", "items": tensor, "minItems": 1, "maxItems": len(names)},
            "outputs": {"type": "array", "items": output, "maxItems": 2},
        },
        needed=["inputs"],
        more=True,
    )


def made(properties: dict[str, Any], needed: list[str] | None = None, more: bool = False) -> dict[str, Any]:
    "An object's schema; all its properties are there unless `needed` says which."
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if needed is None else needed,
        "additionalProperties": more,
    }


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def example(contract: Contract) -> dict[str, Any]:
    "One record that keeps the contract."
    drawn = golden.pool(contract.spec, 1, seed=1)
    return dict(drawn.records[-1])
