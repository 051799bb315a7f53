"""The fields of the Run form: the steps' own parameters, with their types, defaults and comments."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from goldenpath.cluster.pipeline_file import Node
from goldenpath.cluster.step import Parameter, parameters_of
from goldenpath.errors import BadInput
from goldenpath.programs import last_line
from goldenpath.runs.notebook import read_notebook

FIELD_TYPES: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}
VOLUME = "volume"  # the field that names the claim
_OF_PIPELINE = "run"  # a step's parameter that the pipeline itself gives
_WITHIN = 60.0  # seconds
# the parameters cell says what a value is: it runs, as papermill would run it
_DEFAULTS = """
import json, sys
cells, names = json.load(sys.stdin)
space = {}
for cell in cells:
    exec(cell, space)
print(json.dumps({name: space[name] for name in names}))
"""

FieldValue = int | float | bool | str


@dataclass(frozen=True)
class FormField:
    "One value that a person may give to a run."

    name: str  # in the form
    kind: type  # int, float, bool or str
    default: FieldValue
    help: str


@dataclass(frozen=True)
class StepField:
    "A step's parameter, and the field of the form that it takes its value from."

    parameter: str
    field: FormField


def form_of(nodes: Iterable[Node], variables: Mapping[str, Mapping[str, str]]) -> dict[str, list[StepField]]:
    """Return the parameters of each step, by the node's id, each with its field of the form.

    `variables` are the environment variables of each step, by the node's id: defaults come from them. Two
    steps share a field if name, type and default are the same; else both fields get their steps' labels.
    Raises BadInput if the parameters of a notebook cannot be read.
    """
    nodes = list(nodes)
    form = {node.id: _fields_of(node, variables[node.id]) for node in nodes}
    every = [entry.field for fields in form.values() for entry in fields]
    shared = {field.name: {(f.kind, f.default) for f in every if f.name == field.name} for field in every}
    differing = {name for name, kinds in shared.items() if len(kinds) > 1 or name == VOLUME}
    return {node.id: [_labeled(entry, node, differing) for entry in form[node.id]] for node in nodes}


def _labeled(entry: StepField, node: Node, differing: set[str]) -> StepField:
    if entry.parameter not in differing:
        return entry
    label = "".join(letter if letter.isalnum() else "_" for letter in node.title.lower())
    return replace(entry, field=replace(entry.field, name=f"{label}_{entry.parameter}"))


def _fields_of(node: Node, variables: Mapping[str, str]) -> list[StepField]:
    if node.file.suffix != ".ipynb":
        raise BadInput(f"{node.title} runs {node.file.name}: only notebooks are exported; make it a notebook")
    parameters = [
        parameter
        for parameter in parameters_of(node.file).values()
        if parameter.kind in FIELD_TYPES and parameter.name != _OF_PIPELINE
    ]
    defaults = _defaults_of(node, parameters, variables)
    return [
        StepField(
            parameter.name,
            FormField(
                parameter.name, FIELD_TYPES[parameter.kind], _typed(parameter, defaults, node), parameter.help
            ),
        )
        for parameter in parameters
    ]


def _typed(parameter: Parameter, defaults: Mapping[str, object], node: Node) -> FieldValue:
    value = defaults[parameter.name]
    try:
        if not isinstance(value, bool) and parameter.kind == "bool":
            raise ValueError
        typed: FieldValue = FIELD_TYPES[parameter.kind](value)
        return typed
    except (TypeError, ValueError):
        raise BadInput(
            f"{node.file.name}: the default of {parameter.name} is {value!r}, which is not of type "
            f"{parameter.kind}; correct its line"
        ) from None


def _defaults_of(
    node: Node, parameters: Iterable[Parameter], variables: Mapping[str, str]
) -> dict[str, object]:
    "Evaluate the parameters cell in a program of its own, with the variables that the pipeline sets."
    cells = [
        "".join(cell["source"])
        for cell in read_notebook(node.file)["cells"]
        if "parameters" in cell.get("metadata", {}).get("tags", ())
    ]
    done = subprocess.run(
        [sys.executable, "-I", "-c", _DEFAULTS],
        input=json.dumps([cells, [parameter.name for parameter in parameters]]),
        env=dict(variables),
        capture_output=True,
        text=True,
        timeout=_WITHIN,
        check=False,
    )
    if done.returncode:
        raise BadInput(
            f"{node.file.name}: the parameters cell cannot be run ({last_line(done.stderr)}); correct it"
        )
    return dict(json.loads(done.stdout))
