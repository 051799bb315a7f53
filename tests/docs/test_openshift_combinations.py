"""Overlays and components in every sensible combination: valid, whole, and closed to strangers."""

import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from goldenpath.errors import BadInput
from goldenpath.settings import load_settings
from serving.launcher import check_access
from tests.helpers.manifests import (
    COMPONENTS,
    OVERLAYS,
    PROJECT,
    assert_valid,
    compose,
    containers,
    pod_of,
    ray_templates,
    rendered,
    variables,
)
from tests.helpers.network_policies import PLATFORM, PROMETHEUS, ROUTER, STRANGER, Target, reached, selects

Documents = Sequence[dict[str, Any]]
OF_SERVING = ("tokens", "autoscaling", "monitoring")
OTHERS = ("network-policy", "pipeline-server", "workbench", "images", "retraining", "ray")
SERVERS = [
    *(("serving", *some) for count in range(4) for some in itertools.combinations(OF_SERVING, count)),
    ("kserve",),
    ("kserve-storage",),
]
COMBINATIONS = [
    *((*server, *others) for server in SERVERS for others in ((), OTHERS)),
    *(
        (*server, other)
        for server in (("serving", *OF_SERVING), ("kserve",), ("kserve-storage",))
        for other in OTHERS
    ),
    OTHERS,
    ("admin",),
]
BY_HAND = {"gp-tokens", "gp-s3", "gp-monitoring-token"}  # Secrets that docs/openshift.md has people create
# Labels that the platform's controllers put on the pods of these kinds.
CONTROLLED = {"Notebook": "notebook-name", "InferenceService": "serving.kserve.io/inferenceservice"}
_valid: set[str] = set()


def assert_all_valid(documents: Documents, folder: Path) -> None:
    "Hold against the schemas what no earlier combination has rendered alike."
    new = [d for d in documents if json.dumps(d) not in _valid]
    (folder / "rendered.yaml").write_text(yaml.safe_dump_all(new))
    if new:
        assert_valid(folder / "rendered.yaml")
    _valid.update(json.dumps(document) for document in new)


def pods(documents: Documents) -> list[tuple[dict[str, Any], dict[str, str]]]:
    "Each pod specification, with the labels that its pods will have."
    found = []
    for document in documents:
        if document["kind"] == "RayJob":
            found += [(one["spec"], one["metadata"]["labels"]) for one in ray_templates(document)]
        elif pod := pod_of(document):
            name = {CONTROLLED.get(document["kind"], ""): document["metadata"]["name"]}
            found.append((pod, name | _template(document).get("labels", {})))
    return found


def _template(document: dict[str, Any]) -> dict[str, Any]:
    spec = document["spec"].get("jobTemplate", document)["spec"]
    return spec.get("template", {}).get("metadata", {})


def named(documents: Documents, kind: str) -> dict[str, dict[str, Any]]:
    return {d["metadata"]["name"]: d for d in documents if d["kind"] == kind}


def dangling(documents: Documents) -> list[str]:
    "Whatever names or selects something that is not there."
    labels = [of_pod for _, of_pod in pods(documents)]
    services = named(documents, "Service")
    lost = []
    for d in documents:
        spec, what = d.get("spec", {}), f"{d['kind']} {d['metadata']['name']}"
        if d["kind"] == "HorizontalPodAutoscaler":
            lost += [what] * (spec["scaleTargetRef"]["name"] not in named(documents, "Deployment"))
        elif d["kind"] == "PodDisruptionBudget":
            lost += [what] * (not any(selects(spec["selector"], one) for one in labels))
        elif d["kind"] == "NetworkPolicy":
            ours = "matchLabels" in spec["podSelector"]  # the others are for pods of operators as well
            lost += [what] * (ours and not any(selects(spec["podSelector"], one) for one in labels))
        elif d["kind"] == "Service":
            lost += [what] * (not any(selects({"matchLabels": spec["selector"]}, one) for one in labels))
        elif d["kind"] == "Route":
            lost += [what] * (spec["to"]["name"] not in services)
        elif d["kind"] == "ServiceMonitor":
            of_services = [service["metadata"].get("labels", {}) for service in services.values()]
            lost += [what] * (not any(selects(spec["selector"], one) for one in of_services))
    return lost + missing_volumes(documents)


def missing_volumes(documents: Documents) -> list[str]:
    "Claims and Secrets that a pod mounts and that neither these manifests nor the guide make."
    claims = {*named(documents, "PersistentVolumeClaim"), "goldenpath"}  # applied first, with the base
    lost = []
    for volume in (volume for pod, _ in pods(documents) for volume in pod.get("volumes", [])):
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        secret = volume.get("secret", {}).get("secretName")
        lost += [f"claim {claim}"] * bool(claim and claim not in claims)
        lost += [f"secret {secret}"] * bool(secret and secret not in BY_HAND)
    return lost


@pytest.fixture(scope="module")
def top(tmp_path_factory):
    return tmp_path_factory.mktemp("combinations")


@pytest.mark.parametrize("components", COMBINATIONS, ids="+".join)
def test_every_sensible_combination_is_valid_and_leaves_nothing_hanging(components, top, tmp_path):
    done = compose(top, components)
    assert done.returncode == 0, done.stderr
    documents = list(yaml.safe_load_all(done.stdout))
    assert_all_valid(documents, tmp_path)
    assert dangling(documents) == []


def test_every_component_is_in_some_combination():
    assert {name for components in COMBINATIONS for name in components} == set(COMPONENTS)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlays_leave_nothing_hanging_either(overlay):
    assert dangling(rendered(f"overlays/{overlay}")) == []


