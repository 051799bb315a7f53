"""Pipelines: read the visual editor's file into a plain graph; run it on a copy of the project.

This is the only module that knows the `.pipeline` format (Elyra's, version 8). Elyra's local run executes
notebooks in place, so it gets a copy in the run folder, and the executed copies are the record of the run.
"""

import json
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from goldenpath.cluster.clash import clash_of
from goldenpath.cluster.program import follow, look, running
from goldenpath.cluster.workspace import (
    copy_project,
    elyra_pipeline,
    export_notebooks,
    last_line,
    tidy,
)
from goldenpath.errors import BadInput, GateRefused, GoldenpathError
from goldenpath.records import Frozen
from goldenpath.runs.executed import Failure, StepProgress, Watch, forget, read_failure
from goldenpath.runs.run import make_run
from goldenpath.runs.spec import begins, maker_of, step_before
from goldenpath.settings import Settings
from goldenpath.text.spelling import nearest


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


class Graph(Frozen):
    "A pipeline, its nodes in an order in which they can run."

    file: Path
    name: str
    nodes: tuple[Node, ...]
    app_data: dict[str, Any]  # of the whole pipeline, as the editor keeps it


class Outcome(Frozen):
    "How a pipeline ended."

    run: Path  # folder of the run
    steps: tuple[StepProgress, ...]
    failure: Failure | None
    seconds: float

    @property
    def exit_code(self) -> int:
        "0, 1 where a step failed, 3 where the gate refused the candidate."
        if self.failure is None:
            return 0
        return 3 if self.failure.kind == "GateRefused" else 1


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
        raise BadInput(f"pipeline {file} cannot be read ({fault.strerror})") from None
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
    "Find a step by its name, number or last word (05_train, 05, train)."
    for node in graph.nodes:
        if Path(name).stem in (node.name, *node.name.split("_", 1)):
            return node
    names = [node.name for node in graph.nodes]
    hint = nearest(name, names) or nearest(name, [one.partition("_")[2] for one in names])
    raise BadInput(f"{graph.file.name} has no step '{name}'{hint}; steps: {', '.join(names)}")


def refuse_clash(graph: Graph, settings: Settings, values: Mapping[str, str]) -> None:
    "Raise GateRefused before the run if a refusal is certain; only warn if nothing is published."
    clash = clash_of(settings, values)
    publisher = maker_of("published.json")
    if clash and publisher in {node.name for node in graph.nodes}:
        before = step_before(publisher)
        raise GateRefused(f"{clash}, or use --until {before} to train and evaluate without publishing")
    if clash:
        warnings.warn(f"what is trained now cannot be published: {clash}", stacklevel=2)


def run_pipeline(
    file: Path,  # the .pipeline of the project
    settings: Settings,
    watch: Watch = lambda step: None,
    values: Mapping[str, str] | None = None,  # environment variables for this run only, e.g. {"SEED": "7"}
    until: str = "",  # last step; it and those that it needs run
    without: Sequence[str] = (),  # steps that do not run
) -> Outcome:
    """Run a pipeline on a copy of the project in a new run folder, through `elyra-pipeline run`.

    Raises GateRefused if no model could be published, GoldenpathError if it did not
    begin; a step that fails is in the outcome.
    """
    began = time.monotonic()
    project = settings.folder
    graph = part_of(read_pipeline(file), until, without)
    export_notebooks(project)
    refuse_clash(graph, settings, values or {})
    folder = make_run(settings.writable_home() / "runs")
    copy_project(project, folder)
    graph = _copy_pipeline(graph, project, folder, values or {})
    for node in graph.nodes:
        if node.file.suffix == ".ipynb" and node.file.is_file():
            forget(node.file)
    code = _execute(graph, folder, _environ(folder, project, values or {}), watch)
    return _outcome(graph, folder, code, began)


def _copy_pipeline(graph: Graph, project: Path, folder: Path, values: Mapping[str, str]) -> Graph:
    "Write a copy of the pipeline with changed values: a node's own variables would override the environment."
    file = graph.file.resolve()
    if not file.is_relative_to(project):
        raise BadInput(
            f"pipeline {file} is outside the project {project}: save it in {project / 'pipelines'}"
        )
    document = json.loads(file.read_text("utf-8"))
    kept = {node.id for node in graph.nodes}
    primary = next(one for one in document["pipelines"] if one["id"] == document["primary_pipeline"])
    primary["nodes"] = [node for node in primary["nodes"] if node["id"] in kept]
    for node in (node for pipeline in document["pipelines"] for node in pipeline["nodes"]):
        for variable in node["app_data"]["component_parameters"].get("env_vars", []):
            variable["value"] = values.get(variable["env_var"], variable["value"])
    copied = folder / file.relative_to(project)
    copied.parent.mkdir(parents=True, exist_ok=True)
    copied.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return read_pipeline(copied)


def _environ(folder: Path, project: Path, values: Mapping[str, str]) -> dict[str, str]:
    "Return the environment of the steps: their run, and the project that relative paths start from."
    ours = {
        "RUN_ID": folder.name,
        "GOLDENPATH_PROJECT": str(project),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")])),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    return {**os.environ, **ours, **values}


def _execute(graph: Graph, folder: Path, environ: dict[str, str], watch: Watch) -> int:
    "Start the real program, report steps while it works, return its exit code."
    command = elyra_pipeline()
    files = [node.file for node in graph.nodes]
    with (
        (folder / "pipeline.log").open("wb") as log,
        running([*command, "run", str(graph.file)], folder, environ, log) as process,
    ):
        return follow(process, files, folder, watch)


def _outcome(graph: Graph, folder: Path, code: int, began: float) -> Outcome:
    steps = tuple(step for node in graph.nodes if (step := look(node.file, folder)))
    failed = [step for step in steps if step.status == "failed"]
    failure = read_failure(failed[0].file) if failed else None
    if code and not failure:
        log = folder / "pipeline.log"
        raise GoldenpathError(f"elyra-pipeline ended with {code}: {_complaint(log)}; all of it is in {log}")
    tidy(folder)
    return Outcome(run=folder, steps=steps, failure=failure, seconds=time.monotonic() - began)


def _complaint(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").splitlines()
    errors = [line.strip() for line in lines if "[Error]" in line]
    return errors[0] if errors else last_line("\n".join(lines))


def again(failure: Failure, run: Path) -> str:
    "Return the command that runs a failed step again, on the data of its run."
    of_run = "" if begins(failure.step) else f" -p run={run.name}"
    return f"goldenpath step {failure.step}{of_run}"
