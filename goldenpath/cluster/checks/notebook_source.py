"""What a step's notebook says about itself: its code, its imports, the files that it reads and leaves."""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from goldenpath.cluster.pipeline_file import Node
from goldenpath.runs.notebook import code_cells, read_notebook
from goldenpath.runs.spec import declarations

FILE_NAME = re.compile(r"[\w-][\w./-]*\.[A-Za-z]\w{0,7}")
FILE_CALLS = re.compile(r"open|Path|load\w*|dump\w*|read_\w+|to_\w+|savefig|save")
READ_CALLS = ("input", "record", "step.load", "step.table", "step.counted")  # of a step, or of its run
LEAVE_CALLS = ("output", "step.save")
WRITES = re.compile(r"dump\w*|to_\w+|savefig|save|write_text|write_bytes")


class StepSource(NamedTuple):
    "What a step's notebook says about itself."

    node: Node
    notebook: dict[str, Any]  # empty if it is a script
    source: str  # of all code cells
    opened: frozenset[str]  # names of files that its own cells open, relative to the working folder
    written: frozenset[str]  # those of them that it writes
    reads: frozenset[str]  # names, or their beginnings, that it reads of its run: declared, or in its calls
    leaves: frozenset[str]  # names, or their beginnings, that it leaves in its run, likewise


def look_at(node: Node) -> StepSource:
    "Read a node's notebook or script. Raises BadInput if a notebook cannot be read."
    if node.file.suffix != ".ipynb":
        notebook, source = {}, node.file.read_text("utf-8") if node.file.is_file() else ""
    else:
        notebook = read_notebook(node.file)
        source = source_of(notebook)
    calls = [part for part in ast.walk(parsed(source)) if isinstance(part, ast.Call)]
    if_there = set(_texts(calls, "has"))  # looked for first, so the step can do without
    specs = list(declarations(source, node.file))
    return StepSource(
        node=node,
        notebook=notebook,
        source=source,
        opened=frozenset(_files(calls)),
        written=frozenset(_files(call for call in calls if _is_write(call))),
        reads=frozenset(
            {path for spec in specs for path in spec.reads} | {*_texts(calls, *READ_CALLS)} - if_there
        ),
        leaves=frozenset({path for spec in specs for path in spec.makes} | {*_texts(calls, *LEAVE_CALLS)}),
    )


def source_of(notebook: dict[str, Any]) -> str:
    "Return the code of a notebook without IPython's own syntax, so that it can be parsed."
    lines = "\n\n".join(code_cells(notebook)).splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!", "?")))


def parsed(source: str) -> ast.Module:
    "Parse a source; an empty module if its syntax is wrong, which the notebook itself will say."
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])


def opens_step(source: str) -> bool:
    "Check that this source works in a run."
    return "open_step(" in source


def imported(source: str) -> set[str]:
    "Return the dotted names of all modules that are imported, anywhere in the source."
    names: set[str] = set()
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def _name(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", None) or getattr(call.func, "id", ""))


def _files(calls: Iterable[ast.Call]) -> Iterator[str]:
    "Literal names of files in calls that open, read or write one."
    for call in calls:
        if _of_step(call):
            continue  # in its run
        if FILE_CALLS.fullmatch(_name(call)):
            texts = (part.value for part in call.args[:2] if isinstance(part, ast.Constant))
            yield from (text for text in texts if isinstance(text, str) and FILE_NAME.fullmatch(text))
        elif isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call):
            yield from _files([call.func.value])  # Path("x.csv").write_text(...)


def _is_write(call: ast.Call) -> bool:
    if _name(call) != "open":
        return bool(WRITES.fullmatch(_name(call)))
    modes = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax") for mode in modes)


def _texts(calls: Iterable[ast.Call], *methods: str) -> Iterator[str]:
    "Return the literal first argument of each call of one of these methods."
    for call in calls:
        if _method(call) in methods and call.args:
            argument = call.args[0]
            first = argument.values[0] if isinstance(argument, ast.JoinedStr) else argument
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value:
                yield first.value


def _method(call: ast.Call) -> str:
    "Return `step.load` for a method of a step, `input` for one of anything else."
    if not isinstance(call.func, ast.Attribute):
        return ""
    return f"step.{call.func.attr}" if _of_step(call) else call.func.attr


def _of_step(call: ast.Call) -> bool:
    owner = getattr(call.func, "value", None)
    return isinstance(owner, ast.Name) and owner.id == "step"
