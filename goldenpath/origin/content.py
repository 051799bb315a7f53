"""What a file of a project says, apart from what running and using it changes. Standard library alone."""

import hashlib
import json
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

VERSION_FILE = "goldenpath/__init__.py"  # holds one line that the owner edits
VERSION_LINE = re.compile(rb'(?m)^MODEL_VERSION = "([^"]*)"')


def content_mark(path: str, content: bytes) -> str:
    """Return a short text that is equal for equal files; of other files than notebooks it is git's own.

    Outputs of a notebook and the value of MODEL_VERSION don't count.
    """
    if path.endswith(".ipynb"):
        content = _cells(content)
    if path == VERSION_FILE:
        content = VERSION_LINE.sub(b'MODEL_VERSION = ""', content)
    head = b"blob %d\0" % len(content)
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()[:20]


def _cells(content: bytes) -> bytes:
    "Reduce a notebook to its cells: kind, source and tags."
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        cells = [
            [cell["cell_type"], "".join(cell["source"]), cell["metadata"].get("tags", [])]
            for cell in json.loads(content)["cells"]
        ]
        return json.dumps(cells).encode()
    return content


def is_there(path: Path) -> bool:
    "Check for a file, or for a link wherever it leads."
    return path.is_symlink() or path.is_file()


def content_of(path: Path) -> bytes:
    "Read a file; of a link, where it leads, as git does."
    return os.readlink(path).encode() if path.is_symlink() else path.read_bytes()


def file_mark(folder: Path, path: str) -> str:
    "Return the mark of a file in a folder; empty if it is not there."
    return content_mark(path, content_of(folder / path)) if is_there(folder / path) else ""


def replace_with(source: Path, target: Path, content: bytes | None = None) -> None:
    "Replace a file or link as a whole by another one, with its permissions, or by `content` with them."
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_name(f".{target.name[:100]}-{secrets.token_hex(4)}")
    try:
        if source.is_symlink():
            staged.symlink_to(os.readlink(source))
        else:
            staged.write_bytes(source.read_bytes() if content is None else content)
            staged.chmod(0o644 | source.stat().st_mode & 0o111)
        os.replace(staged, target)
    finally:
        staged.unlink(missing_ok=True)
