"""Ways to make a model folder dangerous, for the tests that it is refused."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from goldenpath.registry.artifact import read_manifest, write_manifest


def rewrite_schema(archive: Path, change: Callable[[str], str]) -> None:
    "Change what a skops file says it is made of."
    with zipfile.ZipFile(archive) as old:
        members = {name: old.read(name) for name in old.namelist()}
    members["schema.json"] = change(members["schema.json"].decode()).encode()
    archive.unlink()
    with zipfile.ZipFile(archive, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)


class Canary:
    "An object whose unpickling writes a file: nothing that is refused may ever write it."

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch '{self.path}'",)


class Innocent:
    "An object of a type that nobody has allowed, whose state writes a file when it is set."

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __setstate__(self, state: dict[str, str]) -> None:
        Path(state["path"]).touch()


def write_archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    "A zip file in the place of a skops file."
    path.unlink(missing_ok=True)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def edit_manifest(folder: Path, **changes: Any) -> None:
    "Change keys of a manifest; `files` is left as it is."
    path = folder / "manifest.json"
    values = {**json.loads(path.read_bytes()), **changes}
    path.unlink()
    path.write_text(json.dumps(values))


def edit_entry(folder: Path, name: str, **changes: Any) -> None:
    "Change what the manifest says of one file."
    files = json.loads((folder / "manifest.json").read_bytes())["files"]
    edit_manifest(folder, files={**files, name: {**files.get(name, {}), **changes}})


def rehash(folder: Path) -> None:
    "Make the manifest fit the files again, as an attacker would who can write both."
    write_manifest(folder, read_manifest(folder))
