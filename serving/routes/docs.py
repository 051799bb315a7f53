"""OpenAPI 3.1 made from the contract and the routes, and a page that shows it without any external asset."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, render_template
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from werkzeug.routing import Rule

from goldenpath import __version__
from goldenpath.schema import golden
from goldenpath.schema.contract import Contract
from serving.guards import OPEN, secure
from serving.http import JSON, OPERATIONS, ErrorReply, Operation, reply_as_is
from serving.routes.inference import outputs_of
from serving.routes.outcomes import outcome_schema
from serving.state import state

HIDDEN = {"assets.static", "page.ask", "openapi.describe", "openapi.docs"}  # for browsers
STICKY_KEY = {
    "name": "X-Sticky-Key",
    "in": "header",
    "description": "Callers with the same key are answered by the same version while there is a challenger",
    "schema": {"type": "string"},
}

EXPLAIN = {
    "name": "explain",
    "in": "query",
    "description": "true adds what each field contributed to the answer",
    "schema": {"enum": ["true", "false"], "default": "false"},
}

docs_routes = secure(Blueprint("openapi", __name__))


@docs_routes.get("/openapi.json", endpoint="describe")
def describe_api() -> Response:
    "Return this OpenAPI description."
    return reply_as_is(description())


@docs_routes.get("/docs")
def docs() -> str:
    "Show this description as a page."
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
    "Build the whole description."
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
    noted = OPERATIONS[view]
    opened = rule.endpoint in OPEN
    statuses = {200, 503, *noted.refusals, *([401] if tokens and not opened else [])}
    described: dict[str, Any] = {
        "operationId": f"{rule.endpoint.replace('.', '_')}_{len(rule.arguments)}_{method.lower()}",
        "summary": (view.__doc__ or "").strip(),
        "responses": {str(status): response(noted, status) for status in sorted(statuses)},
    }
    parameters = [path_parameter(argument, name) for argument in sorted(rule.arguments)]
    if noted.sticky:
        parameters.append(STICKY_KEY)
    if noted.explains:
        parameters.append(EXPLAIN)
    if parameters:
        described["parameters"] = parameters
    if tokens and opened:
        described["security"] = []
    if noted.body:
        content = {JSON: {"schema": schema_named(noted.body)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def path_parameter(argument: str, name: str) -> dict[str, Any]:
    "Describe a path parameter."
    schema: dict[str, Any] = {"enum": [name]} if argument == "model" else {"type": "string", "minLength": 1}
    return {"name": argument, "in": "path", "required": True, "schema": schema}


def response(noted: Operation, status: int) -> dict[str, Any]:
    "Describe the response with this status."
    good = status == 200 or (status == 503 and noted.reply_if_not_ready)
    if good and noted.text:
        content = {noted.text: {"schema": {"type": "string"}}}
    elif good:
        content = {JSON: {"schema": schema_named(component(noted.reply) if noted.reply else "Anything")}}
    else:
        content = {JSON: {"schema": schema_named("Error")}}
    return {"description": MEANING[status], "content": content}


MEANING = {
    200: "Success",
    400: "The body cannot be read",
    401: "A token is required",
    404: "There is no such model or version here",
    413: "The body is too large",
    415: "The Content-Type is not application/json, or the body is compressed",
    422: "The record breaks the contract",
    502: "The backend failed",
    503: "No model, too many requests at once, or about to stop",
    504: "The backend took too long",
}


class Plainly(GenerateJsonSchema):
    "JSON Schema without the titles that pydantic makes of names."

    def field_title_should_be_set(self, schema: Any) -> bool:
        "Say that no field has a title."
        return False


def component(reply: type[BaseModel]) -> str:
    "Return the name of a response in the description."
    return reply.__name__.removesuffix("Reply")


def components(contract: Contract) -> dict[str, Any]:
    "All schemas by name: those of the replies from their models, those of the bodies from the contract."
    record = contract.json_schema()
    record["examples"] = [example(contract)]
    schemas = {
        "Record": record,
        "Batch": {"type": "array", "items": schema_named("Record")},
        "Anything": {},
        "Outcome": outcome_schema(contract),
        "Outcomes": {"type": "array", "items": schema_named("Outcome"), "minItems": 1},
        "Inference": inference(contract),
    }
    replies: dict[str, Any] = {}
    models: list[type[BaseModel]] = [noted.reply for noted in OPERATIONS.values() if noted.reply]
    models.append(ErrorReply)
    for model in models:
        schema = model.model_json_schema(
            mode="serialization", schema_generator=Plainly, ref_template="#/components/schemas/{model}"
        )
        replies |= schema.pop("$defs", {}) | {component(model): schema}
    for schema in replies.values():
        schema.pop("title", None)
    for name in ("Prediction", "Labelled"):
        parts = {**replies[name].get("properties", {}), **answer_parts(contract)}
        needed = [part for part in parts if part != "explanation"]
        replies[name] = replies[name] | {"properties": parts, "required": needed}
    replies["Problem"]["required"] = [*replies["Problem"]["properties"]]  # `reply` writes them all
    return schemas | replies


def answer_parts(contract: Contract) -> dict[str, Any]:
    "Describe each part of an answer by its name."
    schemas = contract.record.model_json_schema(by_alias=True, mode="serialization")["properties"]
    return {**({"key": schemas[contract.spec.key]} if contract.spec.key else {}), **contract.target.reply}


def inference(contract: Contract) -> dict[str, Any]:
    "Describe the body of the Open Inference Protocol."
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
    outputs = list(outputs_of(contract))
    output = made({"name": {"enum": outputs}}, more=True)
    return made(
        {
            "id": {"type": "string", "pattern": r"^[A-Za-z0-9_.:-]{1,64}$"},
            "inputs": {"type": "array", "items": tensor, "minItems": 1, "maxItems": len(names)},
            "outputs": {"type": "array", "items": output, "maxItems": len(outputs)},
        },
        needed=["inputs"],
        more=True,
    )


def made(properties: dict[str, Any], needed: list[str] | None = None, more: bool = False) -> dict[str, Any]:
    "Build an object's schema; all its properties are required unless `needed` lists them."
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if needed is None else needed,
        "additionalProperties": more,
    }


def schema_named(name: str) -> dict[str, str]:
    "Build a reference to a schema."
    return {"$ref": f"#/components/schemas/{name}"}


def example(contract: Contract) -> dict[str, Any]:
    "One record that keeps the contract."
    drawn = golden.pool(contract.spec, 1, seed=1)
    return dict(drawn.records[-1])
