"""Ways to make a model folder dangerous, for the tests that it is refused."""

import zipfile
from collections.abc import Callable
from pathlib import Path


def rewrite_schema(archive: Path, change: Callable[[str], str]) -> None:
    "Change what a skops file says it is made of."
    with zipfile.ZipFile(archive) as old:
        members = {name: old.read(name) for name in old.namelist()}
    members["schema.json"] = change(members["schema.json"].decode()).encode()
    archive.unlink()
    with zipfile.ZipFile(archive, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
