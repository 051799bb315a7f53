"""The manifests of openshift/, as files and as kustomize renders them."""

import contextlib
import io
import runpy
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.helpers.project import PROJECT

OPENSHIFT = PROJECT / "openshift"
COMPONENTS = sorted(path.name for path in (OPENSHIFT / "components").iterdir())
OVERLAYS = ("dev", "dev/workbench", "prod", "prod/models", "applications")
CHECKER = PROJECT.parent / "shared" / "platform" / "check_manifests.py"
KUSTOMIZE = "kustomize.config.k8s.io"


CORE = ("v1", "apps/v1", "batch/v1", "autoscaling/v2", "policy/v1", "networking.k8s.io/v1")


@cache
def checker() -> dict[str, Any]:
    "Load the platform's own program as a module."
    return runpy.run_path(str(CHECKER))


def assert_valid(folder: Path) -> None:
    "By the checker of the platform's schemas if it is beside the checkout, else core kinds only."
    if CHECKER.exists():
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = checker()["main"]([str(folder)])
        assert code == 0, output.getvalue()
        return
    for file in sorted(folder.rglob("*.yaml")):
        for document in documents(file):
            if document["apiVersion"] in CORE:
                kubernetes_validate.validate(document, "1.33", strict=True)


def documents(file: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(file.read_text()) if document]


def written() -> Iterator[tuple[str, dict[str, Any]]]:
    "Every manifest in a file of its own, with the file's name."
    for file in sorted(OPENSHIFT.rglob("*")):
        if file.suffix in (".yaml", ".json"):
            for document in documents(file):
                if KUSTOMIZE not in document["apiVersion"]:
                    yield str(file.relative_to(OPENSHIFT)), document


@cache
def rendered(place: str) -> tuple[dict[str, Any], ...]:
    "Run `kubectl kustomize` on a folder below openshift/."
    done = kustomize(OPENSHIFT / place)
    assert done.returncode == 0, done.stderr
    return tuple(document for document in yaml.safe_load_all(done.stdout) if document)


def kustomize(folder: Path) -> subprocess.CompletedProcess[str]:
    if not shutil.which("kubectl"):
        pytest.skip("there is no kubectl here")
    return subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)


def compose(top: Path, components: Sequence[str]) -> subprocess.CompletedProcess[str]:
    "Render these components on the base, from an overlay beside a copy of openshift/ in `top`."
    if not (top / "openshift").exists():
        shutil.copytree(OPENSHIFT, top / "openshift")
    overlay = top / "openshift" / "composed"
    overlay.mkdir(exist_ok=True)
    parts = {"resources": ["../base"], "components": [f"../components/{name}" for name in components]}
    head = {"apiVersion": f"{KUSTOMIZE}/v1beta1", "kind": "Kustomization", "namespace": "composed"}
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(head | parts))
    return kustomize(overlay)


def one(found: tuple[dict[str, Any], ...], kind: str, name: str = "") -> dict[str, Any]:
    "Return the one document of this kind (and name)."
    fitting = [d for d in found if d["kind"] == kind and name in ("", d["metadata"]["name"])]
    assert len(fitting) == 1, f"{len(fitting)} of kind {kind} {name}"
    return fitting[0]


def pod_of(document: dict[str, Any]) -> dict[str, Any] | None:
    "Return the pod specification inside a workload, if it is one; that of a runtime has containers alone."
    spec = document.get("spec", {})
    if document["kind"] in ("Deployment", "Job", "Notebook"):
        return spec["template"]["spec"]
    if document["kind"] == "CronJob":
        return spec["jobTemplate"]["spec"]["template"]["spec"]
    if document["kind"] == "ServingRuntime":
        return spec
    return spec["predictor"] if document["kind"] == "InferenceService" else None


def pods_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    "Return the pod specifications inside a workload: a RayJob has a head and workers."
    if document["kind"] == "RayJob":
        return [template["spec"] for template in ray_templates(document)]
    return [pod for pod in [pod_of(document)] if pod]


def ray_templates(document: dict[str, Any]) -> list[dict[str, Any]]:
    cluster = document["spec"]["rayClusterSpec"]
    return [group["template"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


def variables(container: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in container.get("env", [])}
