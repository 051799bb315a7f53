"""The body of a request: of the right kind, and never more of it than allowed."""

import zlib

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from goldenpath.errors import BadInput
from serving.replies import JSON

CHUNK = 65_536  # bytes
DISCARDED = 64_000_000  # bytes of a body that is too large, before its connection is closed


def json_body() -> bytes:
    """The body as it came.

    Raises UnsupportedMediaType (415) where it is not said to be plain JSON, RequestEntityTooLarge (413).
    """
    if request.environ.get("CONTENT_TYPE") != JSON and request.mimetype != JSON:
        raise UnsupportedMediaType(f"send the record as JSON, with the header Content-Type: {JSON}")
    if "HTTP_CONTENT_ENCODING" in request.environ and packing() != "identity":
        raise UnsupportedMediaType("compressed bodies are not understood here; send without Content-Encoding")
    return whole_body()


def whole_body() -> bytes:
    "The body, whatever it is. Raises RequestEntityTooLarge (413)."
    body = request.get_data(cache=False)
    if "CONTENT_LENGTH" not in request.environ:
        request.stream.read(1)  # a chunked body is cut off at the limit; only a further read says so
    return body


def discard_body() -> None:
    "Read what is still coming, within bounds: a caller who is cut off while sending never sees the answer."
    stream, left = request.environ["wsgi.input"], DISCARDED
    while left > 0 and (chunk := stream.read(CHUNK)):
        left -= len(chunk)


def packing() -> str:
    "How the body is said to be compressed."
    return request.headers.get("Content-Encoding", "identity").lower()


def unpacked_body() -> bytes:
    "The body, decompressed where it is gzip. Raises BadInput, RequestEntityTooLarge (413)."
    body = whole_body()
    packed = packing()
    if packed == "identity":
        return body
    if packed != "gzip":
        raise BadInput("of compressed bodies only gzip is understood")
    most = request.max_content_length or DISCARDED
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = unpacker.decompress(body, most + 1)
    except zlib.error:
        raise BadInput("the body is not gzip, as its header says") from None
    if len(content) > most:
        raise RequestEntityTooLarge
    return content
