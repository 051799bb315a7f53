"""What Kubeflow Pipelines would run, read back from a compiled pipeline as plain tasks."""

import re
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from pydantic import Field

from goldenpath.errors import BadInput
from goldenpath.records import Frozen

# annotations of an exported task: its notebook (Elyra has an annotation of its own), code, pipeline file
NOTEBOOK, CODE_DIGEST, PIPELINE = "goldenpath/notebook", "goldenpath/code", "goldenpath/pipeline"
INPUT = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")
OUTPUT = re.compile(r"\{\{\$\.outputs\.parameters\['([^']+)'\]\.output_file\}\}")
CONDITION = re.compile(r"inputs\.parameter_values\['([^']+)'\]\s+(==|!=)\s+'([^']*)'")

Outputs = Mapping[tuple[str, str], str]  # what tasks gave, by the task's id and the output's name


class InputSource(Frozen):
    "Where the value of an input comes from: an output of a task, or the value itself."

    task: str = ""  # id; empty: the value is here
    output: str = ""
    value: str = ""

    def value_in(self, outputs: Outputs) -> str:
        return outputs[self.task, self.output] if self.task else self.value


class Requirement(Frozen):
    "A condition of the branch that a task is in."

    source: InputSource
    equal: bool  # must the values be equal, or differ?
    value: str

    def holds(self, outputs: Outputs) -> bool:
        return (self.source.value_in(outputs) == self.value) == self.equal


class Task(Frozen):
    "One node as Kubeflow Pipelines would start it."

    id: str
    label: str
    file: str  # name of its notebook or script
    image: str
    command: tuple[str, ...]  # with its arguments
    environ: dict[str, str]
    after: tuple[str, ...]  # ids
    mounts: dict[str, str]  # claim by mount path
    inputs: dict[str, InputSource] = Field(default_factory=dict)
    requires: tuple[Requirement, ...] = ()
    caches: bool = False  # may an earlier run's outputs stand in for it?
    annotations: dict[str, str] = Field(default_factory=dict)

    def filled(self, outputs: Outputs, folder: str) -> "Task":
        "Put the values of the inputs, and files in `folder` for the outputs, into the command."

        def fill(word: str) -> str:
            word = INPUT.sub(lambda match: self.inputs[match[1]].value_in(outputs), word)
            return OUTPUT.sub(lambda match: f"{folder}/{match[1]}", word)

        return self.model_copy(update={"command": tuple(map(fill, self.command))})


def read_tasks(
    compiled: Path,
    arguments: Mapping[str, str] | None = None,  # of the Run form; defaults for all others
) -> tuple[Task, ...]:
    """Return the tasks of a compiled pipeline in an order in which they can run.

    Raises BadInput if the file is none, or has a condition other than those that are exported here.
    """
    import yaml

    try:
        pipeline, *further = yaml.safe_load_all(compiled.read_text("utf-8"))
        kubernetes = further[0]["platforms"]["kubernetes"]["deploymentSpec"]["executors"] if further else {}
        tasks = {task.id: task for task in _Reader(pipeline, kubernetes).read(arguments or {})}
    except OSError as fault:
        raise BadInput(f"pipeline {compiled} cannot be read ({fault.strerror}); check the path") from None
    except (ValueError, LookupError, TypeError, yaml.YAMLError):
        raise BadInput(f"{compiled} is not a pipeline that KFP compiled; export it again") from None
    order = TopologicalSorter({task.id: task.after for task in tasks.values()}).static_order()
    return tuple(tasks[task_id] for task_id in order)


class _Reader:
    "One compiled pipeline, and its executors' settings for Kubernetes."

    def __init__(self, pipeline: Mapping[str, Any], kubernetes: Mapping[str, Any]) -> None:
        self._pipeline, self._kubernetes = pipeline, kubernetes

    def read(self, arguments: Mapping[str, str]) -> Iterator[Task]:
        root = self._pipeline["root"]
        form = root.get("inputDefinitions", {}).get("parameters", {})
        defaults = {name: _text(field.get("defaultValue", ""), field) for name, field in form.items()}
        scope = {name: InputSource(value=value) for name, value in (defaults | dict(arguments)).items()}
        yield from self._branch(root["dag"], "", scope, (), ())

    def _branch(
        self,
        dag: Mapping[str, Any],
        prefix: str,  # of the ids in it
        scope: Mapping[str, InputSource],  # its inputs
        requires: tuple[Requirement, ...],
        after: tuple[str, ...],
    ) -> Iterator[Task]:
        for name, task in dag["tasks"].items():
            inputs = _inputs(task, scope, prefix)
            before = (*after, *(f"{prefix}{other}" for other in task.get("dependentTasks", [])))
            component = self._pipeline["components"][task["componentRef"]["name"]]
            if "dag" in component:
                inner = (*requires, *_requirements(task, inputs))
                yield from self._branch(component["dag"], f"{prefix}{name}/", inputs, inner, before)
            else:
                made = self._task(f"{prefix}{name}", task, component["executorLabel"], scope)
                yield made.model_copy(update={"after": before, "inputs": inputs, "requires": requires})

    def _task(
        self, task_id: str, task: Mapping[str, Any], executor: str, scope: Mapping[str, InputSource]
    ) -> Task:
        container = self._pipeline["deploymentSpec"]["executors"][executor]["container"]
        platform = self._kubernetes.get(executor, {})
        label = task["taskInfo"]["name"]
        notes = platform.get("podMetadata", {}).get("annotations", {})
        return Task(
            id=task_id,
            label=label,
            file=Path(notes.get(NOTEBOOK) or notes.get("elyra/node-file-name", label)).name,
            image=container["image"],
            command=(*container["command"], *container.get("args", [])),
            environ={entry["name"]: str(entry.get("value", "")) for entry in container.get("env", [])},
            after=(),
            mounts={mount["mountPath"]: _claim(mount, scope) for mount in platform.get("pvcMount", [])},
            annotations=notes,
            caches=bool(task.get("cachingOptions", {}).get("enableCache")),
        )


def _inputs(task: Mapping[str, Any], scope: Mapping[str, InputSource], prefix: str) -> dict[str, InputSource]:
    parameters = task.get("inputs", {}).get("parameters", {})
    return {name: _source(given, scope, prefix) for name, given in parameters.items()}


def _source(given: Mapping[str, Any], scope: Mapping[str, InputSource], prefix: str) -> InputSource:
    if "taskOutputParameter" in given:
        output = given["taskOutputParameter"]
        return InputSource(task=f"{prefix}{output['producerTask']}", output=output["outputParameterKey"])
    if "componentInputParameter" in given:
        return scope[given["componentInputParameter"]]
    return InputSource(value=_text(given["runtimeValue"]["constant"], {}))


def _requirements(task: Mapping[str, Any], inputs: Mapping[str, InputSource]) -> list[Requirement]:
    condition = task.get("triggerPolicy", {}).get("condition", "")
    if not condition:
        return []
    match = CONDITION.fullmatch(condition.strip())
    if not match:
        raise BadInput(
            f"the condition `{condition}` is none that is exported here; export the pipeline again"
        )
    return [Requirement(source=inputs[match[1]], equal=match[2] == "==", value=match[3])]


def _claim(mount: Mapping[str, Any], scope: Mapping[str, InputSource]) -> str:
    name = mount.get("componentInputParameter")
    return scope[name].value if name else str(mount.get("constant", ""))


def _text(value: Any, field: Mapping[str, Any]) -> str:
    "Write a value as the launcher puts it into a command."
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if field.get("parameterType") == "NUMBER_INTEGER" else str(value)
