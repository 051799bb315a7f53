"""Versions and their roles on a shared volume: everything is placed by the one primitive of `volume`."""

import difflib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from goldenpath.rails import artifact, publishing
from goldenpath.rails.errors import BadInput, GateRefused, NoModel, NotTrusted, RaceLost
from goldenpath.rails.manifest import Manifest
from goldenpath.rails.roles import ROLES, Role, RoleLog, Roles
from goldenpath.rails.volume import complete, copy_file, faults, place, replace_file

__all__ = ["Registry", "Role", "Roles", "age_order"]


class Registry:
    "The versions of one model under `<home>/models/<model>/`, and who of them is champion."

    def __init__(self, home: Path, model: str) -> None:
        self.root = home / "models" / model
        self.model = model
        self.log = RoleLog(self.root / "roles")
        self._manifests: dict[str, Manifest] = {}  # a version never changes

    # Versions

    def versions(self) -> list[str]:
        "Every published version, oldest first. Raises VolumeFault."
        with faults(self.root / "versions"):
            return sorted(complete(self.root / "versions"), key=age_order)

    def folder(self, version: str) -> Path:
        "Where a version lies, whether it exists or not."
        return self.root / "versions" / version

    def manifest(self, version: str) -> Manifest:
        "What a version says of itself, unverified. Raises NoModel, NotTrusted, VolumeFault."
        if version not in self._manifests:
            self._expect(version)
            self._manifests[version] = artifact.read_manifest(self.folder(version))
        return self._manifests[version]

    def verify(self, version: str) -> Manifest:
        "Check a version before it is loaded. Raises NoModel, NotTrusted with the reason, VolumeFault."
        self._expect(version)
        manifest = artifact.verify(self.folder(version))
        if (manifest.version, manifest.model) != (version, self.model):
            claims = f"says that it is {manifest.version} of {manifest.model}"
            raise NotTrusted(f"{self.folder(version)} {claims}; remove it and publish that version again")
        return manifest

    def find_identity(self, identity: str) -> str | None:
        "The version that holds the same model (same fingerprint, data and seed), if one was published."
        same = [version for version in self.versions() if version.endswith(f"-{identity[:8]}")]
        return next((version for version in same if self.manifest(version).identity == identity), None)

    def publish(self, candidate: Path) -> str:
        """Make a candidate a version, as a whole or not at all; the same model again is the same version.

        Raises NotTrusted where the candidate is not sound, GateRefused where MODEL_VERSION must be raised,
        RaceLost where its name is taken by other content, VolumeFault.
        """
        manifest = artifact.verify(candidate)
        already = self.find_identity(manifest.identity)
        if already and already != manifest.version:
            return already
        publishing.check(self, manifest, candidate)
        try:
            place(self.folder(manifest.version), lambda staged: _copy(candidate, manifest, staged))
        except RaceLost:
            if self.manifest(manifest.version) != manifest:
                raise
        return manifest.version

    def _expect(self, version: str) -> None:
        with faults(self.folder(version)):
            if artifact.is_plain(version) and os.path.lexists(self.folder(version)):
                return
        raise NoModel(f"version {version!r} of {self.model} is not published{self._nearest(version)}")

    def _nearest(self, name: str) -> str:
        near = difflib.get_close_matches(name, [*ROLES, *self.versions()], n=1)
        return f"; did you mean {near[0]}?" if near else "; see `goldenpath models list`"

    # Roles

    def roles(self) -> Roles:
        "The assignment that is in force. Raises VolumeFault."
        return self.log.current()

    def history(self) -> list[Roles]:
        "Every assignment there ever was, oldest first. Raises VolumeFault."
        return self.log.all()

    def resolve(self, name: str) -> str:
        "The version that a role or version name means. Raises NoModel, BadInput where it was withdrawn."
        roles = self.roles()
        version = roles.holder(name) if name in ROLES else name
        if version is None:
            raise NoModel(
                f"no version of {self.model} is {name}; `goldenpath models promote VERSION` makes one"
            )
        if version in roles.withdrawn:
            raise BadInput(
                f"version {version} was withdrawn; see `goldenpath models history`, choose another one"
            )
        self._expect(version)
        return version

    def assign(
        self,
        change: Callable[[Roles], Roles],  # the assignment in force, and what is to follow it
        *,
        why: str,
        who: str,
        made_from: int | None = None,  # the entry that the decision was made from; None: the newest
    ) -> Roles:
        "Append an entry. Raises RaceLost where the roles were changed since `made_from`, VolumeFault."
        base = self.roles() if made_from is None else self._unchanged_since(made_from)
        return self.log.append(change(base), why=why, who=who, made_from=base.number)

    def _unchanged_since(self, number: int) -> Roles:
        newest = self.roles()
        if newest.number != number:
            raise RaceLost(
                f"{newest.who} changed the roles since entry {number} ({newest.why}, entry {newest.number}); "
                "look at `goldenpath models history`, then decide again"
            )
        return newest

    def promote(
        self,
        version: str,
        role: Role = "champion",
        share: float = 0.0,  # of the requests, for a challenger
        *,
        why: str,
        who: str,
        made_from: int | None = None,
    ) -> Roles:
        "Give a version a role. Raises NoModel, BadInput, GateRefused, RaceLost, VolumeFault."
        if not 0 <= share <= 1:
            raise BadInput(f"share {share} is not within 0 and 1; a challenger gets e.g. 0.1 of the requests")

        def change(roles: Roles) -> Roles:
            self._check_promotion(version, role, roles)
            return assigned(roles, version, role, share)

        return self.assign(change, why=why, who=who, made_from=made_from)

    def _check_promotion(self, version: str, role: Role, roles: Roles) -> None:
        if version in roles.withdrawn:
            raise BadInput(
                f"version {version} was withdrawn; choose another one from `goldenpath models list`"
            )
        stand_in = self.manifest(version).synthetic
        if role == "champion" and stand_in and roles.champion and not self.manifest(roles.champion).synthetic:
            raise GateRefused(
                f"{version} was trained on synthetic stand-in rows and cannot replace {roles.champion}, "
                "which was trained on real rows; train on real rows"
            )

    def withdraw(self, version: str, *, why: str, who: str, made_from: int | None = None) -> Roles:
        "Have nobody load a version again; it leaves every role. Raises NoModel, RaceLost, VolumeFault."
        self._expect(version)

        def change(roles: Roles) -> Roles:
            freed = vacated(roles, version)
            return freed.model_copy(update={"withdrawn": tuple(sorted({*roles.withdrawn, version}))})

        return self.assign(change, why=why, who=who, made_from=made_from)

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


def assigned(roles: Roles, version: str, role: Role, share: float = 0.0) -> Roles:
    "The assignment in which a version holds this role and no other."
    change: dict[str, Any] = {role: version}
    if role == "challenger":
        change["challenger_share"] = share
    return vacated(roles, version).model_copy(update=change)


def vacated(roles: Roles, version: str) -> Roles:
    "The assignment in which a version holds no role."
    change: dict[str, Any] = {role: None for role in ROLES if roles.holder(role) == version}
    if "challenger" in change:
        change["challenger_share"] = 0.0
    return roles.model_copy(update=change)


def _copy(candidate: Path, manifest: Manifest, staged: Path) -> None:
    for name in [*manifest.files, artifact.MANIFEST]:
        copy_file(candidate / name, staged / name)
    if artifact.verify(staged) != manifest:
        raise NotTrusted(f"{candidate} was altered while it was published; publish it again")
