"""Send a version to a container registry as an OCI image, and take one in from there."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from goldenpath.errors import BadInput, NotTrusted
from goldenpath.registry import image as images
from goldenpath.registry.artifact import is_plain
from goldenpath.registry.base_image import copy_base
from goldenpath.registry.bundle import import_version, staging
from goldenpath.registry.container_registry import ImageReference, Remote
from goldenpath.registry.image import CONFIG_TYPE, MLSERVER_LAYER, TITLE, VERSION_ANNOTATION, VERSION_LAYER
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.mlserver import export_mlserver
from goldenpath.registry.registry import Registry
from goldenpath.volume import faults


def push_version(
    registry: Registry,
    version: str,
    to: ImageReference,  # without a tag: the version's name
    *,
    base: ImageReference | None = None,  # image to put the version on; None: it is alone in its image
    mlserver: Sequence[str] | None = None,  # add an export for MLServer; types that the pipeline may hold
) -> ImageReference:
    """Push a version that verifies, with its signatures; the address by digest, which never moves.

    Raises NoModel, NotTrusted, BadInput, VolumeFault, ImageRegistryFault.
    """
    if to.digest:
        raise BadInput(f"{to} names a digest, which follows from the content; name a tag, or none")
    remote = Remote(replace(to, tag=to.tag or version))
    with TemporaryDirectory() as name, faults(scratch := Path(name)):
        titles, manifest = _write_layers(registry, version, scratch, mlserver)
        layers = [images.describe(scratch / title, title) for title in titles]
        for title, layer in zip(titles, layers, strict=True):
            remote.upload(scratch / title, layer)
        under, below = copy_base(base, remote, scratch) if base else ({}, [])
        config = remote.send(images.configuration(manifest, layers, under), CONFIG_TYPE, scratch)
        content = images.manifest_bytes(manifest, config, [*below, *layers])
        remote.put_manifest(content)
    return replace(to, tag="", digest=images.digest_of(content))


def _write_layers(
    registry: Registry, version: str, scratch: Path, mlserver: Sequence[str] | None
) -> tuple[list[str], Manifest]:
    "Write each layer into a file that is called as its title."
    manifest = images.write_layer(registry, version, scratch / VERSION_LAYER)
    if mlserver is None:
        return [VERSION_LAYER], manifest
    export_mlserver(registry, version, scratch / "export", tuple(mlserver))
    images.write_export(registry.model, scratch / "export", scratch / MLSERVER_LAYER)
    return [VERSION_LAYER, MLSERVER_LAYER], manifest


def pull_version(registry: Registry, source: ImageReference) -> str:
    """Publish the version in an image, under this registry's own rules and keys; the version's name.

    Raises BadInput; NotTrusted if it is not what its digests say, not sound or not signed as this reader
    asks; GateRefused as `publish` does, VolumeFault, ImageRegistryFault.
    """
    if not (source.tag or source.digest):
        raise BadInput(f"{source} names no tag and no digest; add :TAG or @sha256:...")
    remote, origin = Remote(source), str(source)
    image = images.parse_image(remote.manifest(), origin)
    about, layer = image.annotations or {}, images.version_layer(image, origin)
    model, version = about.get(TITLE, ""), about.get(VERSION_ANNOTATION, "")
    if model != registry.model:
        held = f"a model named {model[:80]!r}, not {registry.model!r}"
        raise NotTrusted(f"{origin} holds {held}; see settings.ini")
    if not is_plain(version):
        raise NotTrusted(f"{origin} names the version {version[:80]!r}, which is not a plain name")
    with staging(registry) as staged:
        with faults(staged):
            remote.download(layer, staged / "layer.tar")
        places = images.places_of(model, version)
        return import_version(registry, staged / "layer.tar", staged, places, origin)
