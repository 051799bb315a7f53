"""A planned pipeline as KFP's own SDK compiles it: only this module imports `kfp`, and only to export.

Container components, so pods hold no `kfp`: each starts bring_code with the stock runtime image's Python.
"""

import importlib.util
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldenpath.cluster.kubeflow import bring_code, fetch_code
from goldenpath.cluster.kubeflow.git_source import GitSource
from goldenpath.cluster.kubeflow.plan import PASSED, Branch, PipelinePlan, PlannedStep, plan_pipeline
from goldenpath.cluster.kubeflow.run_form import VOLUME, FormField
from goldenpath.cluster.kubeflow.snapshot import CODE_FOLDER, Snapshot, take_snapshot
from goldenpath.cluster.pipeline_file import Graph
from goldenpath.cluster.tasks import CODE_DIGEST, NOTEBOOK, PIPELINE
from goldenpath.errors import BadInput
from goldenpath.programs import last_line

RUN = "run"  # input of a step: the run of the step before it
RUN_ID, OUTCOME = "run_id", "outcome"  # outputs of a step
FETCH = "code"  # the task that brings a commit to the volume
_RESOURCES = {
    "cpu": ("set_cpu_request", "{}"),
    "cpu_limit": ("set_cpu_limit", "{}"),
    "memory": ("set_memory_request", "{}G"),
    "memory_limit": ("set_memory_limit", "{}G"),
    "gpu": ("set_accelerator_limit", "{}"),
}


@dataclass(frozen=True)
class Export:
    "What was written, and what its pods run."

    file: Path
    plan: PipelinePlan
    snapshot: Snapshot


def export_pipeline(
    graph: Graph,
    project: Path,  # folder of the project
    file: Path,  # to write, .yaml
    values: Mapping[str, str],  # further environment variables of every step
    retries: int = 1,  # of each step whose pod fails
    git: GitSource | None = None,  # None: the snapshot is on the volume
) -> Export:
    "Compile a pipeline for Kubeflow Pipelines. Raises BadInput if it cannot be, or `kfp` is not installed."
    if not importlib.util.find_spec("kfp"):
        raise BadInput("an export needs the extra `kfp`; run `pip install -e '.[kfp]'` in the project")
    if not graph.file.is_relative_to(project):
        raise BadInput(
            f"pipeline {graph.file} is outside the project {project}: save it in {project / 'pipelines'}"
        )
    plan, snapshot = plan_pipeline(graph, values), take_snapshot(graph)
    name = graph.file.relative_to(project).as_posix()
    try:
        _Compilation(plan, snapshot, name, retries, git).write(file)
    except OSError as fault:
        raise BadInput(
            f"{file} cannot be written ({fault.strerror}); name another file with --output"
        ) from None
    except (TypeError, ValueError) as fault:  # KFP's own rules, such as that of the file's ending
        raise BadInput(f"KFP cannot compile {graph.file.name}: {last_line(str(fault))}") from None
    return Export(file, plan, snapshot)


