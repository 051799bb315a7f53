"""Ways to make a model folder dangerous, for the tests that it is refused."""

import itertools
import json
import os
import signal
import zipfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from goldenpath.errors import NotTrusted, VolumeFault
from goldenpath.registry.artifact import read_manifest, write_manifest
from goldenpath.registry.manifest import Manifest


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
    "Return a zip file in the place of a skops file."
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


class Answering(NamedTuple):
    "As much of a loaded version as a trial asks for."

    path: str
    why: str


# In the place of `load_predictor`: what loading a version could do to the process that loads it


def crashes(folder: Path, *, fast: bool, manifest: Manifest) -> Answering:
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)  # no report by pytest
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError("unreachable")


def never_returns(folder: Path, *, fast: bool, manifest: Manifest) -> Answering:
    "In compiled code, which no signal handler of Python interrupts."
    deque(itertools.repeat(None), maxlen=0)
    raise AssertionError("unreachable")


def takes_all_memory(folder: Path, *, fast: bool, manifest: Manifest) -> Answering:
    return Answering("onnx", str(len(bytearray(4 << 30))))


def leaves(folder: Path, *, fast: bool, manifest: Manifest) -> Answering:
    os._exit(0)


def is_refused(folder: Path, *, fast: bool, manifest: Manifest) -> Answering:
    raise NotTrusted("it answers differently here")


def meets_a_fault(folder: Path, *, fast: bool, manifest: Manifest) -> Answering:
    raise VolumeFault("the volume is away for a moment")


def breaks(folder: Path, *, fast: bool, manifest: Manifest) -> Answering:
    raise ValueError("X has 7 features")


def prints(folder: Path, *, fast: bool, manifest: Manifest) -> Answering:
    "Also where the outcome is expected."
    os.write(1, b'{"path": "onnx"}')
    return Answering("sklearn", f"fast: {fast}")


def counts(folder: Path, *, fast: bool, manifest: Manifest) -> Answering:
    "How often it was loaded."
    with (folder / "loaded").open("a") as file:
        file.write("once\n")
    return Answering("onnx", "")
