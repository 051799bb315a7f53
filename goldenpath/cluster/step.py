"""One step's notebook alone, through papermill: its parameters checked by name and type before it starts."""

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from goldenpath.cluster.program import follow
from goldenpath.cluster.run import RunOutcome
from goldenpath.cluster.workspace import export_notebooks
from goldenpath.errors import BadInput, GoldenpathError
from goldenpath.programs import SLEEPING_THREADS, last_line, running
from goldenpath.records import Frozen
from goldenpath.runs.executed import Watch, read_failure, read_step
from goldenpath.runs.notebook import has_tag, read_notebook
from goldenpath.runs.run import make_run
from goldenpath.runs.spec import match_step
from goldenpath.settings import Settings
from goldenpath.text.spelling import nearest
from goldenpath.tracking.within import mirrored_end

TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Parameter(Frozen):
    "One line of the parameters cell."

    name: str
    kind: str  # int, float, bool or str
    default: str  # as written
    help: str  # the comment behind it


def find_step(project: Path, name: str) -> Path:
    "Find a step's notebook by its name, number or last word (05_train, 05, train). Raises BadInput."
    steps = find_steps(project)
    return steps[match_step(name, steps, "the project")]


def find_steps(project: Path) -> dict[str, Path]:
    "Every notebook that has a parameters cell, by name."
    files = sorted((project / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    return {file.stem: file for file in files if has_tag(read_notebook(file), "parameters")}


def parameters_of(file: Path) -> dict[str, Parameter]:
    "Return the parameters of a step, by name."
    import papermill

    return {
        name: Parameter(
            name=name,
            kind=parameter["inferred_type_name"],
            default=parameter["default"],
            help=parameter["help"],
        )
        for name, parameter in papermill.inspect_notebook(str(file)).items()
    }


def typed_parameters(parameters: Mapping[str, Parameter], given: Mapping[str, str]) -> dict[str, Any]:
    "Convert the given values to the notebook's types. Raises BadInput for an unknown name or a wrong type."
    for name in given:
        if name not in parameters:
            names = ", ".join(parameters)
            raise BadInput(f"unknown parameter '{name}'{nearest(name, parameters)}; parameters: {names}")
    return {name: _cast(parameters[name], value) for name, value in given.items()}


def _cast(parameter: Parameter, value: str) -> Any:
    try:
        if parameter.kind == "bool":
            return TRUTH[value.lower()]
        value.encode()  # bytes of the command line that are not text
        return {"int": int, "float": float}.get(parameter.kind, str)(value)
    except (ValueError, KeyError):
        kinds = {"bool": "yes or no", "str": "text in UTF-8"}
        allowed = kinds.get(parameter.kind, f"a value of type {parameter.kind}")
        raise BadInput(f"{parameter.name} = '{value}' is not allowed; allowed: {allowed}") from None


def run_step(
    settings: Settings,
    name: str,
    given: Mapping[str, str],  # parameters of the step
    watch: Watch = lambda step: None,
    values: Mapping[str, str] | None = None,  # environment variables for this step only
) -> RunOutcome:
    """Run one step in a new run, which reads from the newest that fits or from `given["run"]`.

    Raises BadInput for an unknown step or parameter; a cell that fails is in the outcome.
    """
    file = find_step(settings.folder, name)
    parameters = typed_parameters(parameters_of(file), given)
    export_notebooks(settings.folder)
    began = time.monotonic()
    folder = make_run(settings.writable_home() / "runs")
    executed = folder / "notebooks" / file.name
    executed.parent.mkdir(exist_ok=True)
    with mirrored_end(settings, folder):
        _papermill(file, executed, parameters, folder, watch, values or {})
    return RunOutcome(
        run=folder,
        steps=(read_step(executed),),
        failure=read_failure(executed),
        seconds=time.monotonic() - began,
        values=dict(values or {}),
    )


def _papermill(
    file: Path,
    executed: Path,
    parameters: Mapping[str, Any],
    run: Path,
    watch: Watch,
    values: Mapping[str, str],
) -> None:
    "Run the real program in the notebooks' folder. Raises GoldenpathError if it does not start."
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "--cwd", str(file.parent)]
    if parameters:
        command += ["--parameters_yaml", json.dumps(parameters)]  # JSON is YAML
    environ = {name: value for name, value in os.environ.items() if name != "ELYRA_RUNTIME_ENV"}
    environ = (
        SLEEPING_THREADS | environ | {"RUN_ID": run.name, "PYDEVD_DISABLE_FILE_VALIDATION": "1", **values}
    )
    with (
        TemporaryFile() as output,
        running([*command, str(file), str(executed)], Path.cwd(), environ, output) as process,
    ):
        code = follow(process, [executed], run, watch)
        if code and not (executed.is_file() and read_failure(executed)):
            output.seek(0)
            complaint = last_line(output.read().decode(errors="replace"))
            raise GoldenpathError(f"papermill could not run {file.name}: {complaint}")
