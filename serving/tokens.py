"""Bearer tokens: the file holds their SHA-256, one in each line, and is read again every second.

Make a line with `printf %s "$TOKEN" | sha256sum`.
"""

import hashlib
import hmac
import logging
import re
from pathlib import Path

from flask import Flask, Response, g, request

from goldenpath.errors import BadInput
from goldenpath.settings import Settings
from serving.replies import reply

log = logging.getLogger(__name__)

# For probes, which know no token; a stranger learns yes or no from them, and nothing else.
OPEN = {"about.live", "about.ready", "open_inference.live", "open_inference.ready"}
LINE = re.compile(r"[0-9a-f]{64}")
NO_TOKEN = hashlib.sha256(b"").hexdigest()  # what `sha256sum` makes of a variable that is not set


class Tokens:
    "Who may ask; nobody before the first look."

    def __init__(self, file: Path) -> None:
        self._file = file
        self._hashes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self._hashes)

    def look(self) -> None:
        """Read the file; an emptied one lets nobody in.

        It is small and read in full each time: a copy that keeps times and size looks unchanged from outside.
        Raises BadInput where it is missing or damaged; the tokens that were known go on being known, because
        a file is away for a moment while it is replaced.
        """
        try:
            hashes = self._parsed(self._file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as fault:
            still = f"; the {len(self)} known tokens stay valid until it can" if self._hashes else ""
            raise BadInput(f"tokens_file {self._file} cannot be read ({fault}){still}") from None
        if self._hashes and not hashes:
            log.warning("tokens_file %s was emptied: no token is valid any more", self._file)
        self._hashes = hashes

    def _parsed(self, text: str) -> tuple[str, ...]:
        words = [line.split("#")[0].split() for line in text.splitlines()]
        hashes = tuple(line[0].lower() for line in words if line)
        if not all(LINE.fullmatch(one) for one in hashes):
            raise BadInput(f"tokens_file {self._file} must hold a SHA-256 (64 hex digits) in each line")
        if NO_TOKEN in hashes:
            raise BadInput(f"tokens_file {self._file} holds the SHA-256 of nothing; was TOKEN set? remove it")
        return hashes

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


def tokens_of(settings: Settings) -> Tokens:
    "The tokens of the file that the settings name, not read yet."
    return Tokens(settings.folder / Path(settings.tokens_file).expanduser())


def check_tokens(settings: Settings) -> None:
    "Before anything starts: raises BadInput where the file cannot be read, or holds no hash."
    if not settings.tokens_file:
        return
    tokens = tokens_of(settings)
    tokens.look()
    if not tokens:
        raise BadInput(f"tokens_file {settings.tokens_file} holds no SHA-256; put one of a token into it")