class _Compilation:
    "One compilation: the plan, and KFP's tasks by the id of their node."

    def __init__(
        self, plan: PipelinePlan, snapshot: Snapshot, name: str, retries: int, git: GitSource | None
    ) -> None:
        self._plan, self._snapshot, self._retries, self._git = plan, snapshot, retries, git
        self._name = name  # of the pipeline file, from the project's folder
        self._code = f"{plan.mount}/{CODE_FOLDER}"
        self._tasks: dict[str, Any] = {}
        self._form: dict[str, Any] = {}  # KFP's channels by name of the field
        self._first: list[Any] = []  # tasks that come before all steps

    def write(self, file: Path) -> None:
        from kfp import compiler, dsl

        graph = self._plan.graph
        description = str(graph.app_data.get("properties", {}).get("description", "")) or None
        fields = {entry.field.name: entry.field for step in self._plan.steps for entry in step.fields}
        fields[VOLUME] = FormField(VOLUME, str, self._plan.claim, "claim of the volume, in this namespace")
        pipeline = dsl.pipeline(name=graph.name, description=description)(self._signed(fields))
        compiler.Compiler().compile(pipeline, str(file))

    def _signed(self, fields: Mapping[str, FormField]) -> Callable[..., None]:
        "Return a function whose signature and docstring are the Run form."

        def build(*channels: Any) -> None:
            self._form = dict(zip(fields, channels, strict=True))
            if self._git:
                self._first = [self._fetch(self._git)]
            self._build(self._plan.steps, ())

        lines = [f"    {field.name}: {field.help}" for field in fields.values()]
        return _with_signature(
            build,
            "build",
            [_parameter(field.name, field.kind, field.default) for field in fields.values()],
            "\n".join(["Run it.", "", "Args:", *lines]),
        )

    def _build(self, steps: Sequence[PlannedStep], inside: tuple[Branch, ...]) -> None:
        "Make the tasks of one branch, then the branches in it."
        from kfp import dsl

        depth = len(inside)
        for step in steps:
            if step.when == inside:
                self._tasks[step.node.id] = self._task(step)
        branches = dict.fromkeys(step.when[depth] for step in steps if len(step.when) > depth)
        for branch in branches:
            with dsl.If(self._outcome(branch) == branch.outcome, name=branch.outcome):
                within = [step for step in steps if step.when[: depth + 1] == (*inside, branch)]
                self._build(within, (*inside, branch))
            if branch.outcome == PASSED:
                with dsl.If(self._outcome(branch) != PASSED, name="refused"):
                    self._refuse(branch)

    def _outcome(self, branch: Branch) -> Any:
        return self._tasks[branch.step].outputs[OUTCOME]

    def _task(self, step: PlannedStep) -> Any:
        node = step.node
        inputs = {
            _input(entry.parameter): (entry.field.kind, self._form[entry.field.name]) for entry in step.fields
        }
        words: list[Any] = [node.name]
        if node.after:
            inputs[RUN] = (str, self._tasks[node.after[0]].outputs[RUN_ID])
            words += ["--run", _Word(RUN)]
        words += ["--run-to", _Word(RUN_ID)]
        words += ["--outcome-to", _Word(OUTCOME)] if step.decides else []
        for entry in step.fields:
            words += ["-p", entry.parameter, _Word(_input(entry.parameter))]
        outputs = [RUN_ID, OUTCOME] if step.decides else [RUN_ID]
        component = self._component(node.title, step, self._bring(words), inputs, outputs)
        return self._furnished(self._call(component, inputs, node.title), step).after(
            *self._first, *(self._tasks[parent] for parent in node.after)
        )

    def _refuse(self, branch: Branch) -> None:
        "Make the task that fails for a refused candidate, so that the run is shown as failed."
        judge = next(step for step in self._plan.steps if step.node.id == branch.step)
        inputs = {RUN: (str, self._tasks[branch.step].outputs[RUN_ID])}
        words = self._bring(["--refused", _Word(RUN)])
        component = self._component("refused", judge, words, inputs, [])
        self._furnished(self._call(component, inputs, "refused"), judge, retries=0)

    def _fetch(self, git: GitSource) -> Any:
        from kfp import kubernetes

        step = self._plan.steps[0]
        words = ["-c", inspect.getsource(fetch_code), self._code, self._snapshot.digest]
        words += [git.url, git.commit, git.folder, self._name]
        task = self._call(self._component(FETCH, step, words, {}, []), {}, FETCH)
        if git.secret:
            names = {"username": "GIT_USERNAME", "password": "GIT_PASSWORD"}
            kubernetes.use_secret_as_env(task, secret_name=git.secret, secret_key_to_env=names)
        return self._furnished(task, step)

    def _bring(self, words: Sequence[Any]) -> list[Any]:
        return ["-c", inspect.getsource(bring_code), self._code, self._snapshot.digest, *words]

    def _component(
        self,
        name: str,
        step: PlannedStep,  # whose image is used
        words: Sequence[Any],
        inputs: Mapping[str, tuple[type, Any]],
        outputs: Sequence[str],
    ) -> Any:
        from kfp import dsl

        image = str(step.node.parameters.get("runtime_image", ""))

        def specify(*placeholders: Any) -> Any:
            given = dict(zip([*inputs, *outputs], placeholders, strict=True))
            args = [word if isinstance(word, str) else given[word.name] for word in words]
            return dsl.ContainerSpec(image=image, command=["python3"], args=args)

        signature = [_parameter(key, kind) for key, (kind, _) in inputs.items()]
        signature += [_parameter(one, dsl.OutputPath(str)) for one in outputs]
        return dsl.container_component(_with_signature(specify, _identifier(name), signature))

    def _call(self, component: Any, inputs: Mapping[str, tuple[type, Any]], label: str) -> Any:
        return component(**{key: channel for key, (_, channel) in inputs.items()}).set_display_name(label)

    def _furnished(self, task: Any, step: PlannedStep, retries: int | None = None) -> Any:
        "Give a task what its node asks for in the editor: resources, variables, volumes, secrets."
        from kfp import kubernetes

        parameters = step.node.parameters
        task.set_caching_options(False)
        if retries := self._retries if retries is None else retries:
            task.set_retry(num_retries=retries, backoff_duration="30s")
        for name, (method, form) in _RESOURCES.items():
            if parameters.get(name):
                getattr(task, method)(form.format(parameters[name]))
        if parameters.get("gpu"):
            task.set_accelerator_type(str(parameters.get("gpu_vendor") or "nvidia.com/gpu"))
        for name, value in step.variables.items():
            task.set_env_variable(name, value)
        first, *others = parameters["mounted_volumes"]
        kubernetes.mount_pvc(task, pvc_name=self._form[VOLUME], mount_path=str(first["path"]))
        for other in others:
            kubernetes.mount_pvc(task, pvc_name=str(other["pvc_name"]), mount_path=str(other["path"]))
        notes = {NOTEBOOK: step.node.file.name, CODE_DIGEST: self._snapshot.digest, PIPELINE: self._name}
        for name, value in notes.items():
            kubernetes.add_pod_annotation(task, name, value)
        _add_kubernetes(task, parameters)
        return task


