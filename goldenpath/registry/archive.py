"""What a skops file holds, read without building any of it: a zip archive of arrays and one `schema.json`."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from goldenpath.errors import NotTrusted

SCHEMA = "schema.json"
_MEMBERS = 20_000  # at most; a boosting model of 1,000 trees has about 5,000
UNPACKED = 4 << 30  # bytes in all, at most
SCHEMA_UNPACKED = 64 << 20  # bytes, at most
RATIO = 200  # unpacked to packed, at most, above a size that fits anywhere
_HARMLESS = 16 << 20  # bytes


def check_archive(file: BinaryIO, path: Path) -> None:
    "Refuse, from its directory alone, a broken archive or one that unpacks into too much. Raises NotTrusted."
    members = _members(file, path)
    _check_bulk(members, file.seek(0, io.SEEK_END), path)
    visited: set[str] = set()
    for name in (member.filename for member in members):
        if name in visited or set(name) & set("/\\") or name.startswith("."):
            raise NotTrusted(f"{path} holds a member named {name[:80]!r}, or twice; save the pipeline again")
        visited.add(name)
    if SCHEMA not in visited:
        raise NotTrusted(f"{path} holds no {SCHEMA}: it is not a skops file; save the pipeline with skops")


def _check_bulk(members: list[zipfile.ZipInfo], packed: int, path: Path) -> None:
    total = sum(member.file_size for member in members)
    if len(members) > _MEMBERS:
        raise NotTrusted(f"{path} holds {len(members)} members, more than {_MEMBERS}; train a smaller model")
    if total > UNPACKED or (total > _HARMLESS and total > RATIO * packed):
        raise NotTrusted(f"{path} would unpack from {packed} into {total} bytes; train a smaller model")
    if any(member.filename == SCHEMA and member.file_size > SCHEMA_UNPACKED for member in members):
        raise NotTrusted(f"{path}: {SCHEMA} is larger than {SCHEMA_UNPACKED} bytes; train a smaller model")


def _members(file: BinaryIO, path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OverflowError) as error:
        raise NotTrusted(
            f"{path} is not a skops file: {str(error)[:80]}; save the pipeline with skops"
        ) from None


def refers_to_main(content: bytes, path: Path) -> str:
    "Find a name in a skops file that was defined in `__main__`, which cannot be imported; or ''."
    for node in nodes_of(content, path):
        module = str(node.get("__module__", ""))
        if module == "__main__" or module.startswith("__main__."):
            return str(node.get("__class__", "?"))[:80]
    return ""


def nodes_of(content: bytes, path: Path) -> Iterator[dict[str, Any]]:
    "Describe every part of a skops file, before any is built. Raises NotTrusted."
    return _nodes(_schema(content, path))


def _schema(content: bytes, path: Path) -> Any:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return json.loads(archive.read(SCHEMA))
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        RecursionError,
        EOFError,
        OSError,
        NotImplementedError,
    ) as error:
        raise NotTrusted(
            f"{path}: {SCHEMA} cannot be read: {str(error)[:80]}; save the pipeline again"
        ) from None


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    # Without recursion, so that a deeply nested file cannot exhaust the stack.
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
