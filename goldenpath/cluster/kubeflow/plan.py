"""What runs, in which order and under which condition: a pipeline file's graph, with its gates as conditions.

Elyra's pipelines have no conditions, so there a refused candidate or a training that is not due is a step
that fails. Here the steps behind it are a branch that is skipped.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from goldenpath.cluster.kubeflow.run_form import StepField, form_of
from goldenpath.cluster.pipeline_file import Graph, Node
from goldenpath.errors import BadInput
from goldenpath.runs.ending import RUN_STEPS, planned_steps
from goldenpath.runs.spec import begins, maker_of

PASSED, REFUSED = "passed", "refused"  # outcomes of the step that makes the verdict
DUE, NOT_DUE = "due", "not due"  # of the step that looks whether a training is due
IN_POD = {"ELYRA_RUNTIME_ENV": "kfp"}  # the steps know by it that they are in a pod


@dataclass(frozen=True)
class Branch:
    "A branch: it runs if the outcome of a step is this one."

    step: str  # id of the node that decides
    outcome: str


@dataclass(frozen=True)
class PlannedStep:
    "One step, and when it runs."

    node: Node
    variables: Mapping[str, str]  # of its environment
    fields: tuple[StepField, ...]
    when: tuple[Branch, ...]  # outermost first
    decides: bool  # does a branch depend on its outcome?


@dataclass(frozen=True)
class PipelinePlan:
    "A pipeline to export, its steps in an order in which they can run."

    graph: Graph
    steps: tuple[PlannedStep, ...]
    claim: str  # default of the volume's claim
    mount: str  # where the steps find the volume


def has_gate(graph: Graph) -> bool:
    "Check whether a refused candidate ends the exported pipeline in a step `refused`."
    return any(branch.outcome == PASSED for branches in _branches(graph).values() for branch in branches)


def plan_pipeline(
    graph: Graph,
    values: Mapping[str, str],  # further environment variables of every step
) -> PipelinePlan:
    "Plan a pipeline. Raises BadInput if the steps do not share a volume, or a notebook cannot be read."
    variables = {
        node.id: {**graph.variables, **node.variables, **values, **IN_POD, RUN_STEPS: _run_steps(graph, node)}
        for node in graph.nodes
    }
    form = form_of(graph.nodes, variables)
    when = _branches(graph)
    deciding = {one.step for conditions in when.values() for one in conditions}
    claim, mount = _volume_of(graph)
    return PipelinePlan(
        graph=graph,
        steps=tuple(
            PlannedStep(node, variables[node.id], tuple(form[node.id]), when[node.id], node.id in deciding)
            for node in graph.nodes
        ),
        claim=claim,
        mount=mount,
    )


def _run_steps(graph: Graph, node: Node) -> str:
    "Return RUN_STEPS of a step: in pods, each step that begins a run opens one of its own."
    return planned_steps(one.name for one in graph.nodes if _beginner(graph, one) == _beginner(graph, node))


def _beginner(graph: Graph, node: Node) -> str:  # id
    "Return the step whose run a step works in."
    if not node.after or begins(node.name):
        return node.id
    return _beginner(graph, next(one for one in graph.nodes if one.id == node.after[0]))


def _volume_of(graph: Graph) -> tuple[str, str]:
    "Return claim and mount path of the volume that all steps share."
    volumes = [node.parameters.get("mounted_volumes") or [{}] for node in graph.nodes]
    shared = {(str(first.get("pvc_name", "")), str(first.get("path", ""))) for first, *_ in volumes}
    if len(shared) != 1 or not all(next(iter(shared))):
        raise BadInput(
            f"{graph.file.name}: all steps need the same volume first; mount it in the pipeline's defaults"
        )
    return next(iter(shared))


def _branches(graph: Graph) -> dict[str, tuple[Branch, ...]]:
    "Return the branches that each node is in."
    looks, judges = (maker_of(name) for name in ("retraining.json", "verdict.json"))
    publishes = maker_of("published.json")
    when: dict[str, tuple[Branch, ...]] = {}
    for node in graph.nodes:  # parents first
        parents = [other for other in graph.nodes if other.id in node.after]
        inherited = [condition for parent in parents for condition in when[parent.id]]
        own = [Branch(parent.id, DUE) for parent in parents if parent.name == looks]
        if node.name == publishes:
            own += [Branch(other.id, PASSED) for other in _before(graph, node) if other.name == judges]
        when[node.id] = tuple(dict.fromkeys([*inherited, *own]))
    return when


def _before(graph: Graph, node: Node) -> list[Node]:
    "Return all steps before a step, in order."
    ids = set(node.after)
    for other in reversed(graph.nodes):
        if other.id in ids:
            ids |= set(other.after)
    return [other for other in graph.nodes if other.id in ids]
