"""The server as KServe puts it together: the runtime's container, and a version from an image or a claim."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from goldenpath.registry.container_registry import parse_reference
from goldenpath.registry.exchange import push_version
from goldenpath.registry.registry import Registry
from goldenpath.settings import KEYS, load_settings
from serving.launcher import check_access
from tests.helpers.image_registry import running_registry, unpacked
from tests.helpers.manifests import (
    OPENSHIFT,
    PROJECT,
    compose,
    containers,
    kustomize,
    one,
    rendered,
    variables,
)
from tests.helpers.serving_fixtures import MODEL, publish, records
from tests.helpers.serving_program import running

FOLDER = OPENSHIFT / "components" / "kserve-storage"
MOUNTED = Path("/mnt/models")  # where KServe mounts what `storageUri` names


def written(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text())


SERVICE, RUNTIME = written("kserve"), written("runtime")
(CONTAINER,) = RUNTIME["spec"]["containers"]
SETTINGS = load_settings(PROJECT / "settings.ini", variables(CONTAINER))


def test_the_service_names_the_runtime_and_a_format_that_it_supports() -> None:
    model = SERVICE["spec"]["predictor"]["model"]
    assert model["runtime"] == RUNTIME["metadata"]["name"]
    assert model["modelFormat"]["name"] in [kind["name"] for kind in RUNTIME["spec"]["supportedModelFormats"]]
    assert model["protocolVersion"] in RUNTIME["spec"]["protocolVersions"]
    assert RUNTIME["spec"]["multiModel"] is False  # else KServe would not choose it


def test_the_version_comes_from_a_folder_of_the_claim() -> None:
    scheme, claim, folder = SERVICE["spec"]["predictor"]["model"]["storageUri"].replace("://", "/").split("/")
    base = one(
        tuple(yaml.safe_load_all((OPENSHIFT / "base" / "volume.yaml").read_text())), "PersistentVolumeClaim"
    )
    assert (scheme, claim) == ("pvc", base["metadata"]["name"])
    assert Registry(Path("home"), MODEL).root.parts[1] == folder


def test_the_server_looks_where_kserve_mounts_and_only_the_proxy_reaches_it() -> None:
    ours = {key.removeprefix("GOLDENPATH_").lower() for key in variables(CONTAINER)}
    assert ours <= set(KEYS)
    assert Registry(SETTINGS.home_folder(), MODEL).root == MOUNTED / MODEL
    assert (SETTINGS.listen.host, SETTINGS.behind_login, SETTINGS.feedback) == ("127.0.0.1", False, "off")
    check_access(SETTINGS, SETTINGS.listen.host)
    assert [entry["containerPort"] for entry in CONTAINER["ports"]] == [SETTINGS.listen.port]


def test_it_runs_as_the_custom_predictor_does() -> None:
    other = yaml.safe_load((OPENSHIFT / "components" / "kserve" / "kserve.yaml").read_text())
    (custom,) = containers(other["spec"]["predictor"])
    for key in ("image", "ports", "livenessProbe", "readinessProbe", "resources", "securityContext"):
        assert CONTAINER[key] == custom[key]
    for key in ("enableServiceLinks", "automountServiceAccountToken", "terminationGracePeriodSeconds"):
        assert SERVICE["spec"]["predictor"][key] == other["spec"]["predictor"][key]
    assert SERVICE["metadata"]["annotations"] == other["metadata"]["annotations"]
    assert "/tmp" in [mount["mountPath"] for mount in CONTAINER["volumeMounts"]]


def test_the_image_of_an_overlay_replaces_that_of_the_runtime(tmp_path: Path) -> None:
    images = rendered("overlays/dev")
    name = containers(one(images, "Deployment", "gp-serving")["spec"]["template"]["spec"])[0]["image"]
    assert compose(tmp_path, ["kserve-storage"]).returncode == 0
    overlay = tmp_path / "openshift" / "overlays" / "dev" / "kustomization.yaml"
    swapped = overlay.read_text().replace("components/serving ", "components/kserve-storage ")
    overlay.write_text(swapped.replace("  - ../../components/tokens\n", ""))
    found = tuple(yaml.safe_load_all(kustomize(overlay.parent).stdout))
    assert one(found, "ServingRuntime")["spec"]["containers"][0]["image"] == name


@pytest.mark.parametrize("modelcar", [True, False], ids=["modelcar", "mount"])
def test_the_server_serves_the_version_of_an_image_that_it_can_only_read(
    modelcar: bool, tmp_path: Path
) -> None:
    version = publish(tmp_path / "home", 1)
    with running_registry(tmp_path) as registry:
        push_version(Registry(tmp_path / "home", MODEL), version, parse_reference(registry.address()))
        root = unpacked(registry, "1", tmp_path / "image")
    (tmp_path / "mnt").mkdir()
    if modelcar:  # a link into the file system of another container
        (tmp_path / "mnt" / "models").symlink_to(root / "models")
    for path in [root, *root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    with running(tmp_path / "mnt" if modelcar else root, feedback="off") as server:
        assert server.post("/predict", records(1, 7)[0]).json()["version"] == version
