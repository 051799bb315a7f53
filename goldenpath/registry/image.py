"""A version as an OCI image: a small volume whose one version is the champion, mounted as any volume.

KServe mounts the image's folder `models` at /mnt/models, so a server whose home is /mnt finds the version
there. The layer is laid out like a bundle and read by the same code. Equal versions make equal bytes.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goldenpath.errors import NotTrusted
from goldenpath.registry.bundle import BundleLayout, add_file, add_version
from goldenpath.registry.manifest import Manifest
from goldenpath.registry.registry import Registry
from goldenpath.registry.roles import STATE, Roles

IMAGE_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_DOCKER = "application/vnd.docker"
OTHER_TYPES = {  # what docker called the same before
    f"{_DOCKER}.distribution.manifest.v2+json": IMAGE_TYPE,
    f"{_DOCKER}.container.image.v1+json": CONFIG_TYPE,
    f"{_DOCKER}.image.rootfs.diff.tar": LAYER_TYPE,
    f"{_DOCKER}.image.rootfs.diff.tar.gzip": f"{LAYER_TYPE}+gzip",
}
IMAGE_LIMIT = 4 << 20  # bytes of an image's manifest or configuration
LAYER_LIMIT = 5 << 30  # bytes; a version's largest files have 2 GiB each
TITLE = "org.opencontainers.image.title"
VERSION_ANNOTATION = "org.opencontainers.image.version"
VERSION_LAYER = "goldenpath-version"
MLSERVER_LAYER = "goldenpath-mlserver"


class _Foreign(BaseModel):
    "A record that others write as well, so keys that are not read here are allowed."

    model_config = ConfigDict(frozen=True, extra="ignore")


class Descriptor(_Foreign):
    "What names a blob: its kind, digest and size."

    media_type: str = Field(alias="mediaType")
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    size: int = Field(ge=0)
    annotations: dict[str, str] | None = None


class ImageManifest(_Foreign):
    "An image's manifest."

    media_type: str = Field(alias="mediaType")
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: dict[str, str] | None = None


class Platform(_Foreign):
    "The machines that an image is for."

    architecture: str
    os: str


class Indexed(Descriptor):
    "An image among several."

    platform: Platform | None = None


class Index(_Foreign):
    "The same image for several kinds of machine."

    media_type: str = Field(alias="mediaType")
    manifests: tuple[Indexed, ...]


def places_of(model: str, version: str) -> BundleLayout:
    "Return the places of a version in the layer: those on a volume, with the entry that promotes it."
    root = f"models/{model}"
    entry = f"{root}/roles/000001/{STATE}"
    return BundleLayout(f"{root}/versions/{version}", f"{root}/signatures/{version}", (entry,))


def write_layer(registry: Registry, version: str, file: Path) -> Manifest:
    "Write the layer of a version that verifies. Raises NoModel, NotTrusted, BadInput, VolumeFault, OSError."
    places, manifest = places_of(registry.model, version), registry.verify(version)
    entry = Roles(
        number=1, champion=version, who=manifest.who, when=manifest.created, why="the version of this image"
    )
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as layer:
        add_version(registry, version, layer, places)
        _add_bytes(layer, places.others[0], entry.model_dump_json(indent=2).encode())
    return manifest


def write_export(model: str, folder: Path, file: Path) -> None:
    "Write the layer of an export for MLServer, which looks for its settings in every folder. Raises OSError."
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as layer:
        for path in sorted(folder.iterdir()):
            add_file(layer, f"models/{model}/mlserver/{path.name}", path)


def _add_bytes(layer: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    layer.addfile(member, io.BytesIO(content))


def describe(file: Path, title: str) -> Descriptor:
    "Return the descriptor of a layer in a file. Raises OSError."
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return Descriptor(
        mediaType=LAYER_TYPE,
        digest=f"sha256:{digest}",
        size=file.stat().st_size,
        annotations={TITLE: title},
    )


def digest_of(content: bytes) -> str:
    "Return the digest by which registries name these bytes."
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def configuration(manifest: Manifest, layers: list[Descriptor], base: dict[str, Any]) -> bytes:
    "Return the image's configuration: that of the base (or none), and the version's layers."
    config = {"architecture": "amd64", "os": "linux"} | base
    made = {"created": manifest.created, "created_by": "goldenpath models push"}
    ids = [*config.get("rootfs", {}).get("diff_ids", []), *(layer.digest for layer in layers)]
    config["created"] = manifest.created
    config["rootfs"] = {"type": "layers", "diff_ids": ids}
    config["history"] = [*config.get("history", []), *([made] * len(layers))]
    return _json(config)


def manifest_bytes(manifest: Manifest, config: Descriptor, layers: list[Descriptor]) -> bytes:
    "Return the image's manifest."
    about = {
        TITLE: manifest.model,
        VERSION_ANNOTATION: manifest.version,
        "org.opencontainers.image.created": manifest.created,
        "org.opencontainers.image.revision": manifest.git_commit,
    }
    image = ImageManifest(mediaType=IMAGE_TYPE, config=config, layers=tuple(layers), annotations=about)
    return _json({"schemaVersion": 2, **image.model_dump(by_alias=True, exclude_none=True)})


def _json(values: dict[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


def parse_image(content: bytes, origin: str, kinds: Collection[str] = (IMAGE_TYPE,)) -> ImageManifest:
    "Parse the manifest of an image of one of these media types. Raises NotTrusted, naming the origin."
    try:
        image = ImageManifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise NotTrusted(f"{origin} is not an image's manifest: {where}: {first['msg'][:80]}") from None
    if image.media_type not in kinds:
        kind = image.media_type[:80]
        raise NotTrusted(f"{origin} is of type {kind!r}, not {IMAGE_TYPE}; push a version there")
    return image


def version_layer(image: ImageManifest, origin: str) -> Descriptor:
    "Return the one layer that holds a version. Raises NotTrusted where there is none."
    layers = [layer for layer in image.layers if (layer.annotations or {}).get(TITLE) == VERSION_LAYER]
    if len(layers) != 1:
        raise NotTrusted(
            f"{origin} has {len(layers)} layers called {VERSION_LAYER}, not one; push a version there"
        )
    (layer,) = layers
    if layer.media_type != LAYER_TYPE:
        raise NotTrusted(f"{origin} holds a version of type {layer.media_type[:80]!r}, not {LAYER_TYPE}")
    if layer.size > LAYER_LIMIT:
        raise NotTrusted(
            f"{origin} holds a version of {layer.size:,} bytes; at most {LAYER_LIMIT:,} are read"
        )
    return layer
