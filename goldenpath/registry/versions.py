"""The published versions of one model: immutable folders, placed as a whole, verified before a load."""

import contextlib
import difflib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from goldenpath.errors import GateRefused, NoModel, NotTrusted, RaceLost, VolumeFault
from goldenpath.registry import artifact, publishing, signing
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.roles import ROLES
from goldenpath.registry.signing import Keys
from goldenpath.registry.trash import list_aside, move_aside
from goldenpath.volume import complete, copy_file, faults, move, patiently, place, read_file, replace_file


class Versions:
    "The files under `<home>/models/<model>/versions/`, and what belongs to a version beside it."

    def __init__(self, home: Path, model: str, keys: Keys | None = None) -> None:
        self.root = home / "models" / model
        self.aside = self.root / "aside"  # versions that wait to be deleted
        self.model = model
        self.keys = keys or Keys()
        self._manifests: dict[str, Manifest] = {}  # a version never changes

    def versions(self) -> list[str]:
        "Every published version, oldest first. Raises VolumeFault."
        with faults(self.root / "versions"):
            return sorted(complete(self.root / "versions"), key=age_order)

    def folder(self, version: str) -> Path:
        "Where a version lies, whether it exists or not."
        return self.root / "versions" / version

    def manifest(self, version: str) -> Manifest:
        "Read the manifest of a version, unverified. Raises NoModel, NotTrusted, VolumeFault."
        if version not in self._manifests:
            self.expect(version)
            self._manifests[version] = patiently(lambda: artifact.read_manifest(self.folder(version)))
        return self._manifests[version]

    def exists(self, version: str) -> bool:
        "Is there such a version? Raises VolumeFault."
        with faults(self.folder(version)):
            return artifact.is_plain(version) and os.path.lexists(self.folder(version))

    def expect(self, version: str) -> None:
        "Raise NoModel, with the nearest name, where a version is not published."
        if not self.exists(version):
            if any(item.name == version for item in list_aside(self.aside)):
                aside = f"was moved aside to be deleted; `goldenpath models restore {version}` brings it back"
                raise NoModel(f"version {version} of {self.model} {aside}")
            near = difflib.get_close_matches(version, [*ROLES, *self.versions()], n=1)
            way_out = f"did you mean {near[0]}?" if near else "see `goldenpath models list`"
            raise NoModel(f"version {version!r} of {self.model} is not published; {way_out}")

    def restore(self, version: str) -> bool:
        """Bring back the newest intact copy of a version that was moved aside; was there one?

        Raises NotTrusted if every copy is damaged, VolumeFault.
        """
        while not self.exists(version) and (copy := self.intact_copy(version)):
            with contextlib.suppress(RaceLost):  # published again, or brought back by another process
                if move(copy, self.folder(version)):
                    return True
        return False

    def intact_copy(self, version: str) -> Path | None:
        "Return the newest copy that was moved aside. Raises NotTrusted if every copy is damaged."
        damage: NotTrusted | None = None
        for copy in [item.folder for item in reversed(list_aside(self.aside)) if item.name == version]:
            try:
                self.check(copy, version)
                return copy
            except NotTrusted as error:
                damage = damage or error
            except VolumeFault:
                if copy.exists():
                    raise
        if damage:
            raise damage
        return None

    def verify(self, version: str) -> Manifest:
        """Check a version, and its signature where the reader has a key, before it is loaded.

        Load from the manifest that is returned: `artifact.read_trusted` holds the bytes it reads against it.
        Raises NoModel, NotTrusted with the reason, BadInput for an unusable key, VolumeFault.
        """
        manifest = self._intact(version)
        key = self.keys.public
        if key and not self._signed(manifest, key) and self.keys.required:
            raise NotTrusted(
                f"version {version} is {self._signers(version)}, and {key} is required; "
                f"look at where it comes from, then `goldenpath models sign {version} --unverified`"
            )
        return manifest

    def _intact(self, version: str) -> Manifest:
        "Return the manifest of a version after verifying its files."
        self.expect(version)
        return self.check(self.folder(version), version)

    def check(self, folder: Path, version: str) -> Manifest:
        "Verify that a folder holds this version and return its manifest. Raises NotTrusted, VolumeFault."
        manifest = patiently(lambda: artifact.verify_files(folder))
        if (manifest.version, manifest.model) != (version, self.model):
            claims = f"says that it is {manifest.version} of {manifest.model}"
            raise NotTrusted(f"{folder} {claims}; remove it and publish that version again")
        return manifest

    def find_identity(self, identity: str) -> str | None:
        "Find the version that claims to be the same model (same fingerprint, data and seed)."
        same = [version for version in self.versions() if version.endswith(f"-{identity[:8]}")]
        return next((version for version in same if self._claims(version, identity)), None)

    def _claims(self, version: str, identity: str) -> bool:
        try:
            return self.manifest(version).identity == identity
        except (NoModel, NotTrusted):  # moved aside meanwhile, or too damaged to claim anything
            return False

    def publish(self, candidate: Path, *, sign: bool = True) -> str:
        """Make a candidate a version, as a whole or not at all; the same model again is the same version.

        What has its name and is damaged is moved aside and replaced.
        It is signed where the reader has a key to sign with, unless `sign` is False.
        Raises NotTrusted if the candidate is not sound, or if the same model was published before and cannot
        be trusted; GateRefused if MODEL_VERSION must be raised; RaceLost if the name is taken by other
        content; BadInput for an unusable key; VolumeFault.
        """
        manifest = artifact.verify_files(candidate)
        key = self.keys.sign_with if sign else None
        existing = self.find_identity(manifest.identity) or manifest.version
        if existing != manifest.version or self._judged_before(manifest):
            self._check_known(existing, manifest, key)
            return existing
        publishing.check_candidate(self, manifest, candidate)
        if self._place(candidate, manifest):
            self._check_again(manifest)
        if key:
            self._sign(manifest, key)
        return existing

    def _judged_before(self, candidate: Manifest) -> bool:
        "Is the same training there already, as another evaluation completed it, and intact?"
        if not self.exists(candidate.version):
            return False
        try:
            there = self._intact(candidate.version)
        except (NoModel, NotTrusted):
            return False
        return there.identity == candidate.identity and there.run != candidate.run

    def _check_known(self, version: str, candidate: Manifest, key: Path | None) -> None:
        # A model that is trained again has other bytes (times are among them): only a signature can tell
        # whether the bytes there are those that were published, and nothing else may be signed.
        claim = f"{version} claims to be the same model as {candidate.version}, but"
        instead = f"or `goldenpath models set-aside {version}` and publish again"
        try:
            manifest = self.verify(version)
        except NotTrusted as error:
            raise NotTrusted(f"{claim} {error}, {instead}") from None
        if key and not self._vouched(manifest, key):
            raise NotTrusted(
                f"{claim} has other bytes and is {self._signers(version)}; look at it, then "
                f"`goldenpath models sign {version} --unverified`, {instead}"
            )
        if key:
            self._sign(manifest, key)

    def _place(self, candidate: Path, manifest: Manifest) -> bool:  # False: it is there already
        if self._holds(manifest):
            return False
        try:
            place(self.folder(manifest.version), lambda staged: _copy(candidate, manifest, staged))
        except RaceLost:
            if not self._holds(manifest):
                raise
            return False
        self._manifests.pop(manifest.version, None)  # of a damaged one
        return True

    def _holds(self, manifest: Manifest) -> bool:
        "Is this very version in its place? A damaged one is moved aside."
        if not self.exists(manifest.version):
            return False
        try:
            return self._intact(manifest.version) == manifest
        except NoModel:  # moved aside meanwhile
            return False
        except NotTrusted:
            self._move_aside(manifest.version)
        with contextlib.suppress(NotTrusted):
            self.restore(manifest.version)  # replaced by another process before it was moved: not damaged
        return False

    def _check_again(self, manifest: Manifest) -> None:
        # Two may publish different code under one MODEL_VERSION at once: the one that sees the other stops.
        try:
            publishing.check_candidate(self, manifest, self.folder(manifest.version))
        except GateRefused:
            self._move_aside(manifest.version)
            raise

    def _move_aside(self, version: str) -> None:
        move_aside(self.folder(version), self.aside, datetime.now(UTC))

    # Signatures

    def signature_file(self, version: str, key: Path) -> Path:
        "Where the signature by this key lies, whether it exists or not. Raises BadInput for an unusable key."
        return self.root / "signatures" / version / signing.key_id(key) / signing.SIGNATURE

    def sign(self, version: str, key: Path) -> Path:
        """Sign a version that a known key vouches for; the file that was written.

        Known are the reader's own keys and `key` itself. Raises NoModel, NotTrusted, BadInput, VolumeFault.
        """
        manifest = self.verify(version)
        if not self._vouched(manifest, key):
            raise NotTrusted(
                f"version {version} is {self._signers(version)}, so no known key vouches for its files; "
                "check where it comes from, then sign it with --unverified"
            )
        return self._sign(manifest, key)

    def _vouched(self, manifest: Manifest, key: Path) -> bool:
        trusted = (self.keys.public, self.keys.sign_with, key)
        return any(self._signed(manifest, item) for item in trusted if item)

    def _sign(self, manifest: Manifest, key: Path) -> Path:
        file = self.signature_file(manifest.version, key)
        replace_file(file, signing.sign(self.folder(manifest.version), manifest, key))
        return file

    def _signed(self, manifest: Manifest, key: Path) -> bool:
        "Did this key sign it? Raises NotTrusted where its signature does not fit."
        file = self.signature_file(manifest.version, key)
        try:
            with faults(file):
                signature = read_file(file, signing.SIGNATURE_LIMIT)
        except VolumeFault as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return False
            raise
        signing.verify_signature(self.folder(manifest.version), manifest, signature, key)
        return True

    def _signers(self, version: str) -> str:
        keys = complete(self.root / "signatures" / version)
        return f"signed by {', '.join(keys)} only" if keys else "not signed"

    # What was measured

    def contrast_file(self, version: str) -> Path:
        "Where the measured contrast of a version lies, whether it was measured or not."
        return self.root / "contrasts" / version / "contrast.json"

    def save_contrast(self, version: str, contrast: dict[str, Any]) -> None:
        "Keep what was measured beside the version; a later measurement replaces it. Raises VolumeFault."
        replace_file(self.contrast_file(version), json.dumps(contrast, indent=2).encode())


def age_order(version: str) -> tuple[str, str]:
    "Sorts version names `<MODEL_VERSION>-<UTC time>-<hash>` by their time."
    parts = version.rsplit("-", 2)
    return (parts[-2] if len(parts) == 3 else "", version)


def _copy(candidate: Path, manifest: Manifest, staged: Path) -> None:
    for name in [*manifest.files, artifact.MANIFEST]:
        copy_file(candidate / name, staged / name)
    if artifact.verify_files(staged) != manifest:
        raise NotTrusted(f"{candidate} was altered while it was published; publish it again")