@pytest.mark.parametrize("part", OF_SERVING)
@pytest.mark.parametrize("server", ["kserve", "kserve-storage", ""])
def test_what_belongs_to_the_deployment_does_not_render_without_it(part, server, top):
    done = compose(top, [*filter(None, [server]), part])
    assert done.returncode != 0
    assert re.search(r"no (resource )?matches.*gp-serving", done.stderr, re.DOTALL), done.stderr


@pytest.mark.parametrize("two", list(itertools.combinations(("serving", "kserve", "kserve-storage"), 2)))
def test_two_servers_at_once_do_not_render(two, top):
    done = compose(top, two)
    assert done.returncode != 0
    assert "gp-serving" in done.stderr


# Who reaches whom


def target(documents: Documents, label: str, port: int) -> Target:
    "Return the pod that has this label, or whose controller will give it to it, and a port of it."
    pod, labels = next((pod, labels) for pod, labels in pods(documents) if label in labels.items())
    ports = {entry["name"]: entry["containerPort"] for c in containers(pod) for entry in c.get("ports", [])}
    return Target(labels, ports, port)


SERVING = ("app.kubernetes.io/name", "gp-serving")
WORKBENCH = ("notebook-name", "gp-workbench")
KSERVE = ("serving.kserve.io/inferenceservice", "gp-serving")
REACH = [  # server, label of the pod, port, who reaches it
    ("serving", SERVING, 8080, {"router", "own", "prometheus"}),
    ("kserve", KSERVE, 8443, {"router", "own"}),
    ("kserve", KSERVE, 8080, set()),
    ("kserve-storage", KSERVE, 8443, {"router", "own"}),
    ("kserve-storage", KSERVE, 8080, set()),
    ("serving", WORKBENCH, 8443, {"router"}),
    ("serving", WORKBENCH, 8888, {"platform"}),
    ("kserve", WORKBENCH, 8888, {"platform"}),
]
SOURCES = {
    "router": ROUTER,
    "own": None,
    "prometheus": PROMETHEUS,
    "platform": PLATFORM,
    "stranger": STRANGER,
}


@pytest.mark.parametrize("denied", [True, False], ids=["with-network-policy", "without"])
@pytest.mark.parametrize(("server", "label", "port", "expected"), REACH)
def test_each_port_is_reached_by_those_that_need_it_and_by_no_others(
    server, label, port, expected, denied, top
):
    documents = list(
        yaml.safe_load_all(compose(top, [server, "workbench", *["network-policy"] * denied]).stdout)
    )
    asked = target(documents, label, port)
    assert {name for name, source in SOURCES.items() if reached(documents, asked, source)} == expected


def test_the_pipelines_pods_reach_each_other_and_no_stranger_does(top):
    documents = list(
        yaml.safe_load_all(compose(top, ["network-policy", "pipeline-server", "workbench"]).stdout)
    )
    pipeline = Target({"app": "ds-pipeline-dspa"}, {}, 8888)
    assert {name for name, source in SOURCES.items() if reached(documents, pipeline, source)} == {
        "own",
        "platform",
    }


def test_only_the_cluster_itself_and_the_operator_reach_the_pods_of_ray(top):
    for others in ([], ["network-policy", "workbench"]):
        documents = list(yaml.safe_load_all(compose(top, ["ray", *others]).stdout))
        for port in (6379, 10001):
            ray = Target({"goldenpath/part": "ray"}, {}, port)
            assert not {name for name, source in SOURCES.items() if reached(documents, ray, source)}
        dashboard = Target({"goldenpath/part": "ray"}, {}, 8265)
        assert {n for n, source in SOURCES.items() if reached(documents, dashboard, source)} == {"platform"}


@pytest.mark.parametrize("overlay", ["dev", "prod"])
def test_no_pod_of_an_overlay_is_open_to_strangers(overlay):
    documents = rendered(f"overlays/{overlay}")
    for labels in ({}, {"job-name": "gp-models"}, *(labels for _, labels in pods(documents))):
        assert not reached(documents, Target(labels, {}, 8080), STRANGER)


def test_the_server_begins_no_connection():
    policies = named(rendered("overlays/prod"), "NetworkPolicy")
    assert policies["gp-serving"]["spec"]["egress"] == []
    assert "Egress" in policies["gp-serving"]["spec"]["policyTypes"]


@pytest.mark.parametrize("components", [("serving",), ("serving", "tokens"), ("kserve",)], ids="+".join)
def test_a_server_that_others_reach_wants_tokens_or_does_not_start(components, top):
    documents = list(yaml.safe_load_all(compose(top, components).stdout))
    server = next(
        pod for pod, labels in pods(documents) if SERVING in labels.items() or KSERVE in labels.items()
    )
    (container,) = [c for c in containers(server) if "GOLDENPATH_LISTEN" in variables(c)]
    settings = load_settings(PROJECT / "settings.ini", variables(container))
    if components == ("serving",):
        with pytest.raises(BadInput, match="all users could reach"):
            check_access(settings, settings.listen.host)
    else:
        check_access(settings, settings.listen.host)


def test_in_dev_a_tag_that_moves_is_always_asked_for(top):
    for server in ("serving", "kserve", "kserve-storage"):
        documents = list(yaml.safe_load_all(compose(top, [server, "images"]).stdout))
        policies = {c.get("imagePullPolicy") for pod, _ in pods(documents) for c in containers(pod)}
        assert policies == {"Always"}
