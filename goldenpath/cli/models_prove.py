"""Load a version as a server would, before it gets a role."""

from goldenpath.errors import NotTrusted
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry
from goldenpath.registry.trial import Job, try_version
from goldenpath.settings import Settings
from goldenpath.text.plain import say


def prove(registry: Registry, version: str, settings: Settings) -> None:
    "Verify a version. Raises NotTrusted if it is altered, doesn't load or fails its golden records."
    manifest = registry.verify(version)
    if not settings.trial_seconds:
        say(f"{version} is not loaded before it is promoted: trial_seconds is 0")
        return
    try:
        _try(registry, manifest, settings)
    except NotTrusted as error:
        raise NotTrusted(f"{error}; `--unproven` promotes it all the same") from None


def _try(registry: Registry, manifest: Manifest, settings: Settings) -> None:
    from goldenpath.predict import load_predictor

    folder = registry.folder(manifest.version).absolute()
    job = Job(folder=folder, manifest=manifest, fast=settings.fast_path, seconds=settings.trial_seconds)
    outcome = try_version(load_predictor, job).checked()
    if outcome.path == "sklearn":
        say(f"scikit-learn would answer here: {outcome.why}")
