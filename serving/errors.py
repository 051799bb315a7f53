"""Errors as JSON with the right status: what was wrong and the way out, never a value that was sent."""

import traceback
from types import TracebackType
from typing import TypeAlias

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from goldenpath.errors import BadInput, GoldenpathError, NoModel
from goldenpath.schema.contract import Broken, Malformed
from serving.backend import BackendFailed, BackendTimeout
from serving.bodies import discard_body
from serving.replies import reply

ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

STATUS: dict[type[GoldenpathError], int] = {
    Malformed: 400,
    Broken: 422,
    BadInput: 400,
    NoModel: 503,
    BackendFailed: 502,
    BackendTimeout: 504,
}
WAYS_OUT = {
    404: "there is no such address here",
    405: "this address does not take that method; the header Allow names those that it takes",
    413: "the body is too large",
    500: "something went wrong here; the server's log has more under this id",
}


def install(app: Flask) -> None:
    "Handlers for our own errors and for those that Flask raises."
    for kind, status in STATUS.items():
        app.register_error_handler(kind, _ours(status))
    app.register_error_handler(HTTPException, _flasks)


def _ours(status: int):  # type: ignore[no-untyped-def]  # Flask's own type for handlers is internal
    def handle(error: GoldenpathError) -> Response:
        problems = [problem.model_dump() for problem in getattr(error, "problems", ())]
        return reply({"error": str(error), **({"problems": problems} if problems else {})}, status)

    return handle


def _flasks(error: HTTPException) -> Response:
    code = error.code or 500
    if code == 413:
        discard_body()
    response = reply({"error": _words(error, code)}, code)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(error.valid_methods)
    return response


def _words(error: HTTPException, code: int) -> str | None:
    "What we said when we raised it, else our own words for it, else those of werkzeug."
    if error.description != type(error).description:
        return error.description
    if code == 404 and "openapi" in current_app.blueprints:
        return f"{WAYS_OUT[code]}; see /docs"
    if code == 413:
        return f"{WAYS_OUT[code]}: at most {request.max_content_length} bytes are taken (`max_body`)"
    return WAYS_OUT.get(code) or error.description


def where(exc_info: ExcInfo) -> str:
    "The kind of an error and the lines it came through, without its text."
    kind, _, trail = exc_info
    lines = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(trail)]
    return f"{kind.__name__ if kind else 'error'} at {' > '.join(lines[-6:])}"
