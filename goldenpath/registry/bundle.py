"""One file that carries a version from one namespace to another: a plain tar, verified on both ways."""

import contextlib
import os
import re
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from goldenpath.errors import BadInput, NotTrusted
from goldenpath.registry import artifact, signing
from goldenpath.registry.registry import Registry
from goldenpath.volume import CHUNK, STAGING, complete, faults, make_folders, open_regular, replace_file

_VERSION = "version"  # folder in the file
SIGNED = re.compile(r"signatures/([0-9a-f]{16})/model\.sig")
_MEMBERS = 200  # at most


def export_bundle(registry: Registry, version: str, file: Path) -> None:
    "Write a version that verifies, with its signatures. Raises NoModel, NotTrusted, BadInput, VolumeFault."
    manifest = registry.verify(version)
    with _complete_file(file) as staged, tarfile.open(staged, "w", format=tarfile.PAX_FORMAT) as bundle:
        for name in [artifact.MANIFEST, *sorted(manifest.files)]:
            _add(bundle, f"{_VERSION}/{name}", registry.folder(version) / name)
        signatures = registry.root / "signatures" / version
        for key in complete(signatures):
            _add(bundle, f"signatures/{key}/{signing.SIGNATURE}", signatures / key / signing.SIGNATURE)


@contextlib.contextmanager
def _complete_file(file: Path) -> Iterator[Path]:
    if file.exists():
        raise BadInput(f"{file} exists already; name another file")
    staged = file.with_name(f"{STAGING}{secrets.token_hex(8)}")
    with faults(file):
        try:
            yield staged
            staged.rename(file)
        finally:
            staged.unlink(missing_ok=True)


def _add(bundle: tarfile.TarFile, name: str, path: Path) -> None:
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
    staged = registry.root / f"{STAGING}{secrets.token_hex(8)}"
    try:
        with faults(staged):
            make_folders(staged / _VERSION)
            signatures = _unpack(file, staged / _VERSION)
        return _publish(registry, staged / _VERSION, signatures)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _unpack(file: Path, folder: Path) -> dict[str, bytes]:  # signature by key id
    # Nothing is extracted by tarfile itself: names and kinds are checked, and sizes before anything is read.
    signatures: dict[str, bytes] = {}
    names: set[str] = set()
    with _opened(file) as bundle:
        for member in bundle:
            _check_member(file, member, names)
            content = bundle.extractfile(member)
            assert content is not None  # it is a regular file
            if match := SIGNED.fullmatch(member.name):
                signatures[match[1]] = content.read()
            else:
                with (folder / member.name.removeprefix(f"{_VERSION}/")).open("wb") as copy:
                    shutil.copyfileobj(content, copy, CHUNK)
    return signatures


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        content = file.open("rb")
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror or error}") from None
    try:
        with content, tarfile.open(fileobj=content, mode="r:") as bundle:
            yield bundle
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise NotTrusted(f"{file} is not a bundle: {str(error)[:80]}; export it again") from None


def _check_member(file: Path, member: tarfile.TarInfo, names: set[str]) -> None:
    name = member.name
    plain = name.startswith(f"{_VERSION}/") and artifact.is_plain(name.removeprefix(f"{_VERSION}/"))
    if not member.isreg() or not (plain or SIGNED.fullmatch(name)) or name in names:
        raise NotTrusted(
            f"{file} holds {name[:80]!r}, which is not a file of a version, or twice; export it again"
        )
    limit = artifact.size_limit(name) if plain else signing.SIGNATURE_LIMIT
    if member.size > limit or len(names) >= _MEMBERS:
        raise NotTrusted(f"{file} holds too much: {name[:80]!r} has {member.size} bytes; export it again")
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
