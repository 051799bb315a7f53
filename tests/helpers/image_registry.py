"""A container registry on loopback: Debian's `docker-registry`, whose stored files a test can falsify."""

import contextlib
import hashlib
import json
import os
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldenpath.programs import free_ports
from goldenpath.programs import running as running_program
from goldenpath.registry.container_registry import parse_reference
from goldenpath.registry.exchange import pull_version, push_version
from goldenpath.registry.image import IMAGE_TYPE
from goldenpath.registry.registry import Registry
from tests.helpers.patience import wait_until
from tests.helpers.requirements import needs

PASSWORD = "open sesame"
# bcrypt of it, for user ada
HTPASSWD = "ada:$2b$04$UYTFIPshs761Oe3f2bo8Iesc/llYdr/F9Zy.Il4U0VJy.TKe0upfm\n"
NAME = "team/churn"


@dataclass(frozen=True)
class ImageRegistry:
    "A running registry and the folder of its files."

    host: str
    folder: Path

    def address(self, tag: str = "1") -> str:
        return f"oci://{self.host}/{NAME}:{tag}"

    def stored(self, digest: str) -> Path:
        "Return the file of a blob."
        value = digest.removeprefix("sha256:")
        return self.folder / "docker/registry/v2/blobs/sha256" / value[:2] / value / "data"

    def manifest(self, tag: str) -> dict[str, Any]:
        asked = urllib.request.Request(
            f"http://{self.host}/v2/{NAME}/manifests/{tag}", headers={"Accept": IMAGE_TYPE}
        )
        with urllib.request.urlopen(asked) as reply:
            return json.loads(reply.read())

    def put_blob(self, content: bytes, kind: str, **annotations: str) -> dict[str, Any]:
        "Store a blob; its descriptor."
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        begun = self._send("POST", "blobs/uploads/", b"", "application/octet-stream")
        self._send("PUT", f"{begun}&digest={digest}", content, "application/octet-stream")
        return {"mediaType": kind, "digest": digest, "size": len(content), "annotations": annotations}

    def put_image(self, manifest: dict[str, Any], tag: str = "1") -> None:
        self._send("PUT", f"manifests/{tag}", json.dumps(manifest).encode(), manifest["mediaType"])

    def _send(self, method: str, place: str, content: bytes, kind: str) -> str:
        url = place if place.startswith("http") else f"http://{self.host}/v2/{NAME}/{place}"
        asked = urllib.request.Request(url, content, {"Content-Type": kind}, method=method)
        with urllib.request.urlopen(asked) as reply:
            return str(reply.headers.get("Location", ""))


def image(*layers: dict[str, Any], config: dict[str, Any], **annotations: str) -> dict[str, Any]:
    "Return a manifest of these layers."
    about = {f"org.opencontainers.image.{name}": value for name, value in annotations.items()}
    return {
        "schemaVersion": 2,
        "mediaType": IMAGE_TYPE,
        "config": config,
        "layers": list(layers),
        "annotations": about,
    }


@contextlib.contextmanager
def running_registry(folder: Path, htpasswd: str = "") -> Iterator[ImageRegistry]:
    "Run a registry, open or behind a password."
    program = shutil.which("docker-registry")
    needs("docker-registry", program is not None, "it is not installed (Debian: docker-registry)")
    assert program
    host = f"127.0.0.1:{free_ports(1)[0]}"
    config: dict[str, Any] = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "files")}},
        "http": {"addr": host},
    }
    if htpasswd:
        (folder / "htpasswd").write_text(htpasswd)
        config["auth"] = {"htpasswd": {"realm": "here", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(json.dumps(config))
    with (
        (folder / "log").open("wb") as log,
        running_program([program, "serve", folder / "config.yml"], folder, os.environ, log),
    ):
        wait_until(lambda: _answers(host), (folder / "log").read_text)
        yield ImageRegistry(host, folder / "files")


def _answers(host: str) -> bool:
    with contextlib.suppress(OSError):
        try:
            urllib.request.urlopen(f"http://{host}/v2/").close()
        except urllib.error.HTTPError as error:
            return error.code == 401
        return True
    return False


def pushed(development: Registry, registry: ImageRegistry, tag: str = "1") -> str:
    "Push the oldest version; its address by digest."
    return str(push_version(development, development.versions()[0], parse_reference(registry.address(tag))))


def pulled(registry: Registry, address: str) -> str:
    "Pull a version; its name."
    return pull_version(registry, parse_reference(address))


def unpacked(registry: ImageRegistry, tag: str, folder: Path) -> Path:
    "Unpack the layers of an image, one over the other; the folder."
    for layer in registry.manifest(tag)["layers"]:
        with tarfile.open(registry.stored(layer["digest"])) as content:
            content.extractall(folder, filter="data")
    return folder
