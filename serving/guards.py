"""Who may ask, from which pages, and how many at once.

A line of the tokens' file is made with `printf %s "$TOKEN" | sha256sum`; the file is read again every second.
"""

import hashlib
import hmac
import logging
import re
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, g, request

from goldenpath.errors import BadInput
from goldenpath.settings import Settings
from serving.http import ErrorReply, reply
from serving.watchers.queue import every, with_errors_logged

_log = logging.getLogger(__name__)

# For probes, which know no token; a stranger learns yes or no from them, and nothing else.
OPEN = {"about.live", "about.ready", "open_inference.live", "open_inference.ready"}
_ALWAYS = {*OPEN, "metrics.show"}  # endpoints that must answer in any crowd
_RETRY_SECONDS = "1"


class Guards:
    "What a request must pass, in the lane and in Flask: where it comes from, its token, a free place."

    def __init__(self, settings: Settings) -> None:
        self.origins = AllowedOrigins(settings.cors_origins) if settings.cors_origins else None
        self.tokens = tokens_of(settings) if settings.tokens_file else None
        self.in_flight = InFlight(settings.max_in_flight)

    def known(self, environ: Mapping[str, Any]) -> bool:
        "Say whether the request carries a valid token; every one does if no tokens are asked for."
        return self.tokens is None or self.tokens.knows(environ.get("HTTP_AUTHORIZATION", ""))

    def install(self, app: Flask) -> None:
        "Ask each request that Flask answers, in this order: a preflight carries no token."
        if self.origins is not None:
            self.origins.install(app)
        if self.tokens is not None:
            look = with_errors_logged(self.tokens.look, "tokens")
            look()  # a worker that follows a dead one starts without the file, and lets no caller in
            every(1.0, look, "tokens")
            app.before_request(self._refuse_stranger)
        self.in_flight.install(app)

    def _refuse_stranger(self) -> Response | None:
        g.stranger = not self.known(request.environ)
        if not g.stranger or request.endpoint in OPEN:
            return None
        message = "the token is missing or unknown: send the header Authorization: Bearer ..."
        refusal = reply(ErrorReply(error=message), 401)
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return refusal


class InFlight:
    "Places for requests; taking and giving back are single operations, so no lock is needed."

    def __init__(self, most: int) -> None:
        self._free = deque(range(most))
        self._most = most

    def __len__(self) -> int:
        return self._most - len(self._free)

    def take(self) -> int | None:
        "Return a place, to be given back; None if all are taken."
        try:
            return self._free.pop()
        except IndexError:
            return None

    def give_back(self, place: int | None) -> None:
        "Let another request have it."
        if place is not None:
            self._free.append(place)

    def install(self, app: Flask) -> None:
        "Answer 503 with Retry-After where no place is free."
        app.before_request(self._enter)
        app.teardown_request(lambda error: self.give_back(g.pop("place", None)))

    def _enter(self) -> Response | None:
        if request.endpoint in _ALWAYS:
            return None
        g.place = self.take()
        if g.place is not None:
            return None
        refusal = reply(ErrorReply(error="too many requests at once; try again"), 503)
        refusal.headers["Retry-After"] = _RETRY_SECONDS
        return refusal


LINE = re.compile(r"[0-9a-f]{64}")
NO_TOKEN = hashlib.sha256(b"").hexdigest()  # what `sha256sum` makes of a variable that is not set


class Tokens:
    "The known tokens; none before the first look."

    def __init__(self, file: Path) -> None:
        self._file = file
        self._hashes: tuple[str, ...] = ()

    @property
    def count(self) -> int:  # no `__len__`: an object without tokens must not look like no guard at all
        "Number of valid tokens."
        return len(self._hashes)

    def look(self) -> None:
        """Read the file; an empty one lets no caller in.

        It is small and read in full each time: a copy that keeps times and size looks unchanged from outside.
        Raises BadInput where it is missing or damaged; the known tokens stay valid, because
        a file is away for a moment while it is replaced.
        """
        try:
            hashes = self._parsed(self._file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as fault:
            still = f"; the {self.count} known tokens stay valid until it can" if self._hashes else ""
            why = fault.strerror if isinstance(fault, OSError) else fault
            remedy = "; correct the path in `tokens_file`, or the file's permissions"
            raise BadInput(f"tokens_file {self._file} cannot be read ({why}){still}{remedy}") from None
        if self._hashes and not hashes:
            _log.warning("tokens_file %s was emptied: no token is valid any more", self._file)
        self._hashes = hashes

    def _parsed(self, text: str) -> tuple[str, ...]:
        words = [line.split("#")[0].split() for line in text.splitlines()]
        hashes = tuple(line[0].lower() for line in words if line)
        if not all(LINE.fullmatch(digest) for digest in hashes):
            raise BadInput(f"tokens_file {self._file} must hold a SHA-256 (64 hex digits) in each line")
        if NO_TOKEN in hashes:
            raise BadInput(f"tokens_file {self._file} holds the SHA-256 of nothing; was TOKEN set? remove it")
        return hashes

    def knows(self, header: str) -> bool:
        "Check whether the Authorization header has a known token. Every hash is compared."
        kind, _, token = header.partition(" ")
        digest = hashlib.sha256(token.strip().encode("latin-1", "replace")).hexdigest()
        fits = [hmac.compare_digest(digest, stored) for stored in self._hashes]
        return kind.lower() == "bearer" and any(fits)


def tokens_of(settings: Settings) -> Tokens:
    "Return the tokens of the file in the settings, unread."
    return Tokens(settings.folder / Path(settings.tokens_file).expanduser())


def check_tokens(settings: Settings) -> None:
    "Before anything starts: raises BadInput where the file cannot be read, or holds no hash."
    if not settings.tokens_file:
        return
    tokens = tokens_of(settings)
    tokens.look()
    if not tokens.count:
        raise BadInput(f"tokens_file {settings.tokens_file} holds no SHA-256; put one of a token into it")


PAGE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Request-Id, X-Sticky-Key",
    "Access-Control-Max-Age": "600",
}


def secure(pages: Blueprint) -> Blueprint:
    "Let the pages of a blueprint load only what this server itself holds."

    def add(response: Response) -> Response:
        response.headers.update(PAGE)
        return response

    pages.after_request(add)
    return pages


class AllowedOrigins:
    "Pages of these origins may call."

    def __init__(self, named: Iterable[str]) -> None:
        self._named = frozenset(named)

    def headers(self, origin: str | None) -> list[tuple[str, str]]:
        "Return what an answer to this origin carries."
        vary = ("Vary", "Origin")
        if origin is None or origin not in self._named:
            return [vary]
        return [
            vary,
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", "X-Request-Id"),
        ]

    def install(self, app: Flask) -> None:
        "Answer preflights, and add the headers."

        def preflight() -> Response | None:
            asked = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
            return Response(status=204, headers=PREFLIGHT) if asked else None

        def add(response: Response) -> Response:
            response.headers.extend(self.headers(request.environ.get("HTTP_ORIGIN")))
            return response

        app.before_request(preflight)
        app.after_request(add)
