"""What goldenpath has ever shipped under a path, read from git. Standard library alone."""

import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from goldenpath.errors import BadInput
from goldenpath.origin.content import VERSION_FILE, content_mark

# By path: the number of the first commit, counted from the oldest, in which each mark appeared.
History = dict[str, dict[str, int]]


def git(folder: Path, *words: str, given: bytes = b"") -> bytes:
    "Run git in a folder and return what it prints. Raises BadInput with its complaint."
    command = ["git", "-c", "core.quotePath=false", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, input=given, capture_output=True, check=False)
    except FileNotFoundError:
        raise BadInput("git is not installed here: install it, or use --from WHEEL") from None
    if done.returncode:
        complaint = done.stderr.decode(errors="replace").strip().splitlines() or ["it printed nothing"]
        raise BadInput(f"git {words[0]} in {folder}: {complaint[-1]}")
    return done.stdout


def without_login(address: str) -> str:
    """Return the address of a repository as it may be written down: no password, and no token of HTTP.

    `git@` of an address for ssh stays, because it is part of the way there.
    """
    parts = urlsplit(address)
    login, at, host = parts.netloc.rpartition("@")
    user = "" if parts.scheme in ("http", "https") else login.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host)) if at else address


def is_checkout(folder: Path) -> bool:
    "Check for the top of a git checkout."
    return (folder / ".git").exists()


def tracked_files(folder: Path) -> list[str]:
    "List the files of a checkout that git knows."
    return [name for name in git(folder, "ls-files", "-z").decode().split("\0") if name]


def read_history(folder: Path) -> History:
    "Read what every commit of a checkout placed where."
    log = git(
        folder, "log", "--reverse", "--format=tformat:commit", "--raw", "--no-renames", "--no-abbrev", "-m"
    )
    blobs: dict[str, dict[str, int]] = {}
    number = 0
    for line in log.decode(errors="replace").splitlines():
        if line == "commit":
            number += 1
        elif line.startswith(":"):
            head, path = line.split("\t", 1)
            if (blob := head.split()[3]).strip("0"):
                blobs.setdefault(path, {}).setdefault(blob, number)
    return {path: _marks(folder, path, numbers) for path, numbers in sorted(blobs.items())}


def _marks(folder: Path, path: str, numbers: dict[str, int]) -> dict[str, int]:
    "Turn git's names of contents into marks; those of notebooks have to be read for it."
    if not path.endswith(".ipynb") and path != VERSION_FILE:
        return {blob[:20]: number for blob, number in numbers.items()}
    marks: dict[str, int] = {}
    contents = _contents(folder, [*numbers])
    for content, number in zip(contents, numbers.values(), strict=True):
        marks.setdefault(content_mark(path, content), number)
    return marks


def _contents(folder: Path, blobs: list[str]) -> list[bytes]:
    "Read contents by their names in one call."
    output = git(folder, "cat-file", "--batch", given="\n".join([*blobs, ""]).encode())
    contents = []
    for _ in blobs:
        head, _, output = output.partition(b"\n")
        size = int(head.split()[2])
        contents.append(output[:size])
        output = output[size + 1 :]
    return contents
