"""The traps in a pipeline's notebooks: what they need in a pod, and what the pipeline gives them."""

import ast
import difflib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from goldenpath.rails.errors import BadInput
from goldenpath.rails.notebook import code_cells, has_tag, read_notebook
from goldenpath.rails.pipeline import Graph, Node
from goldenpath.rails.pipelines.traps import Trap, trap
from goldenpath.rails.runs import HANDED_ON
from goldenpath.rails.settings import KEYS, OTHER_NAMES, PREFIX

# Elyra's editor finds a notebook's variables by the same three forms.
READS = re.compile(r"""os\.(?:environ\[|environ\.get\(|getenv\()\s*["'](\w+)["']""")
CASTS = re.compile(r"""\b(int|float)\(\s*os\.(?:environ\.get|getenv)\(\s*["'](\w+)["']""")
ABSENT_IN_PODS = ("nbdev", "fastcore", "elyra")  # not in the stock runtime image
ALWAYS_READ = {"RUN_ID", *(PREFIX + key for key in (*(key.upper() for key in KEYS), *OTHER_NAMES))}
FILE_NAME = re.compile(r"[\w-][\w./-]*\.[A-Za-z]\w{0,7}")
FILE_CALLS = re.compile(r"open|Path|load\w*|dump\w*|read_\w+|to_\w+|savefig|save")


class Look(NamedTuple):
    "What a step's notebook says about itself."

    node: Node
    notebook: dict[str, Any]
    source: str  # of all code cells
    files: frozenset[str]  # names of files that its own cells open, relative to the working folder


def check_steps(graph: Graph) -> list[Trap]:
    "Every trap in the notebooks of a pipeline, and between them."
    traps: list[Trap] = []
    looks: dict[str, Look] = {}
    for node in graph.nodes:
        try:
            looks[node.id] = _look(node)
        except BadInput as fault:
            traps.append(trap(node, "notebook", str(fault), "correct the node's file name"))
    for look in looks.values():
        traps += [*_notebook_traps(look), *_variable_traps(look), *_handing_on(look, looks)]
    return [*traps, *_disagreements(graph)]


def _look(node: Node) -> Look:
    if node.file.suffix != ".ipynb":
        return Look(node, {}, node.file.read_text("utf-8") if node.file.is_file() else "", frozenset())
    notebook = read_notebook(node.file)
    source = "\n\n".join(plain(cell) for cell in code_cells(notebook))
    return Look(node, notebook, source, frozenset(_opened(source)))


def plain(cell: str) -> str:
    "A cell without IPython's own syntax, so that it can be parsed."
    return "\n".join(line for line in cell.splitlines() if not line.lstrip().startswith(("%", "!", "?")))


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])


def _opened(source: str) -> Iterator[str]:
    "Literal names of files in calls that open, read or write one."
    for call in (node for node in ast.walk(_parsed(source)) if isinstance(node, ast.Call)):
        name = getattr(call.func, "attr", None) or getattr(call.func, "id", "")
        if FILE_CALLS.fullmatch(str(name)):
            texts = (part.value for part in call.args[:2] if isinstance(part, ast.Constant))
            yield from (text for text in texts if isinstance(text, str) and FILE_NAME.fullmatch(text))


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
    for name in _imports(look.source, ABSENT_IN_PODS):
        yield trap(
            node,
            "import",
            f"{node.file.name} imports {name}, which the stock runtime image has not",
            "import it nowhere that a pipeline runs",
        )
    if "ELYRA_RUN_NAME" in look.source:
        yield trap(
            node,
            "run-name",
            f"{node.file.name} reads ELYRA_RUN_NAME, which is not sure to be resolved on Kubeflow Pipelines",
            "use the run id of goldenpath.rails.runs",
        )


def _long_parameters(notebook: dict[str, Any]) -> Iterator[str]:
    "First lines of parameters that papermill would misread."
    for cell in notebook["cells"]:
        if "parameters" in cell.get("metadata", {}).get("tags", ()):
            for node in _parsed("".join(cell["source"])).body:
                if isinstance(node, ast.Assign | ast.AnnAssign) and node.end_lineno != node.lineno:
                    yield "".join(cell["source"]).splitlines()[node.lineno - 1]


def _imports(source: str, names: tuple[str, ...]) -> list[str]:
    found = {name for name in imported(source) if name.partition(".")[0] in names}
    return sorted({name.partition(".")[0] for name in found})


def imported(source: str) -> set[str]:
    "Dotted names of all modules that are imported, anywhere in the source."
    names: set[str] = set()
    for node in ast.walk(_parsed(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def _variables(node: Node) -> dict[str, str]:
    return {
        str(entry.get("env_var", "")): str(entry.get("value", ""))
        for entry in node.parameters.get("env_vars", [])
        if isinstance(entry, dict)
    }


def _variable_traps(look: Look) -> Iterator[Trap]:
    read = set(READS.findall(look.source)) | ALWAYS_READ
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
                f"{name} = '{value}' is no {casts[name]}, as {look.node.file.name} wants it",
                "correct the value",
            )


def _fits(value: str, kind: str) -> bool:
    try:
        {"int": int, "float": float}[kind](value)
    except ValueError:
        return False
    return True


def _disagreements(graph: Graph) -> Iterator[Trap]:
    "The same variable with different values in two steps: one of them was forgotten."
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


def _handing_on(look: Look, looks: dict[str, Look]) -> Iterator[Trap]:
    "What an earlier step leaves in its working folder and this one opens travels only if declared."
    before = list(_ancestors(look, looks))
    declared = {str(name) for earlier in before for name in earlier.node.parameters.get("outputs", [])}
    wanted = {name: earlier for earlier in before for name in earlier.files & look.files}
    makers = [earlier for earlier in before if "open_run" in earlier.source]
    if makers and "open_run" in look.source:
        wanted[HANDED_ON] = makers[0]
    for name, earlier in sorted(wanted.items()):
        if name not in declared:
            yield trap(
                earlier.node,
                "output",
                f"{look.node.name} reads {name}, which this step leaves but does not declare",
                f"add {name} to its output files",
            )


def _ancestors(look: Look, looks: dict[str, Look]) -> Iterator[Look]:
    "The steps before this one, first ones first."
    seen: dict[str, Look] = {}

    def visit(node_id: str) -> None:
        for parent in looks[node_id].node.after if node_id in looks else ():
            visit(parent)
            if parent in looks:
                seen.setdefault(parent, looks[parent])

    visit(look.node.id)
    yield from seen.values()
