"""What a run of a pipeline was asked for, under which conditions, and which of its steps are done."""

import os
import shutil
from pathlib import Path

from pydantic import Field

from goldenpath.cluster.conditions import Conditions
from goldenpath.cluster.pipeline_file import Node
from goldenpath.cluster.step_conditions import StepConditions
from goldenpath.records import Frozen
from goldenpath.runs.executed import read_step
from goldenpath.runs.run import steps_of
from goldenpath.runs.spec import all_specs

INVOCATION = "invocation.json"  # in the folder of a run


class Invocation(Frozen):
    "What a run was asked for, and under which conditions; later runs continue or take over by it."

    pipeline: str  # its file, from the project's folder
    values: dict[str, str]  # of --set
    until: str
    without: tuple[str, ...]
    conditions: Conditions
    resumed: tuple[str, ...] = ()  # when it was continued
    steps: dict[str, StepConditions] = Field(default_factory=dict)  # of those that may be taken over


def is_finished(node: Node, folder: Path, project: Path) -> bool:
    "Check that a step's work in a run and its whole notebook came to their end."
    try:
        executed = read_step(executed_copy(node, folder, project))
    except (OSError, ValueError):  # a script, or half written
        return False
    return executed.status == "done" and steps_of(folder).get(node.name, {}).get("status", "done") == "done"


def executed_copy(node: Node, folder: Path, project: Path) -> Path:
    "Return the file of a step in the folder of a run."
    return folder / os.path.relpath(node.file, project.resolve())


def remove_traces(folder: Path, node: Node, project: Path) -> None:
    "Remove what a step made or began in a run, with the note of it."
    made = [
        path
        for spec in all_specs(project / "goldenpath" / "steps")
        if spec.name == node.name
        for path in spec.makes
    ]
    for path in (*made, f"steps/{node.name}.json"):
        target = folder / path
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
    executed_copy(node, folder, project).with_suffix(".html").unlink(missing_ok=True)
