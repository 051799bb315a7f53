"""OpenAPI 3.1 made from the contract and the routes, and a page that shows it without any external asset."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response, render_template
from werkzeug.routing import Rule

from goldenpath import __version__
from goldenpath.schema.contract import Contract
from serving import schemas
from serving.headers import secure
from serving.replies import reply
from serving.tokens import OPEN

HIDDEN = {"assets.static", "page.ask", "openapi.describe", "openapi.docs"}  # for browsers
JSON = "application/json"
STICKY_KEY = {
    "name": "X-Sticky-Key",
    "in": "header",
    "description": "Callers with the same key are answered by the same version while there is a challenger",
    "schema": {"type": "string"},
}
PLAIN = {"page.show": "text/html", "metrics.show": "text/plain"}


def routes(app: Flask, contract: Contract, name: str, tokens: bool) -> Blueprint:
    "The blueprint; must be made when all other routes are there."
    told = document(app, contract, name, tokens)
    api = Blueprint("openapi", __name__)

    @api.get("/openapi.json")
    def describe() -> Response:
        "This description."
        return reply(told, with_id=False)

    @api.get("/docs")
    def docs() -> str:
        "This description as a page."
        return render_template(
            "docs.html", told=told, fields=contract.fields, example=schemas.example(contract)
        )

    return secure(api)


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
        "components": {"schemas": schemas.components(contract), "securitySchemes": bearer if tokens else {}},
        **({"security": [{"bearer": []}]} if tokens else {}),
    }


def operation(rule: Rule, method: str, view: Callable[..., Any], name: str, tokens: bool) -> dict[str, Any]:
    "One method of one address."
    body = schemas.REQUESTS.get(rule.endpoint)
    statuses = schemas.statuses(rule.endpoint, tokens)
    made: dict[str, Any] = {
        "operationId": f"{rule.endpoint.replace('.', '_')}_{len(rule.arguments)}_{method.lower()}",
        "summary": (view.__doc__ or "").strip(),
        "responses": {str(status): answer(rule.endpoint, status) for status in statuses},
    }
    parameters = [path_parameter(one, name) for one in sorted(rule.arguments)]
    if rule.endpoint in schemas.STICKY:
        parameters.append(STICKY_KEY)
    if parameters:
        made["parameters"] = parameters
    if tokens and rule.endpoint in OPEN:
        made["security"] = []
    if body:
        made["requestBody"] = {"required": True, "content": {JSON: {"schema": schemas.reference(body)}}}
    return made


def path_parameter(argument: str, name: str) -> dict[str, Any]:
    "A part of an address."
    schema: dict[str, Any] = {"enum": [name]} if argument == "model" else {"type": "string", "minLength": 1}
    return {"name": argument, "in": "path", "required": True, "schema": schema}


def answer(endpoint: str, status: int) -> dict[str, Any]:
    "What is answered with this status."
    said: dict[str, Any] = {"description": schemas.MEANING[status]}
    if status == 503 and endpoint in schemas.SAME_WHEN_NOT_READY:
        status = 200
    if endpoint in PLAIN and status == 200:
        said["content"] = {PLAIN[endpoint]: {"schema": {"type": "string"}}}
    else:
        name = schemas.ANSWERS[endpoint] if status == 200 else "Error"
        said["content"] = {JSON: {"schema": schemas.reference(name)}}
    return said
