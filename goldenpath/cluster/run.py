"""Run a pipeline on a copy of the project, in place as Elyra does: the executed copies are the record."""

import os
import shlex
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import Field

from goldenpath.cluster.conditions import conditions_of
from goldenpath.cluster.invocation import INVOCATION, Invocation
from goldenpath.cluster.pipeline_file import Graph, copy_pipeline, part_of, read_pipeline, refuse_outside
from goldenpath.cluster.program import follow, progress_of
from goldenpath.cluster.step_conditions import conditions_of_steps
from goldenpath.cluster.takeover import find_donor, take_over
from goldenpath.cluster.workspace import elyra_pipeline, export_notebooks, tidy
from goldenpath.errors import GateRefused, GoldenpathError
from goldenpath.programs import SLEEPING_THREADS, last_line, running
from goldenpath.project import Project
from goldenpath.records import Frozen
from goldenpath.runs.ending import RUN_STEPS, planned_steps
from goldenpath.runs.executed import Failure, StepProgress, Watch, forget, read_failure
from goldenpath.runs.run import make_run, write_json
from goldenpath.runs.spec import begins, maker_of, step_before
from goldenpath.settings import Settings, load_settings
from goldenpath.tracking.within import mirror_within, mirrored_end

_WITHIN = 60.0  # seconds
TakenOver = Callable[[Mapping[str, str]], None]  # called first: steps taken over, and the run of each
QUESTION = """
from goldenpath import Project
from goldenpath.steps.train import clash_ahead
print(clash_ahead(Project()))
"""


class RunOutcome(Frozen):
    "How a pipeline ended."

    run: Path  # folder of the run
    steps: tuple[StepProgress, ...]
    failure: Failure | None
    seconds: float
    values: dict[str, str] = Field(default_factory=dict)  # of --set

    @property
    def exit_code(self) -> int:
        "0, 1 where a step failed, 3 where the gate refused the candidate, 5 where no training is due."
        return self.failure.exit_code if self.failure else 0


def refuse_clash(graph: Graph, settings: Settings, values: Mapping[str, str]) -> None:
    "Raise GateRefused before the run if a refusal is certain; only warn if nothing is published."
    clash = clash_of(settings, values)
    publisher = maker_of("published.json")
    if clash and publisher in {node.name for node in graph.nodes}:
        before = step_before(publisher)
        raise GateRefused(f"{clash}, or use --until {before} to train and evaluate without publishing")
    if clash:
        warnings.warn(f"what is trained now cannot be published: {clash}", stacklevel=2)


