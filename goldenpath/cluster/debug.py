"""Where a run failed, and how to execute the failing cell again with the inputs that it had."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from goldenpath.cluster.invocation import INVOCATION
from goldenpath.errors import BadInput
from goldenpath.records import Frozen
from goldenpath.runs.executed import Failure, read_executed, read_failure
from goldenpath.runs.run import Run, find_run, list_runs, parent_of, read_json, steps_of
from goldenpath.runs.spec import all_specs, begins
from goldenpath.settings import PREFIX, Settings


class FailedStep(Frozen):
    "A step that failed, as a person looks into it."

    run: Path  # its folder
    failure: Failure
    source: str  # of the failing cell
    cell_id: str  # of that cell; "" in a notebook whose cells have none
    inputs: dict[str, Path]  # what the step reads: where it is, by its name in the run
    variables: dict[str, str]  # with which a kernel finds these inputs


def find_failed(
    settings: Settings,
    name: str = "",  # of a run; empty: the newest in which a notebook was executed
) -> FailedStep:
    "Find the step that failed in a run. Raises BadInput if none did."
    runs = settings.home_folder() / "runs"
    folder = find_run(runs, name) if name else _newest_executed(runs)
    for failure in _failures(folder):
        cell = _failing_cell(failure)
        return FailedStep(
            run=folder,
            failure=failure,
            source="".join(cell["source"]),
            cell_id=cell.get("id", ""),
            inputs=_inputs(folder, failure.step),
            variables=_variables(folder, failure.step, settings),
        )
    stopped = [step for step, note in steps_of(folder).items() if note.get("status") == "running"]
    if stopped:
        raise BadInput(
            f"no cell of run {folder.name} failed: {stopped[0]} still runs, or was killed; "
            f"`goldenpath run --resume {folder.name}` continues it"
        )
    raise BadInput(f"no step of run {folder.name} failed; `goldenpath runs` lists others")


def _newest_executed(runs: Path) -> Path:
    "Return the newest run that holds executed notebooks; those that a person's kernel opened hold none."
    for folder in reversed(list_runs(runs)):
        if any((folder / "notebooks").glob("*.ipynb")):
            return folder
    raise BadInput(f"no step was run yet in {runs}: goldenpath run")


def _failures(folder: Path) -> Iterator[Failure]:
    for file in sorted((folder / "notebooks").glob("*.ipynb")):
        try:
            failure = read_failure(file)
        except (OSError, ValueError):  # being written
            continue
        if failure:
            yield failure


def _failing_cell(failure: Failure) -> dict[str, Any]:
    cells = read_executed(failure.file)["cells"]
    failing = (cell for cell in cells if (cell.get("execution_count") or 0) == failure.cell)
    return next(failing, {"source": ""})


def _inputs(folder: Path, step: str) -> dict[str, Path]:
    "Return where the files are that a step is declared to read: in its run, or in one that this reads from."
    run = Run(folder.name, folder, step, parent_of(folder))
    reads = [name for spec in all_specs() if spec.name == step for name in spec.reads]
    return {name: run.input(name) for name in reads if run.has(name)}


def _variables(folder: Path, step: str, settings: Settings) -> dict[str, str]:
    values = read_json(folder / INVOCATION).get("values", {})
    of_run = {} if begins(step) else {"RUN": folder.name}
    return {**of_run, f"{PREFIX}PROJECT": str(settings.folder), **values}
