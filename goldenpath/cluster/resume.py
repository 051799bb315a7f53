"""Continue a run that failed or was killed: what is done stays, if nothing that it depends on changed."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from goldenpath.cluster.conditions import code_of, conditions_of
from goldenpath.cluster.invocation import INVOCATION, Invocation, executed_copy, is_finished, remove_traces
from goldenpath.cluster.pipeline_file import Graph, part_of, read_pipeline
from goldenpath.cluster.run import RunOutcome, refuse_clash, work_through
from goldenpath.cluster.step_conditions import conditions_of_steps
from goldenpath.cluster.workspace import export_notebooks, remove_copy
from goldenpath.errors import BadInput
from goldenpath.records import Frozen
from goldenpath.runs.executed import Watch
from goldenpath.runs.run import find_run, list_runs, record_in
from goldenpath.settings import Settings
from goldenpath.tracking.within import mirrored_end

NEWEST = "newest"
_ENDS_WITHIN = 5.0  # seconds until a kernel notices that the program which started it was killed


class Remaining(Frozen):
    "What is left to do in a run."

    graph: Graph  # of the project, all steps of the run
    done: tuple[str, ...]  # names of the steps that stay as they are
    again: dict[str, str]  # steps that were done and run again, with the reason

    @property
    def names(self) -> list[str]:
        "The steps that run, in their order."
        return [node.name for node in self.graph.nodes if node.name not in self.done]


def find_resumable(
    settings: Settings,
    name: str = NEWEST,  # of a run, or the newest one of a pipeline
) -> Path:
    "Return the folder of the run to continue. Raises BadInput if there is none, or if it still runs."
    runs = settings.home_folder() / "runs"
    if name == NEWEST:
        begun = [folder for folder in list_runs(runs) if (folder / INVOCATION).is_file()]
        if not begun:
            raise BadInput(f"no pipeline was run yet in {runs}: goldenpath run")
        folder = begun[-1]
    else:
        folder = find_run(runs, name)
    if not (folder / INVOCATION).is_file():
        raise BadInput(f"run {folder.name} is not of a pipeline: `goldenpath step` runs a step again")
    _refuse_running(folder.name)
    return folder


def remaining_in(folder: Path, settings: Settings) -> Remaining:
    "Find out what is left to do in a run. Raises BadInput if nothing is."
    invocation, project = record_in(folder, INVOCATION, Invocation), settings.folder
    file = project / invocation.pipeline
    graph = part_of(read_pipeline(file), invocation.until, invocation.without)
    export_notebooks(project)
    changed = conditions_of(graph, project, invocation.values).changed(invocation.conditions)
    stay: set[str] = set()  # ids
    again: dict[str, str] = {}
    for node in graph.nodes:
        if not is_finished(node, folder, project):
            continue
        before = [parent.name for parent in graph.nodes if parent.id in node.after and parent.id not in stay]
        reason = f"{before[0]} runs again" if before else changed and f"{changed} changed"
        if not reason and code_of(node.file, project) != code_of(
            executed_copy(node, folder, project), folder
        ):
            reason = "its code changed"
        if reason:
            again[node.name] = reason
        else:
            stay.add(node.id)
    done = tuple(node.name for node in graph.nodes if node.id in stay)
    if len(done) == len(graph.nodes):
        raise BadInput(f"run {folder.name} is done, and nothing changed since: there is nothing to resume")
    return Remaining(graph=graph, done=done, again=again)


def resume_pipeline(
    folder: Path, settings: Settings, remaining: Remaining, watch: Watch = lambda step: None
) -> RunOutcome:
    """Run the steps that are left, in the folder of the run, on the project's code as it is now.

    What a step left half done is removed first. Raises GateRefused if no model could be published,
    GoldenpathError if it did not begin; a step that fails is in the outcome.
    """
    began, project = time.monotonic(), settings.folder
    invocation = record_in(folder, INVOCATION, Invocation)
    left = [node for node in remaining.graph.nodes if node.name not in remaining.done]
    refuse_clash(remaining.graph.model_copy(update={"nodes": tuple(left)}), settings, invocation.values)
    for node in left:
        remove_traces(folder, node, project)
    remove_copy(folder)
    conditions = conditions_of(remaining.graph, project, invocation.values)
    steps = conditions_of_steps(remaining.graph, project, invocation.values, conditions.packages)
    stay = {name: step for name, step in invocation.steps.items() if name in remaining.done}
    now = invocation.model_copy(
        update={
            "conditions": conditions,
            "steps": {name: step for name, step in steps.items() if name not in remaining.done} | stay,
            "resumed": (*invocation.resumed, datetime.now(UTC).isoformat(timespec="seconds")),
        }
    )
    with mirrored_end(settings, folder):
        return work_through(remaining.graph, folder, project, now, watch, began, done=remaining.done)


def _refuse_running(run_id: str, processes: Callable[[str], list[int]] | None = None) -> None:
    "Raise BadInput if a process works in the run, also after those that were killed had time to end."
    end = time.monotonic() + _ENDS_WITHIN
    while working := (processes or processes_in)(run_id):
        if time.monotonic() > end:
            numbers = ", ".join(map(str, working))
            raise BadInput(
                f"run {run_id} is still at work in process {numbers}: wait for it, or end it first"
            )
        time.sleep(0.2)


def processes_in(run_id: str) -> list[int]:
    "List the processes of this machine that work in a run; none where there is no /proc (macOS)."
    wanted, numbers = f"RUN_ID={run_id}".encode(), []
    for file in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or is another person's
            if wanted in file.read_bytes().split(b"\0"):
                numbers.append(int(file.parent.name))
    return sorted(numbers)
