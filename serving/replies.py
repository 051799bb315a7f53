"""How an answer is written: JSON with the request's id."""

import json
from typing import Any

from flask import Response

from serving.requests import trace

JSON = "application/json"


def reply(values: dict[str, Any], status: int = 200, with_id: bool = True) -> Response:
    "The values as JSON, with the id of the request unless the form of the answer is somebody else's."
    body = json.dumps({"id": trace().id, **values} if with_id else values, separators=(",", ":"))
    return Response(body.encode(), status, content_type=JSON)
