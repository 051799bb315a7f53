"""Bearer tokens: the file holds their SHA-256, one in each line, and is read again when it changes.

Make a line with `printf %s "$TOKEN" | sha256sum`.
"""

import hashlib
import hmac
import re
from pathlib import Path

from flask import Flask, Response, g, request

from goldenpath.rails.errors import BadInput
from serving.replies import reply

# For probes, which know no token; a stranger learns yes or no from them, and nothing else.
OPEN = {"about.live", "about.ready", "open_inference.live", "open_inference.ready"}
LINE = re.compile(r"[0-9a-f]{64}")


class Tokens:
    "Who may ask."

    def __init__(self, file: Path) -> None:
        "Raises BadInput where the file cannot be read or holds no hash."
        self._file = file
        self._state: tuple[int, int, int] | None = None
        self._hashes: tuple[str, ...] = ()
        self.look()

    def look(self) -> None:
        "Read the file if it changed. Raises BadInput; the tokens that were known go on being known."
        try:
            found = self._file.stat()
            state = (found.st_mtime_ns, found.st_size, found.st_ino)
            if state == self._state:
                return
            lines = [line.split("#")[0].split() for line in self._file.read_text("utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as fault:
            raise BadInput(f"tokens_file {self._file} cannot be read ({fault})") from None
        hashes = tuple(line[0].lower() for line in lines if line)
        if not hashes or not all(LINE.fullmatch(one) for one in hashes):
            raise BadInput(f"tokens_file {self._file} must hold a SHA-256 (64 hex digits) in each line")
        self._state, self._hashes = state, hashes

    def knows(self, header: str) -> bool:
        "Does the Authorization header carry a known token? Every hash is compared, whichever fits."
        kind, _, token = header.partition(" ")
        digest = hashlib.sha256(token.strip().encode("latin-1", "replace")).hexdigest()
        fits = [hmac.compare_digest(digest, known) for known in self._hashes]
        return kind.lower() == "bearer" and any(fits)

    def install(self, app: Flask) -> None:
        "Ask for a token on every route."
        app.before_request(self._check)

    def _check(self) -> Response | None:
        g.stranger = not self.knows(request.environ.get("HTTP_AUTHORIZATION", ""))
        if not g.stranger or request.endpoint in OPEN:
            return None
        refusal = reply({"error": "a token is needed: send the header Authorization: Bearer ..."}, 401)
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return refusal
