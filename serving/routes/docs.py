"""OpenAPI 3.1 made from the contract and the routes, and a page that shows it without any external asset."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, render_template
from werkzeug.routing import Rule

from goldenpath import __version__
from goldenpath.schema import golden
from goldenpath.schema.contract import Contract
from serving.guards import OPEN, secure
from serving.http import JSON, reply
from serving.state import state

HIDDEN = {"assets.static", "page.ask", "openapi.describe", "openapi.docs"}  # for browsers
STICKY_KEY = {
    "name": "X-Sticky-Key",
    "in": "header",
    "description": "Callers with the same key are answered by the same version while there is a challenger",
    "schema": {"type": "string"},
}
_PLAIN = {"page.show": "text/html", "metrics.show": "text/plain"}

routes = secure(Blueprint("openapi", __name__))


@routes.get("/openapi.json")
def describe() -> Response:
    "This description."
    return reply(description(), with_id=False)


@routes.get("/docs")
def docs() -> str:
    "This description as a page."
    contract = state().contract
    return render_template(
        "docs.html", description=description(), fields=contract.fields, example=example(contract)
    )


def description() -> dict[str, Any]:
    "Describe this application; made once, at the first request."
    worker = state()
    return document(
        cast(Flask, current_app._get_current_object()),  # type: ignore[attr-defined]
        worker.contract,
        worker.settings.model,
        bool(worker.settings.tokens_file),
    )


@lru_cache(1)
def document(app: Flask, contract: Contract, name: str, tokens: bool) -> dict[str, Any]:
    "The whole description."
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.endpoint not in HIDDEN:
            methods = paths.setdefault(rule.rule.replace("<", "{").replace(">", "}"), {})
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                view = app.view_functions[rule.endpoint]
                methods[method.lower()] = operation(rule, method, view, name, tokens)
    bearer = {"bearer": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{name} predictions", "version": __version__},
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {"schemas": components(contract), "securitySchemes": bearer if tokens else {}},
        **({"security": [{"bearer": []}]} if tokens else {}),
    }


def operation(rule: Rule, method: str, view: Callable[..., Any], name: str, tokens: bool) -> dict[str, Any]:
    "One method of one address."
    body = REQUESTS.get(rule.endpoint)
    described: dict[str, Any] = {
        "operationId": f"{rule.endpoint.replace('.', '_')}_{len(rule.arguments)}_{method.lower()}",
        "summary": (view.__doc__ or "").strip(),
        "responses": {
            str(status): answer(rule.endpoint, status) for status in statuses(rule.endpoint, tokens)
        },
    }
    parameters = [path_parameter(one, name) for one in sorted(rule.arguments)]
    if rule.endpoint in STICKY:
        parameters.append(STICKY_KEY)
    if parameters:
        described["parameters"] = parameters
    if tokens and rule.endpoint in OPEN:
        described["security"] = []
    if body:
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": reference(body)}}}
    return described


def path_parameter(argument: str, name: str) -> dict[str, Any]:
    "A part of an address."
    schema: dict[str, Any] = {"enum": [name]} if argument == "model" else {"type": "string", "minLength": 1}
    return {"name": argument, "in": "path", "required": True, "schema": schema}


def answer(endpoint: str, status: int) -> dict[str, Any]:
    "What is answered with this status."
    said: dict[str, Any] = {"description": MEANING[status]}
    if status == 503 and endpoint in SAME_WHEN_NOT_READY:
        status = 200
    if endpoint in _PLAIN and status == 200:
        said["content"] = {_PLAIN[endpoint]: {"schema": {"type": "string"}}}
    else:
        name = _ANSWERS[endpoint] if status == 200 else "Error"
        said["content"] = {JSON: {"schema": reference(name)}}
    return said


REQUESTS = {  # by endpoint: the schema of the body
    "predict.predict": "Record",
    "predict.batch": "Batch",
    "predict.floor": "Anything",
    "open_inference.infer": "Inference",
}
_ANSWERS = {  # by endpoint: the schema of a good answer
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
_NUMBER = {"type": "number"}
BOOLEAN = {"type": "boolean"}
MAYBE = {"type": ["string", "null"]}
_TEXTS = {"type": "array", "items": STRING}


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
        "Model": made({"id": STRING, "model": STRING, "version": STRING, "threshold": _NUMBER}, more=True),
        "JsonSchema": {"type": "object"},
        "Alive": made({"id": STRING, "live": {"const": True}}),
        "Ready": made(
            {"id": STRING, "ready": BOOLEAN, "version": MAYBE, "problems": _TEXTS}, ["id", "ready"]
        ),
        "Figures": made({"id": STRING, "requests": _NUMBER, "roles": {"type": "object"}}, more=True),
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
