"""What a candidate must fulfil to be published: new code has a new MODEL_VERSION, no caller is broken."""

from pathlib import Path
from typing import TYPE_CHECKING

from goldenpath.rails import artifact
from goldenpath.rails.errors import GateRefused, NotTrusted
from goldenpath.rails.manifest import Manifest

if TYPE_CHECKING:
    from goldenpath.rails.registry import Registry


def check(registry: "Registry", manifest: Manifest, candidate: Path) -> None:
    "Raise NotTrusted or GateRefused, with the line to change, where a candidate may not become a version."
    if manifest.model != registry.model:
        raise NotTrusted(
            f"{candidate} is a model named {manifest.model!r}, not {registry.model!r}; see settings.ini"
        )
    if not manifest.version.startswith(f"{manifest.model_version}-") or not artifact.is_plain(
        manifest.version
    ):
        raise NotTrusted(f"{candidate} has the version name {manifest.version!r}; train it again")
    _check_fingerprint(registry, manifest)


def _check_fingerprint(registry: "Registry", manifest: Manifest) -> None:
    same = [v for v in registry.versions() if v.startswith(f"{manifest.model_version}-")]
    if not same or (other := registry.manifest(same[-1])).fingerprint == manifest.fingerprint:
        return
    parts = {*manifest.fingerprint_parts, *other.fingerprint_parts}
    changed = sorted(p for p in parts if manifest.fingerprint_parts.get(p) != other.fingerprint_parts.get(p))
    raise GateRefused(
        f"MODEL_VERSION {manifest.model_version} was published as {same[-1]} "
        f"with another {' and '.join(changed)}; raise MODEL_VERSION in goldenpath/__init__.py"
    )