def _add_kubernetes(task: Any, parameters: Mapping[str, Any]) -> None:
    from kfp import kubernetes

    for entry in parameters.get("kubernetes_secrets") or ():
        names = {str(entry["key"]): str(entry["env_var"])}
        kubernetes.use_secret_as_env(task, secret_name=str(entry["name"]), secret_key_to_env=names)
    for entry in parameters.get("kubernetes_pod_labels") or ():
        kubernetes.add_pod_label(task, str(entry["key"]), str(entry.get("value", "")))
    for entry in parameters.get("kubernetes_pod_annotations") or ():
        kubernetes.add_pod_annotation(task, str(entry["key"]), str(entry.get("value", "")))
    for entry in parameters.get("kubernetes_tolerations") or ():
        words = {key: value for key, value in entry.items() if key in ("key", "operator", "value", "effect")}
        kubernetes.add_toleration(task, **{key: value for key, value in words.items() if value})


@dataclass(frozen=True)
class _Word:
    "A word of a command that KFP fills in: an input, or the file of an output."

    name: str


def _input(parameter: str) -> str:
    "Return the input of a task for a parameter, whose own name may be another input's or an output's."
    return f"{parameter}_" if parameter in (RUN, RUN_ID, OUTCOME) else parameter


def _parameter(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind, default=default)


def _with_signature(
    function: Callable[..., Any], name: str, signature: Sequence[inspect.Parameter], text: str = ""
) -> Callable[..., Any]:
    "Give a function the signature that KFP reads its interface from."
    function.__name__, function.__doc__ = name, text
    function.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    return function


def _identifier(label: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in label.lower())
