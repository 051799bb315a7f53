"""How an answer is written: JSON with the request's id."""

import json
from typing import Any

from flask import Response

from serving.requests import trace

JSON = "application/json"
encode = json.JSONEncoder(separators=(",", ":")).encode  # made once: `json.dumps` would make one per answer


def reply(values: dict[str, Any], status: int = 200, with_id: bool = True) -> Response:
    "The values as JSON, with the id of the request unless the form of the answer is somebody else's."
    body = encode({"id": trace().id, **values} if with_id else values)
    return Response(body.encode(), status, content_type=JSON)
