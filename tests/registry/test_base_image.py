"""What can lie below a version in its image, and beside it."""

import gzip
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from goldenpath.registry.container_registry import parse_reference
from goldenpath.registry.exchange import push_version
from goldenpath.registry.image import CONFIG_TYPE, IMAGE_TYPE, LAYER_TYPE, OTHER_TYPES
from goldenpath.registry.registry import Registry
from tests.helpers.image_registry import ImageRegistry, pulled

pytestmark = pytest.mark.usefixtures("no_credentials")
MODEL = "churn"
EXPORTED = ("model-settings.json", "model.joblib")


def base_of(registry: ImageRegistry) -> str:
    "Store an image with a shell as docker stores one, and an index of it; its address."
    old = {new: kind for kind, new in OTHER_TYPES.items()}
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as layer:
        layer.addfile(tarfile.TarInfo("bin/sh"))
    layer_id = registry.put_blob(content.getvalue(), LAYER_TYPE)["digest"]
    settings = {"architecture": "amd64", "os": "linux", "config": {"User": "1001"}, "history": [{}]}
    config = settings | {"rootfs": {"type": "layers", "diff_ids": [layer_id]}}
    packed = gzip.compress(content.getvalue(), mtime=0)
    made = {
        "schemaVersion": 2,
        "mediaType": old[IMAGE_TYPE],
        "config": registry.put_blob(json.dumps(config).encode(), old[CONFIG_TYPE]),
        "layers": [registry.put_blob(packed, old[f"{LAYER_TYPE}+gzip"])],
    }
    registry.put_image(made, "one")
    one = registry.put_blob(json.dumps(made).encode(), old[IMAGE_TYPE])
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
        "manifests": [{**one, "platform": {"architecture": "amd64", "os": "linux"}}],
    }
    registry.put_image(index, "base")
    return registry.address("base")


def test_a_version_is_put_on_a_base_for_modelcars(
    home: Path, development: Registry, version: str, own: ImageRegistry, image_registry: ImageRegistry
) -> None:
    base = parse_reference(base_of(own))
    place = parse_reference(image_registry.address("based"))
    address = push_version(development, version, place, base=base)
    assert push_version(development, version, place, base=base) == address
    manifest = image_registry.manifest("based")
    assert [layer["mediaType"] for layer in manifest["layers"]] == [f"{LAYER_TYPE}+gzip", LAYER_TYPE]
    config = json.loads(image_registry.stored(manifest["config"]["digest"]).read_text())
    assert config["config"] == {"User": "1001"}
    assert config["rootfs"]["diff_ids"][1] == manifest["layers"][1]["digest"]
    assert len(config["history"]) == 2
    assert pulled(Registry(home, MODEL), str(address)) == version


def test_the_export_for_mlserver_is_a_layer_of_its_own_with_the_same_bytes_every_time(
    home: Path, tmp_path: Path, development: Registry, version: str, image_registry: ImageRegistry
) -> None:
    address = str(
        push_version(development, version, parse_reference(image_registry.address("a")), mlserver=())
    )
    code = (
        "import sys; from pathlib import Path; from goldenpath.registry.registry import Registry\n"
        "from goldenpath.registry.container_registry import parse_reference\n"
        "from goldenpath.registry.exchange import push_version\n"
        "registry = Registry(Path(sys.argv[1]), 'churn')\n"
        "print(push_version(registry, sys.argv[2], parse_reference(sys.argv[3]), mlserver=()))"
    )
    words = [str(tmp_path / "development"), version, image_registry.address("b")]
    again = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert again.stdout.strip() == address
    layers = image_registry.manifest("a")["layers"]
    with tarfile.open(image_registry.stored(layers[1]["digest"])) as layer:
        assert layer.getnames() == [
            f"models/{MODEL}/mlserver/{name}" for name in ("model-settings.json", "model.joblib")
        ]
    assert pulled(Registry(home, MODEL), address) == version
