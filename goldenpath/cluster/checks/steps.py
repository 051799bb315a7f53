"""The traps in a pipeline's notebooks: what they need in a pod, and what the pipeline gives them."""

import ast
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from goldenpath.cluster.checks.notebook_source import Look, look_at, parsed
from goldenpath.cluster.checks.trap import Trap, trap
from goldenpath.cluster.pipeline import Graph, Node
from goldenpath.errors import BadInput
from goldenpath.runs.notebook import has_tag
from goldenpath.settings import KEYS, OTHER_NAMES, PREFIX
from goldenpath.text.spelling import nearest

# Elyra's editor finds a notebook's variables by the same three forms.
READS = re.compile(r"""os\.(?:environ\[|environ\.get\(|getenv\()\s*["'](\w+)["']""")
CASTS = re.compile(r"""\b(int|float)\(\s*os\.(?:environ\.get|getenv)\(\s*["'](\w+)["']""")
ALWAYS_READ = {"RUN_ID", *(PREFIX + key for key in (*(key.upper() for key in KEYS), *OTHER_NAMES))}


def look_at_all(graph: Graph) -> tuple[dict[str, Look], list[Trap]]:
    "Read every step's notebook: looks by the node's id, and a trap for each that cannot be read."
    looks: dict[str, Look] = {}
    traps: list[Trap] = []
    for node in graph.nodes:
        try:
            looks[node.id] = look_at(node)
        except BadInput as fault:
            others = [file.name for file in node.file.parent.glob("*.ipynb")]
            remedy = f"correct the node's file name{nearest(node.file.name, others)}"
            traps.append(trap(node, "notebook", str(fault), remedy))
    return looks, traps


def check_steps(graph: Graph, looks: Mapping[str, Look]) -> Iterator[Trap]:
    "Find the traps in the notebooks of a pipeline."
    for look in looks.values():
        yield from _notebook_traps(look)
        yield from _variable_traps(graph, look)
    yield from _unread_defaults(graph, looks)
    yield from _disagreements(graph)


def _notebook_traps(look: Look) -> Iterator[Trap]:
    node = look.node
    if not look.notebook:
        return
    kernel = look.notebook.get("metadata", {}).get("kernelspec", {})
    if not {"name", "language"} <= kernel.keys():
        yield trap(
            node,
            "kernelspec",
            f"{node.file.name} has no metadata.kernelspec with name and language, which Elyra needs",
            "open it in JupyterLab, choose the kernel Python 3 and save",
        )
    if not has_tag(look.notebook, "parameters"):
        yield trap(
            node,
            "parameters-tag",
            f"no cell of {node.file.name} carries the tag `parameters`, so papermill -p changes nothing",
            "tag the cell with the parameters (property inspector, cell tags)",
        )
    for line in _long_parameters(look.notebook):
        yield trap(
            node,
            "parameter-line",
            f"a parameter of {node.file.name} spans several lines: '{line}'",
            "papermill reads one line for each: shorten the comment behind it",
        )
    if "ELYRA_RUN_NAME" in look.source:
        yield trap(
            node,
            "run-name",
            f"{node.file.name} reads ELYRA_RUN_NAME, which is not sure to be resolved on Kubeflow Pipelines",
            "use the run id of goldenpath.runs.run",
        )


def _long_parameters(notebook: dict[str, Any]) -> Iterator[str]:
    "First lines of parameters that papermill would misread."
    for cell in notebook["cells"]:
        if "parameters" in cell.get("metadata", {}).get("tags", ()):
            for node in parsed("".join(cell["source"])).body:
                if isinstance(node, ast.Assign | ast.AnnAssign) and node.end_lineno != node.lineno:
                    yield "".join(cell["source"]).splitlines()[node.lineno - 1]


def _variables(node: Node) -> dict[str, str]:
    return _values(node.parameters.get("env_vars", []))


def _values(entries: Iterable[Any]) -> dict[str, str]:
    "Elyra's list of variables as a dictionary."
    return {
        str(entry.get("env_var", "")): str(entry.get("value", ""))
        for entry in entries
        if isinstance(entry, dict)
    }


def _defaults(graph: Graph) -> dict[str, str]:
    "Return the variables that the pipeline sets for every step."
    defaults = graph.app_data.get("properties", {}).get("pipeline_defaults", {})
    return _values(defaults.get("env_vars") or [])


def _unread_defaults(graph: Graph, looks: Mapping[str, Look]) -> Iterator[Trap]:
    "Report pipeline defaults that no step reads; each goes to every step, so one reader is enough."
    read = {name for look in looks.values() for name in READS.findall(look.source)} | ALWAYS_READ
    for name in _defaults(graph).keys() - read:
        problem = f"the pipeline sets {name}, which none of its steps reads"
        remedy = nearest(name, read).removeprefix("; ") or "drop it"
        yield Trap(kind="variable", where=graph.name, problem=problem, remedy=remedy)


def _variable_traps(graph: Graph, look: Look) -> Iterator[Trap]:
    read = set(READS.findall(look.source)) | ALWAYS_READ | _defaults(graph).keys()
    casts = {name: kind for kind, name in CASTS.findall(look.source)}
    for name, value in _variables(look.node).items():
        if name not in read:
            close = difflib.get_close_matches(name, sorted(read), n=1, cutoff=0.6)
            yield trap(
                look.node,
                "variable",
                f"the pipeline sets {name}, which {look.node.file.name} does not read",
                f"did you mean {close[0]}?" if close else "drop it",
            )
        elif value and name in casts and not _fits(value, casts[name]):
            yield trap(
                look.node,
                "variable-value",
                f"{name} = '{value}' is not of type {casts[name]}, which {look.node.file.name} requires",
                "correct the value",
            )


def _fits(value: str, kind: str) -> bool:
    try:
        {"int": int, "float": float}[kind](value)
    except ValueError:
        return False
    return True


def _disagreements(graph: Graph) -> Iterator[Trap]:
    "Report a variable with different values in two steps: one of them was probably forgotten."
    first: dict[str, tuple[str, Node]] = {}
    for node in graph.nodes:
        for name, value in _variables(node).items():
            known, other = first.setdefault(name, (value, node))
            if known != value:
                yield trap(
                    node,
                    "variables-differ",
                    f"{name} = '{value}' here and '{known}' in {other.label}",
                    "set it once, in the pipeline's defaults",
                    level="warning",
                )
