"""The image that a version's layer is put on: KServe's modelcars run a shell in it, which no version has."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from goldenpath.errors import BadInput, NotTrusted
from goldenpath.registry.container_registry import ImageReference, Remote
from goldenpath.registry.image import (
    CONFIG_TYPE,
    IMAGE_LIMIT,
    IMAGE_TYPE,
    INDEX_TYPES,
    LAYER_LIMIT,
    LAYER_TYPE,
    OTHER_TYPES,
    Descriptor,
    ImageManifest,
    Index,
    Platform,
    parse_image,
)

PLATFORM = Platform(architecture="amd64", os="linux")
LAYERS = (LAYER_TYPE, f"{LAYER_TYPE}+gzip", f"{LAYER_TYPE}+zstd")


def copy_base(base: ImageReference, to: Remote, scratch: Path) -> tuple[dict[str, Any], list[Descriptor]]:
    """Copy the layers of an image for linux/amd64 to another place; its configuration and its layers.

    Raises BadInput, NotTrusted, ImageRegistryFault, OSError.
    """
    if not (base.tag or base.digest):
        raise BadInput(f"{base} names no tag and no digest; add :TAG or @sha256:...")
    source = Remote(base)
    image = _image(source, base)
    if image.config.media_type != CONFIG_TYPE or image.config.size > IMAGE_LIMIT:
        raise NotTrusted(f"{base} is not an image that runs; name another base")
    source.download(image.config, scratch / "base")
    for layer in image.layers:
        if layer.media_type not in LAYERS or layer.size > LAYER_LIMIT:
            raise NotTrusted(f"{base} has a layer of type {layer.media_type[:80]!r}, {layer.size:,} bytes")
        source.download(layer, scratch / "layer")
        to.upload(scratch / "layer", layer)
    return _configuration(scratch / "base", base), list(image.layers)


def _image(source: Remote, base: ImageReference) -> ImageManifest:
    content = source.manifest()
    try:
        kind = json.loads(content).get("mediaType")
        if kind in INDEX_TYPES:
            fitting = [
                item for item in Index.model_validate_json(content).manifests if item.platform == PLATFORM
            ]
            if not fitting:
                raise BadInput(f"{base} has no image for linux/amd64; name another base")
            source = Remote(replace(base, tag="", digest=fitting[0].digest))
            content = source.manifest()
    except (ValueError, AttributeError, ValidationError):
        raise NotTrusted(f"{base} is not an image; name another base") from None
    return _renamed(parse_image(content, str(base), (IMAGE_TYPE, *OTHER_TYPES)))


def _renamed(image: ImageManifest) -> ImageManifest:
    def in_oci(blob: Descriptor) -> Descriptor:
        kind = OTHER_TYPES.get(blob.media_type, blob.media_type)
        return Descriptor(mediaType=kind, digest=blob.digest, size=blob.size)

    return image.model_copy(
        update={"config": in_oci(image.config), "layers": tuple(map(in_oci, image.layers))}
    )


def _configuration(file: Path, base: ImageReference) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(file.read_bytes())
        if isinstance(config["rootfs"]["diff_ids"], list) and isinstance(config.get("history", []), list):
            return config
    except (ValueError, KeyError, TypeError):
        pass
    raise NotTrusted(f"{base} has no valid configuration; name another base")
