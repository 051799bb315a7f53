"""Elyra's own compiler: a pipeline file becomes what Kubeflow Pipelines runs, read back as plain tasks.

The archives of the nodes go to an S3 store on the way, exactly as with Run in the editor.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from goldenpath.cluster.workspace import copy_project, elyra_pipeline, export_notebooks
from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.records import Frozen

CONFIGURATION = "rehearsal"  # name of the runtime configuration that Elyra is given here


class Store(Frozen):
    "An S3 store that Elyra sends archives to."

    endpoint: str
    user: str
    password: str
    bucket: str


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


def snapshot(
    file: Path,  # the .pipeline of the project
    project: Path,
    folder: Path,  # where the copy goes; a new or empty folder
    values: Mapping[str, str],  # environment variables that every node gets in this copy
) -> Path:  # the pipeline in the copy
    "Copy the project with fresh exports, so that the compiled code is the checked code."
    source = file.resolve()
    if not source.is_relative_to(project):
        raise BadInput(f"pipeline {file} is outside the project {project}: save it in {project}/pipelines")
    export_notebooks(project)
    folder.mkdir(parents=True, exist_ok=True)
    copy_project(project, folder)
    copied = folder / source.relative_to(project)
    copied.parent.mkdir(parents=True, exist_ok=True)
    copied.write_text(json.dumps(with_values(_document(source), values), indent=2) + "\n", "utf-8")
    return copied


def _document(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text("utf-8")))
    except OSError as fault:
        raise BadInput(f"pipeline {file} cannot be read ({fault.strerror})") from None
    except ValueError:
        raise BadInput(f"{file} is not a pipeline: open it in the Elyra editor and save it again") from None


def with_values(document: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    "Return the pipeline with environment variables changed or added in every node."
    changed: dict[str, Any] = json.loads(json.dumps(document))
    for node in (node for pipeline in changed["pipelines"] for node in pipeline["nodes"]):
        parameters = node["app_data"]["component_parameters"]
        kept = [entry for entry in parameters.get("env_vars", []) if entry["env_var"] not in values]
        added = [{"env_var": name, "value": value} for name, value in values.items()]
        parameters["env_vars"] = kept + added
    return changed


def compile_pipeline(
    file: Path,  # of the copy
    root: Path,  # the copy's folder; Elyra takes its working folder for the workspace
    store: Store,
    folder: Path,  # where the result and Elyra's words go
) -> Path:
    "Let Elyra upload the archives and write Kubeflow Pipelines' format to `<folder>/<name>.yaml`."
    command = elyra_pipeline()
    compiled = folder / f"{file.stem}.yaml"
    with tempfile.TemporaryDirectory() as own:
        options = ["--runtime-config", CONFIGURATION, "--format", "yaml", "--overwrite"]
        done = subprocess.run(
            [*command, "export", str(file), *options, "--output", str(compiled)],
            cwd=root,
            env=os.environ | _configured(store, Path(own)),
            capture_output=True,
            text=True,
            check=False,
        )
    (folder / "export.log").write_text(done.stdout + done.stderr, "utf-8")
    if done.returncode or not compiled.is_file():
        raise GoldenpathError(f"Elyra cannot export {file.name}: {complaint(done.stdout + done.stderr)}")
    return compiled


def _configured(store: Store, folder: Path) -> dict[str, str]:
    "Variables under which Elyra knows this one runtime configuration, and leaves nothing in the user's home."
    places = {f"JUPYTER_{kind}_DIR": folder / kind.lower() for kind in ("DATA", "RUNTIME", "CONFIG")}
    runtimes = folder / "data" / "metadata" / "runtimes"
    for place in (*places.values(), runtimes):
        place.mkdir(parents=True, exist_ok=True)
    metadata = {
        "runtime_type": "KUBEFLOW_PIPELINES",
        "engine": "Argo",
        "api_endpoint": store.endpoint,  # never called: an export asks only the store
        "public_api_endpoint": store.endpoint,
        "auth_type": "NO_AUTHENTICATION",
        "cos_endpoint": store.endpoint,
        "cos_auth_type": "USER_CREDENTIALS",
        "cos_username": store.user,
        "cos_password": store.password,
        "cos_bucket": store.bucket,
    }
    record = {"display_name": CONFIGURATION, "schema_name": "kfp", "metadata": metadata}
    (runtimes / f"{CONFIGURATION}.json").write_text(json.dumps(record), "utf-8")
    return {name: str(place) for name, place in places.items()}


def complaint(said: str) -> str:
    "Return the most useful line: the first error, with the next line if it ends with a colon."
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for place, line in enumerate(lines):
        if "[Error]" in line or line.startswith("Error"):
            return " ".join(lines[place : place + 2]) if line.endswith(":") else line
    return lines[-1] if lines else "it said nothing"


def read_tasks(compiled: Path) -> tuple[Task, ...]:
    "Return the tasks of a compiled pipeline in an order in which they can run."
    import yaml

    pipeline, *further = yaml.safe_load_all(compiled.read_text("utf-8"))
    kubernetes = further[0]["platforms"]["kubernetes"]["deploymentSpec"]["executors"] if further else {}
    tasks = {
        task_id: _task(task_id, task, pipeline, kubernetes)
        for task_id, task in pipeline["root"]["dag"]["tasks"].items()
    }
    order = TopologicalSorter({task.id: task.after for task in tasks.values()}).static_order()
    return tuple(tasks[task_id] for task_id in order)


def _task(task_id: str, task: dict[str, Any], pipeline: dict[str, Any], kubernetes: dict[str, Any]) -> Task:
    executor = pipeline["components"][task["componentRef"]["name"]]["executorLabel"]
    container = pipeline["deploymentSpec"]["executors"][executor]["container"]
    platform = kubernetes.get(executor, {})
    named = platform.get("podMetadata", {}).get("annotations", {}).get("elyra/node-file-name", task_id)
    return Task(
        id=task_id,
        label=task["taskInfo"]["name"],
        file=Path(named).name,
        image=container["image"],
        command=(*container["command"], *container["args"]),
        environ={entry["name"]: str(entry.get("value", "")) for entry in container.get("env", [])},
        after=tuple(task.get("dependentTasks", [])),
        mounts={mount["mountPath"]: mount["constant"] for mount in platform.get("pvcMount", [])},
    )
