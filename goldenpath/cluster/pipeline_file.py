"""The pipeline file of the visual editor: read into a plain graph, written into a copy with other values.

This is the only module that knows the `.pipeline` format (Elyra's, version 8).
"""

import json
import os
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from goldenpath.cluster.workspace import copy_project
from goldenpath.errors import BadInput
from goldenpath.records import Frozen
from goldenpath.runs.spec import match_step


class Node(Frozen):
    "One step: its notebook, and everything that the file says about it."

    id: str
    label: str
    file: Path  # of the notebook or script
    after: tuple[str, ...]  # ids of the steps that come before
    parameters: dict[str, Any]  # Elyra's component parameters; the defaults where a node says nothing
    ui: dict[str, Any]  # how the editor draws it

    @property
    def name(self) -> str:
        return self.file.stem

    @property
    def title(self) -> str:
        return self.label or self.name

    @property
    def variables(self) -> dict[str, str]:
        return _variables(self.parameters)


class Graph(Frozen):
    "A pipeline, its nodes in an order in which they can run."

    file: Path
    name: str
    nodes: tuple[Node, ...]
    app_data: dict[str, Any]  # of the whole pipeline, as the editor keeps it

    @property
    def variables(self) -> dict[str, str]:
        "The environment variables that the pipeline sets for every step."
        return _variables(self.app_data.get("properties", {}).get("pipeline_defaults", {}))


def _variables(parameters: Mapping[str, Any]) -> dict[str, str]:
    entries = (entry for entry in parameters.get("env_vars") or () if isinstance(entry, dict))
    return {str(entry.get("env_var", "")): str(entry.get("value", "")) for entry in entries}


def read_pipeline(file: Path) -> Graph:
    "Read the graph of a `.pipeline` file. Raises BadInput that names the problem."
    primary = _primary(file)
    app_data = primary.get("app_data", {})
    defaults = app_data.get("properties", {}).get("pipeline_defaults", {})
    nodes = [_node(file, node, defaults) for node in primary.get("nodes", [])]
    return Graph(file=file, name=file.stem, nodes=tuple(_in_order(file, nodes)), app_data=app_data)


def _primary(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text("utf-8"))
        named = {pipeline["id"]: pipeline for pipeline in document["pipelines"]}
        return dict(named[document["primary_pipeline"]])
    except OSError as fault:
        raise BadInput(f"pipeline {file} cannot be read ({fault.strerror}); check the path") from None
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{file} is not a pipeline: open it in the Elyra editor and save it again") from None


def _node(file: Path, node: dict[str, Any], defaults: dict[str, Any]) -> Node:
    app_data = node.get("app_data", {})
    own = {
        key: value for key, value in app_data.get("component_parameters", {}).items() if value not in ("", [])
    }
    links = [link for port in node.get("inputs", []) for link in port.get("links", [])]
    if "filename" not in own:
        raise BadInput(f"{file}: node '{app_data.get('label', node.get('id'))}' names no notebook")
    return Node(
        id=node["id"],
        label=app_data.get("label") or app_data.get("ui_data", {}).get("label", ""),
        file=Path(os.path.normpath(file.parent / own["filename"])),
        after=tuple(link["node_id_ref"] for link in links),
        parameters=defaults | own,
        ui=app_data.get("ui_data", {}),
    )


def _in_order(file: Path, nodes: list[Node]) -> list[Node]:
    by_id = {node.id: node for node in nodes}
    unknown = [parent for node in nodes for parent in node.after if parent not in by_id]
    if unknown:
        raise BadInput(f"{file}: a link begins at node {unknown[0]}, which is not in the pipeline")
    try:
        order = TopologicalSorter({node.id: node.after for node in nodes}).static_order()
        return [by_id[node_id] for node_id in order]
    except CycleError as fault:
        labels = " -> ".join(by_id[node_id].label for node_id in fault.args[1])
        raise BadInput(f"{file}: the steps go round in a circle: {labels}") from None


def part_of(graph: Graph, until: str = "", without: Sequence[str] = ()) -> Graph:
    """Return the part of a pipeline that ends with one step, without some others; by default all of it.

    Raises BadInput for an unknown step, and if a step would remain without one that it needs.
    """
    kept = _leading_to(graph, _named(graph, until)) if until else {node.id for node in graph.nodes}
    kept -= {_named(graph, name).id for name in without}
    names = {node.id: node.name for node in graph.nodes}
    for node in (node for node in graph.nodes if node.id in kept):
        for parent in node.after:
            if parent not in kept:
                raise BadInput(f"{node.name} needs {names[parent]}: leave out both, or none")
    return graph.model_copy(update={"nodes": tuple(node for node in graph.nodes if node.id in kept)})


def _leading_to(graph: Graph, last: Node) -> set[str]:
    "Ids of a step and of all that it needs."
    kept = {last.id}
    for node in reversed(graph.nodes):  # children before their parents
        if node.id in kept:
            kept |= set(node.after)
    return kept


def _named(graph: Graph, name: str) -> Node:
    steps = {node.name: node for node in graph.nodes}
    return steps[match_step(name, steps, graph.file.name)]


def refuse_outside(graph: Graph, project: Path) -> Path:  # of the pipeline, links resolved
    "Raise BadInput if the file of a pipeline lies outside the project."
    file = graph.file.resolve()
    if not file.is_relative_to(project):
        raise BadInput(
            f"pipeline {file} is outside the project {project}: save it in {project / 'pipelines'}"
        )
    return file


def copy_pipeline(
    graph: Graph,  # of the project's file; nodes that it leaves out are left out of the copy
    project: Path,
    folder: Path,  # of the copy
    values: Mapping[str, str],  # environment variables of every node of the copy
    done: Sequence[str] = (),  # steps whose notebooks in the copy stay as they were executed
) -> Graph:  # of the copy
    """Copy a project with its pipeline, in which variables are changed, or added, in every node.

    The environment alone would not do: a node's own variables and the pipeline's defaults win over it.
    Raises BadInput if the file lies outside the project.
    """
    file = refuse_outside(graph, project)
    document = json.loads(file.read_text("utf-8"))
    kept = {node.id for node in graph.nodes}
    primary = next(one for one in document["pipelines"] if one["id"] == document["primary_pipeline"])
    primary["nodes"] = [node for node in primary["nodes"] if node["id"] in kept]
    for port in (port for node in primary["nodes"] for port in node.get("inputs", [])):
        port["links"] = [link for link in port.get("links", []) if link["node_id_ref"] in kept]
    for node in (node for pipeline in document["pipelines"] for node in pipeline["nodes"]):
        parameters = node["app_data"]["component_parameters"]
        own = [entry for entry in parameters.get("env_vars", []) if entry["env_var"] not in values]
        parameters["env_vars"] = own + [{"env_var": name, "value": value} for name, value in values.items()]
    copied = folder / file.relative_to(project)
    copy_project(project, folder, done)
    copied.parent.mkdir(parents=True, exist_ok=True)
    copied.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return read_pipeline(copied)
