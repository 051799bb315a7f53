"""The manifests of openshift/, as files and as kustomize renders them."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parent.parent
OPENSHIFT = PROJECT / "openshift"
COMPONENTS = sorted(path.name for path in (OPENSHIFT / "components").iterdir())
OVERLAYS = ("dev", "prod", "prod/models")
CHECKER = PROJECT.parent / "shared" / "platform" / "check_manifests.py"
KUSTOMIZE = "kustomize.config.k8s.io"


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
    "What `kubectl kustomize` makes of a folder below openshift/."
    if not shutil.which("kubectl"):
        pytest.skip("there is no kubectl here")
    command = ["kubectl", "kustomize", str(OPENSHIFT / place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(document for document in yaml.safe_load_all(done.stdout) if document)


def one(found: tuple[dict[str, Any], ...], kind: str, name: str = "") -> dict[str, Any]:
    "The one document of this kind (and name)."
    fitting = [d for d in found if d["kind"] == kind and name in ("", d["metadata"]["name"])]
    assert len(fitting) == 1, f"{len(fitting)} of kind {kind} {name}"
    return fitting[0]


def pod_of(document: dict[str, Any]) -> dict[str, Any] | None:
    "The pod specification inside a workload, if it is one."
    spec = document.get("spec", {})
    if document["kind"] in ("Deployment", "Job", "Notebook"):
        return spec["template"]["spec"]
    if document["kind"] == "CronJob":
        return spec["jobTemplate"]["spec"]["template"]["spec"]
    return spec["predictor"] if document["kind"] == "InferenceService" else None


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def variables(container: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in container.get("env", [])}
