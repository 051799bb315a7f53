"""One file that carries a version from one namespace to another: a plain tar, verified on both ways."""

import contextlib
import os
import re
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from goldenpath.errors import BadInput, NotTrusted
from goldenpath.registry import artifact, signing
from goldenpath.registry.registry import Registry
from goldenpath.volume import CHUNK, STAGING, complete, faults, make_folders, open_regular, replace_file, sync

_MEMBERS = 200  # at most


@dataclass(frozen=True)
class BundleLayout:
    "The folders of a version's files and of its signatures in a tar file."

    version: str
    signatures: str  # below it, a folder for each key
    others: tuple[str, ...] = ()  # files that an import does not need

    def file(self, name: str) -> str:
        "Return the name that a member has among the version's files; empty if it is none."
        inner = name.removeprefix(f"{self.version}/")
        return inner if inner != name and artifact.is_plain(inner) else ""

    def key(self, name: str) -> str:
        "Return the key id of a member that is a signature; empty if it is none."
        match = re.fullmatch(rf"{re.escape(self.signatures)}/([0-9a-f]{{16}})/model\.sig", name)
        return match[1] if match else ""


BUNDLE = BundleLayout("version", "signatures")


def export_bundle(registry: Registry, version: str, file: Path) -> None:
    "Write a version that verifies, with its signatures. Raises NoModel, NotTrusted, BadInput, VolumeFault."
    with _complete_file(file) as staged, tarfile.open(staged, "w", format=tarfile.PAX_FORMAT) as bundle:
        add_version(registry, version, bundle, BUNDLE)


def add_version(registry: Registry, version: str, bundle: tarfile.TarFile, places: BundleLayout) -> None:
    "Add a version that verifies, and its signatures: equal bytes every time. Raises as `export_bundle`."
    manifest = registry.verify(version)
    for name in [artifact.MANIFEST, *sorted(manifest.files)]:
        add_file(bundle, f"{places.version}/{name}", registry.folder(version) / name)
    signatures = registry.root / "signatures" / version
    for key in complete(signatures):
        path = signatures / key / signing.SIGNATURE
        add_file(bundle, f"{places.signatures}/{key}/{signing.SIGNATURE}", path)


@contextlib.contextmanager
def _complete_file(file: Path) -> Iterator[Path]:
    if file.exists():
        raise BadInput(f"{file} exists already; name another file")
    staged = file.with_name(f"{STAGING}{secrets.token_hex(8)}")
    with faults(file):
        try:
            yield staged
            sync(staged)  # else a crash could leave the name of an empty file
            staged.rename(file)
        finally:
            staged.unlink(missing_ok=True)


def add_file(bundle: tarfile.TarFile, name: str, path: Path) -> None:
    "Add a regular file under this name. Raises OSError."
    member = tarfile.TarInfo(name)  # nothing of this machine: no owner, no time
    with os.fdopen(open_regular(path), "rb") as content:  # a link there could name any file of this machine
        member.size = os.fstat(content.fileno()).st_size
        bundle.addfile(member, content)


def import_bundle(registry: Registry, file: Path) -> str:
    """Publish the version in a bundle, under this registry's own rules and keys; the version's name.

    It keeps the signatures that it came with and gets no new one: `sign` verifies before it signs.

    Raises BadInput where the file cannot be read, NotTrusted where its content is not sound or not signed as
    this reader asks, GateRefused as `publish` does, VolumeFault.
    """
    with staging(registry) as staged:
        return import_version(registry, file, staged, BUNDLE, str(file))


@contextlib.contextmanager
def staging(registry: Registry) -> Iterator[Path]:
    "Yield a new folder beside the versions, removed afterwards. Raises VolumeFault."
    staged = registry.root / f"{STAGING}{secrets.token_hex(8)}"
    try:
        with faults(staged):
            make_folders(staged)
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def import_version(
    registry: Registry,
    file: Path,
    staged: Path,  # folder to unpack in
    places: BundleLayout,
    origin: str,  # what messages call the file
) -> str:
    "Publish the version in a tar file, as `import_bundle` does and with what it raises."
    with faults(staged):
        make_folders(staged / "version")
        signatures = _unpack(file, staged / "version", places, origin)
    return _publish(registry, staged / "version", signatures)


def _unpack(file: Path, folder: Path, places: BundleLayout, origin: str) -> dict[str, bytes]:
    # Signatures by key id. Nothing is extracted by tarfile itself: names and kinds are checked, and
    # sizes before anything is read.
    signatures: dict[str, bytes] = {}
    names: set[str] = set()
    with _opened(file, origin) as bundle:
        for member in bundle:
            _check_member(origin, member, names, places)
            content = bundle.extractfile(member)
            assert content is not None  # it is a regular file
            if key := places.key(member.name):
                signatures[key] = content.read()
            elif name := places.file(member.name):
                with (folder / name).open("wb") as copy:
                    shutil.copyfileobj(content, copy, CHUNK)
    return signatures


class _InPieces:
    "A file that is read in pieces only: a header that claims gigabytes never gets into memory."

    def __init__(self, content: BinaryIO) -> None:
        self._content = content
        self.tell = content.tell

    def seek(self, place: int) -> int:
        if place < 0:
            raise tarfile.ReadError("a header that leads backwards")
        return self._content.seek(place)

    def read(self, size: int) -> bytes:
        if not 0 <= size <= max(CHUNK, signing.SIGNATURE_LIMIT):
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._content.read(size)


@contextlib.contextmanager
def _opened(file: Path, origin: str) -> Iterator[tarfile.TarFile]:
    try:
        content = file.open("rb")
    except OSError as error:
        raise BadInput(f"{origin} cannot be read: {error.strerror or error}") from None
    try:
        with content, tarfile.open(fileobj=_InPieces(content), mode="r:") as bundle:  # type: ignore[call-overload]
            yield bundle
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise NotTrusted(f"{origin} is not a bundle: {str(error)[:80]}; export it again") from None


def _check_member(origin: str, member: tarfile.TarInfo, names: set[str], places: BundleLayout) -> None:
    name = member.name
    expected = places.file(name) or places.key(name) or name in places.others
    if not member.isreg() or not expected or name in names:
        raise NotTrusted(
            f"{origin} holds {name[:80]!r}, which is not a file of a version, or twice; export it again"
        )
    limit = artifact.size_limit(name) if places.file(name) else signing.SIGNATURE_LIMIT
    if member.size > limit or len(names) >= _MEMBERS:
        raise NotTrusted(f"{origin} holds too much: {name[:80]!r} has {member.size} bytes; export it again")
    names.add(name)


def _publish(registry: Registry, folder: Path, signatures: dict[str, bytes]) -> str:
    manifest = artifact.verify_files(folder)
    if key := registry.keys.public:
        signature = signatures.get(signing.key_id(key))
        if signature:
            signing.verify_signature(folder, manifest, signature, key)
        elif registry.keys.required:
            by = f"signed by {', '.join(signatures)} only" if signatures else "not signed"
            raise NotTrusted(
                f"the bundle of {manifest.version} is {by}, and {key} is required; sign before exporting"
            )
    version = registry.publish(folder, sign=False)  # what came from elsewhere was not made here
    if version == manifest.version:
        for key_id, content in signatures.items():
            replace_file(registry.root / "signatures" / version / key_id / signing.SIGNATURE, content)
    return version
