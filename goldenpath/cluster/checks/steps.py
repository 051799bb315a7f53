"""The traps in a pipeline's notebooks: what they need in a pod, and what the pipeline gives them."""

import ast
import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from goldenpath.cluster.checks.notebook_source import StepSource, look_at, parsed
from goldenpath.cluster.checks.trap import Trap
from goldenpath.cluster.pipeline_file import Graph, Node
from goldenpath.errors import BadInput
from goldenpath.runs.notebook import has_tag
from goldenpath.settings import KEYS, OTHER_NAMES, PREFIX
from goldenpath.text.spelling import nearest

# Elyra's editor finds a notebook's variables by the same three forms.
READS = re.compile(r"""os\.(?:environ\[|environ\.get\(|getenv\()\s*["'](\w+)["']""")
CASTS = re.compile(r"""\b(int|float)\(\s*os\.(?:environ\.get|getenv)\(\s*["'](\w+)["']""")
ALWAYS_READ = {"RUN_ID", *(PREFIX + key for key in (*(key.upper() for key in KEYS), *OTHER_NAMES))}


def look_at_all(graph: Graph) -> tuple[dict[str, StepSource], list[Trap]]:
    "Read every step's notebook: looks by the node's id, and a trap for each that cannot be read."
    looks: dict[str, StepSource] = {}
    traps: list[Trap] = []
    for node in graph.nodes:
        try:
            looks[node.id] = look_at(node)
        except BadInput as fault:
            others = [file.name for file in node.file.parent.glob("*.ipynb")]
            remedy = f"correct the node's file name{nearest(node.file.name, others)}"
            traps.append(Trap(node.title, "notebook", str(fault), remedy))
    return looks, traps


def check_steps(graph: Graph, looks: Mapping[str, StepSource]) -> Iterator[Trap]:
    "Find the traps in the notebooks of a pipeline."
    for look in looks.values():
        yield from _notebook_traps(look)
        yield from _variable_traps(graph, look)
    yield from _unread_defaults(graph, looks)
    yield from _disagreements(graph)


def _notebook_traps(look: StepSource) -> Iterator[Trap]:
    node = look.node
    if not look.notebook:
        return
    kernel = look.notebook.get("metadata", {}).get("kernelspec", {})
    if not {"name", "language"} <= kernel.keys():
        yield Trap(
            node.title,
            "kernelspec",
            f"{node.file.name} has no metadata.kernelspec with name and language, which Elyra needs",
            "open it in JupyterLab, choose the kernel Python 3 and save",
        )
    if not has_tag(look.notebook, "parameters"):
        yield Trap(
            node.title,
            "parameters-tag",
            f"no cell of {node.file.name} carries the tag `parameters`, so papermill -p changes nothing",
            "tag the cell with the parameters (property inspector, cell tags)",
        )
    for line in _long_parameters(look.notebook):
        yield Trap(
            node.title,
            "parameter-line",
            f"a parameter of {node.file.name} spans several lines: '{line}'",
            "papermill reads one line for each: shorten the comment behind it",
        )
    if "ELYRA_RUN_NAME" in look.source:
        yield Trap(
            node.title,
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


def _unread_defaults(graph: Graph, looks: Mapping[str, StepSource]) -> Iterator[Trap]:
    "Report pipeline defaults that no step reads; each goes to every step, so one reader is enough."
    read = {name for look in looks.values() for name in READS.findall(look.source)} | ALWAYS_READ
    for name in graph.variables.keys() - read:
        problem = f"the pipeline sets {name}, which none of its steps reads"
        remedy = nearest(name, read).removeprefix("; ") or "drop it"
        yield Trap(graph.name, "variable", problem, remedy)


def _variable_traps(graph: Graph, look: StepSource) -> Iterator[Trap]:
    read = set(READS.findall(look.source)) | ALWAYS_READ | graph.variables.keys()
    casts = {name: kind for kind, name in CASTS.findall(look.source)}
    for name, value in look.node.variables.items():
        if name not in read:
            close = difflib.get_close_matches(name, sorted(read), n=1, cutoff=0.6)
            yield Trap(
                look.node.title,
                "variable",
                f"the pipeline sets {name}, which {look.node.file.name} does not read",
                f"did you mean {close[0]}?" if close else "drop it",
            )
        elif value and name in casts and not _fits(value, casts[name]):
            yield Trap(
                look.node.title,
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
        for name, value in node.variables.items():
            first_value, other = first.setdefault(name, (value, node))
            if first_value != value:
                yield Trap(
                    node.title,
                    "variables-differ",
                    f"{name} = '{value}' here and '{first_value}' in {other.label}",
                    "set it once, in the pipeline's defaults",
                    level="warning",
                )
