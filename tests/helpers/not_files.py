"""What somebody who can write the volume may put in the place of a small JSON file."""

import os
from collections.abc import Callable
from pathlib import Path


def link(path: Path) -> None:
    "To a file that would do."
    path.with_name("elsewhere").write_text('{"seconds": 9.0}')
    path.symlink_to(path.with_name("elsewhere"))


def pipe(path: Path) -> None:
    "Make a pipe that no process writes to."
    os.mkfifo(path)


def giant(path: Path) -> None:
    "One byte more than any record of a run may have."
    path.touch()
    os.truncate(path, (1 << 24) + 1)


def nested(path: Path) -> None:
    "Deeper than Python's parser goes."
    path.write_bytes(b"[" * 100_000)


NOT_FILES: tuple[Callable[[Path], None], ...] = (link, pipe, giant, nested)
