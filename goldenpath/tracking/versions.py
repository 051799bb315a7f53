"""Versions and roles in MLflow's model registry: a version is found by its tag, a role is an alias."""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from goldenpath.errors import NotTrusted
from goldenpath.registry.artifact import MANIFEST
from goldenpath.registry.registry import Registry
from goldenpath.registry.roles import ROLES, Roles
from goldenpath.registry.signing import SIGNATURE, SIGNATURE_LIMIT
from goldenpath.runs.run import RUN_ID
from goldenpath.tracking.facts import facts_of
from goldenpath.tracking.model_folder import MANIFEST_BYTES, write_model_folder
from goldenpath.tracking.runs import RunMirror
from goldenpath.volume import complete, read_file

VERSION_TAG, STATE_TAG = "goldenpath.version", "goldenpath.state"
SHARE_TAG = "goldenpath.challenger_share"
_TAG_LENGTH = 90_000  # characters; a server refuses more than 100,000


@dataclass(frozen=True)
class VersionMirror:
    "The versions of one model in MLflow."

    runs: RunMirror
    registry: Registry

    @property
    def client(self) -> Any:
        "Return MLflow's client."
        return self.runs.client

    @property
    def name(self) -> str:
        "The name of the registered model."
        return self.registry.model

    def there(self) -> dict[str, Any]:  # mlflow.entities.model_registry.ModelVersion by our version
        "Return the versions that MLflow holds; of two that are the same, the one with the lower number."
        there: dict[str, Any] = {}
        page = self.client.search_model_versions(f"name = '{self.name}'")
        versions = [*page]
        while page.token:
            page = self.client.search_model_versions(f"name = '{self.name}'", page_token=page.token)
            versions += page
        for version in sorted(versions, key=lambda one: int(one.version), reverse=True):
            if name := version.tags.get(VERSION_TAG):
                there[name] = version
        return there

    def mirror(self, version: str) -> None:
        "Make MLflow hold a version, with its tags. Raises NoModel, NotTrusted, VolumeFault."
        there = self.there().get(version) or self._register(version)
        for name, value in self._tags(version).items():
            if there.tags.get(name) != value:
                self.client.set_model_version_tag(self.name, there.version, name, value)

    def _register(self, version: str) -> Any:
        self._make_model()
        run = self._run_of(version)
        with TemporaryDirectory() as scratch:
            write_model_folder(self.registry, version, Path(scratch, "model"))
            self.client.log_artifacts(run, str(Path(scratch, "model")), version)
        made = self.client.create_model_version(
            self.name, f"runs:/{run}/{version}", run, tags=self._tags(version), await_creation_for=0
        )
        first = self.there()[version]
        if first.version != made.version:  # another process mirrored it at the same time
            self.client.delete_model_version(self.name, made.version)
        return first

    def _make_model(self) -> None:
        from mlflow.exceptions import MlflowException

        with suppress(MlflowException):  # it is there; else what follows says why
            self.client.create_registered_model(self.name)

    def _run_of(self, version: str) -> str:
        "Return MLflow's id of the run that made a version. It may be in another home."
        name = self.registry.manifest(version).run
        if not RUN_ID.fullmatch(name):
            raise NotTrusted(f"version {version} says that it is of run {name!r}, which is not a run's id")
        if there := self.runs.find(name):
            return str(there.info.run_id)
        return self.runs.mirror(facts_of(self.registry.root.parents[1] / "runs" / name))

    def _tags(self, version: str) -> dict[str, str]:
        manifest = self.registry.manifest(version)
        content = read_file(self.registry.folder(version) / MANIFEST, MANIFEST_BYTES)
        withdrawn = version in self.registry.roles().withdrawn
        return {
            VERSION_TAG: version,
            "goldenpath.manifest": _as_tag(content),
            "goldenpath.sha256": hashlib.sha256(content).hexdigest(),
            "goldenpath.identity": manifest.identity,
            "goldenpath.data": manifest.data.fingerprint,
            STATE_TAG: "withdrawn" if withdrawn else "published",
            **dict(self._signatures(version)),
        }

    def _signatures(self, version: str) -> Iterator[tuple[str, str]]:
        folder = self.registry.root / "signatures" / version
        for key in complete(folder):
            with suppress(OSError):  # no regular file
                content = read_file(folder / key / SIGNATURE, SIGNATURE_LIMIT)
                yield f"goldenpath.signature.{key}", _as_tag(content)

    def mirror_roles(self) -> None:
        "Set MLflow's aliases as the roles are; those of other versions than ours stay as they are."
        roles = self.registry.roles()
        while True:
            self._set_aliases(roles)
            newest = self.registry.roles()
            if newest.number == roles.number:
                return
            roles = newest  # changed meanwhile

    def _set_aliases(self, roles: Roles) -> None:
        there = self.there()
        for version in set(roles.in_use) - set(there):
            self.mirror(version)
            there = self.there()
        if not there:
            return
        numbers = {name: str(one.version) for name, one in there.items()}
        aliases = {alias: str(number) for alias, number in self._aliases().items()}
        for role in ROLES:
            holder = roles.holder(role)
            if holder and aliases.get(role) != numbers[holder]:
                self.client.set_registered_model_alias(self.name, role, numbers[holder])
            elif not holder and aliases.get(role) in numbers.values():
                self.client.delete_registered_model_alias(self.name, role)
        self._set_states(there, roles)

    def _aliases(self) -> dict[str, Any]:
        return dict(self.client.get_registered_model(self.name).aliases)

    def _set_states(self, there: dict[str, Any], roles: Roles) -> None:
        "Tag versions as published, withdrawn or removed, and the challenger with its share."
        published = set(self.registry.versions())
        for name, one in there.items():
            state = "removed" if name not in published else "published"
            state = "withdrawn" if name in roles.withdrawn else state
            share = f"{roles.challenger_share:g}" if name == roles.challenger else ""
            for tag, value in ((STATE_TAG, state), (SHARE_TAG, share)):
                if one.tags.get(tag, "") != value:
                    self.client.set_model_version_tag(self.name, one.version, tag, value)


def _as_tag(content: bytes) -> str:
    "Return a file as a tag; of one that is too long for it, where to find it."
    text = content.decode()
    return (
        text if len(text) <= _TAG_LENGTH else f"{len(text):,} characters, too long for a tag; see the files"
    )
