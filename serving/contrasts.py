"""What was measured of the version that the page shows, read from the volume now and then.

Nothing signs or proves that file, and whoever writes the volume can put anything there: it is read as a small
regular file only, and no more than one visitor at a time waits for a volume that hangs.
"""

import threading
import time
from typing import Any

from pydantic_core import from_json

from goldenpath.errors import GoldenpathError
from goldenpath.registry.registry import Registry
from goldenpath.volume import read_file

REMEMBERED = 5.0  # seconds
LARGEST = 1 << 16  # bytes; a measured one has about 2,500


class Contrasts:
    "The measured contrast of one version at a time."

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._reading = threading.Lock()
        self._latest: tuple[str, float, Any] = ("", 0.0, None)  # version, monotonic seconds, JSON

    def of(self, version: str) -> Any:  # what the file holds as JSON; None where there is none, or no JSON
        "The contrast of a version, at most a few seconds old."
        known, when, contrast = self._latest
        fresh = known == version and time.monotonic() - when < REMEMBERED
        if not fresh and self._reading.acquire(blocking=False):
            try:
                contrast = self._read(version)
                self._latest, known = (version, time.monotonic(), contrast), version
            finally:
                self._reading.release()
        return contrast if known == version else None

    def _read(self, version: str) -> Any:
        try:
            return from_json(read_file(self._registry.contrast_file(version), LARGEST))
        except (OSError, ValueError, GoldenpathError):
            return None