def clash_of(
    settings: Settings,
    values: Mapping[str, str],  # environment variables of the run; they may name another model or home
) -> str:
    """Why the model of the project cannot be published; "" if nothing speaks against it, or if it is unknown.

    A program of its own answers, because this one may hold modules from before the export. Raises
    GoldenpathError if the registry cannot be opened.
    """
    environ = os.environ | values
    if values:
        settings = load_settings(settings.folder / "settings.ini", environ)
    if not Project(settings).registry.versions():
        return ""
    paths = [str(settings.folder), *filter(None, [environ.get("PYTHONPATH")])]
    try:
        done = subprocess.run(
            [sys.executable, "-c", QUESTION],
            cwd=settings.folder,
            env=environ | {"PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_WITHIN,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return ""  # a step meets the same fault, and names its cell
    return done.stdout.rstrip("\n").rpartition("\n")[2]


def run_pipeline(
    file: Path,  # the .pipeline of the project
    settings: Settings,
    watch: Watch = lambda step: None,
    values: Mapping[str, str] | None = None,  # environment variables for this run only, e.g. {"SEED": "7"}
    until: str = "",  # last step; it and those that it needs run
    without: Sequence[str] = (),  # steps that do not run
    again: bool = False,  # do all steps, also those that an older run did under the same conditions
    tell: TakenOver = lambda steps: None,
) -> RunOutcome:
    """Run a pipeline on a copy of the project in a new run folder, through `elyra-pipeline run`.

    What an older run did under the same conditions is taken over from it.

    Raises GateRefused if no model could be published, GoldenpathError if it did not
    begin; a step that fails is in the outcome.
    """
    began = time.monotonic()
    project, values = settings.folder, dict(values or {})
    graph = part_of(read_pipeline(file), until, without)
    export_notebooks(project)
    refuse_clash(graph, settings, values)
    refuse_outside(graph, project)
    runs = settings.writable_home() / "runs"
    invocation = invocation_of(graph, project, values, until, without)
    donor = None if again else find_donor(graph, project, runs, invocation)
    folder = make_run(runs)
    planned = planned_steps(node.name for node in graph.nodes).split()
    taken = take_over(donor, folder, project, planned) if donor else {}
    tell(taken)
    with mirrored_end(settings, folder):
        outcome = work_through(graph, folder, project, invocation, watch, began, done=tuple(taken))
    if not outcome.steps:  # each of which mirrors
        mirror_within(settings, folder.name)
    return outcome


def invocation_of(
    graph: Graph,
    project: Path,
    values: Mapping[str, str],
    until: str = "",
    without: Sequence[str] = (),
) -> Invocation:
    "Record what a run is asked for, and the conditions under which it begins now."
    conditions = conditions_of(graph, project, values)
    return Invocation(
        pipeline=os.path.relpath(graph.file.resolve(), project.resolve()),
        values=dict(values),
        until=until,
        without=tuple(without),
        conditions=conditions,
        steps=conditions_of_steps(graph, project, values, conditions.packages),
    )


def work_through(
    graph: Graph,  # of the project
    folder: Path,  # of the run
    project: Path,
    invocation: Invocation,
    watch: Watch,
    began: float,  # time.monotonic()
    done: Sequence[str] = (),  # steps that the run has done, and that stay as they are
) -> RunOutcome:
    "Copy the project into the run, record what is asked for, and run the steps that are not done."
    left = tuple(node for node in graph.nodes if node.name not in done)
    values = invocation.values
    copied = copy_pipeline(graph.model_copy(update={"nodes": left}), project, folder, values, done)
    for node in copied.nodes:
        if node.file.suffix == ".ipynb" and node.file.is_file():
            forget(node.file)
    write_json(folder / INVOCATION, invocation.model_dump(mode="json"))
    steps = planned_steps(node.name for node in copied.nodes)
    environ = {**_environ(folder, project, values), RUN_STEPS: steps}
    code = _execute(copied, folder, environ, watch) if left else 0
    return _outcome(copied, folder, code, began).model_copy(update={"values": values})


def _environ(folder: Path, project: Path, values: Mapping[str, str]) -> dict[str, str]:
    "Return the environment of the steps: their run, and the project that relative paths start from."
    ours = {
        "RUN_ID": folder.name,
        "GOLDENPATH_PROJECT": str(project),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")])),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    return {**SLEEPING_THREADS, **os.environ, **ours, **values}


def _execute(graph: Graph, folder: Path, environ: dict[str, str], watch: Watch) -> int:
    "Start the real program, report steps while it works, return its exit code."
    command = elyra_pipeline()
    files = [node.file for node in graph.nodes]
    with (
        (folder / "pipeline.log").open("wb") as log,
        running([*command, "run", str(graph.file)], folder, environ, log) as process,
    ):
        return follow(process, files, folder, watch)


def _outcome(graph: Graph, folder: Path, code: int, began: float) -> RunOutcome:
    steps = tuple(step for node in graph.nodes if (step := progress_of(node.file, folder)))
    failed = [step for step in steps if step.status == "failed"]
    failure = read_failure(failed[0].file) if failed else None
    if code and not failure:
        log = folder / "pipeline.log"
        raise GoldenpathError(f"elyra-pipeline ended with {code}: {_complaint(log)}; all of it is in {log}")
    tidy(folder)
    return RunOutcome(run=folder, steps=steps, failure=failure, seconds=time.monotonic() - began)


def _complaint(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").splitlines()
    errors = [line.strip() for line in lines if "[Error]" in line]
    return errors[0] if errors else last_line("\n".join(lines))


def again(failure: Failure, outcome: RunOutcome) -> str:
    "Return the command that runs a failed step again, on the data of its run and with its variables."
    of_run = "" if begins(failure.step) else f" -p run={outcome.run.name}"
    variables = "".join(f"{name}={shlex.quote(value)} " for name, value in outcome.values.items())
    return f"{variables}goldenpath step {failure.step}{of_run}"
