"""Who may open a connection to a pod, by the NetworkPolicies of a namespace as Kubernetes adds them up."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Labels = Mapping[str, str]
ROUTER = {"policy-group.network.openshift.io/ingress": "", "kubernetes.io/metadata.name": "openshift-ingress"}
PLATFORM = {"kubernetes.io/metadata.name": "redhat-ods-applications"}
PROMETHEUS = {"kubernetes.io/metadata.name": "openshift-user-workload-monitoring"}
STRANGER = {"kubernetes.io/metadata.name": "another-project"}


class Target(NamedTuple):
    labels: Labels  # of the pod
    ports: Mapping[str, int]  # by name
    port: int  # that is asked for


def reached(documents: Sequence[dict[str, Any]], target: Target, namespace: Labels | None = None) -> bool:
    "Whether a pod of that namespace, or of the target's own, may reach the target."
    policies = [d["spec"] for d in documents if d["kind"] == "NetworkPolicy"]
    chosen = [
        spec
        for spec in policies
        if "Ingress" in spec["policyTypes"] and selects(spec["podSelector"], target.labels)
    ]
    rules = [rule for spec in chosen for rule in spec.get("ingress", [])]
    return not chosen or any(_ports(rule, target) and _sources(rule, namespace) for rule in rules)


def selects(selector: Mapping[str, Any], labels: Labels) -> bool:
    "Whether a label selector takes these labels."
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(_matches(one, labels) for one in selector.get("matchExpressions", []))


def _matches(expression: Mapping[str, Any], labels: Labels) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    raise AssertionError(f"unknown operator in {expression}")


def _ports(rule: Mapping[str, Any], target: Target) -> bool:
    named = [entry["port"] for entry in rule.get("ports", [])]
    return not named or any(target.ports.get(port, port) == target.port for port in named)


def _sources(rule: Mapping[str, Any], namespace: Labels | None) -> bool:
    sources = rule.get("from", [])
    return not sources or any(_source(source, namespace) for source in sources)


def _source(source: Mapping[str, Any], namespace: Labels | None) -> bool:
    if namespace is None:
        return "namespaceSelector" not in source and selects(source["podSelector"], {})
    return "namespaceSelector" in source and selects(source["namespaceSelector"], namespace)
