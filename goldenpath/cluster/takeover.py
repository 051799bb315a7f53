"""Find the steps that an older run did under the same conditions, and take them over into a new run."""

import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from goldenpath.cluster.conditions import code_of
from goldenpath.cluster.invocation import INVOCATION, Invocation, executed_copy, is_finished, remove_traces
from goldenpath.cluster.outside import would_be_the_same
from goldenpath.cluster.pipeline_file import Graph, Node
from goldenpath.cluster.step_conditions import settings_of
from goldenpath.errors import GoldenpathError
from goldenpath.records import Frozen
from goldenpath.runs.executed import save_html
from goldenpath.runs.run import HANDED_ON, list_runs, record_in, steps_of, write_json
from goldenpath.runs.taken_over import is_intact, take_files

_LISTED, _COMPARED = 100, 10  # newest runs of any kind, and those of the same pipeline among them


class Donor(Frozen):
    "An older run, and what a new one takes over from it."

    run: Path
    nodes: tuple[Node, ...]


def find_donor(
    graph: Graph,
    project: Path,
    runs: Path,
    now: Invocation,
) -> Donor | None:
    """Return the run that most steps can be taken over from, the newest of several; None if there is none.

    A step is taken over if its conditions are the same, it is done and its files are intact, and if all
    steps that it needs are taken over from the same run.
    """
    best: Donor | None = None
    for run, before in _earlier(runs, now.pipeline):
        nodes = _unchanged(graph, project, run, before, now)
        if nodes and (best is None or len(nodes) > len(best.nodes)):
            best = Donor(run=run, nodes=nodes)
        if best and len(best.nodes) == len(now.steps):
            break
    return best


def _earlier(runs: Path, pipeline: str) -> Iterator[tuple[Path, Invocation]]:
    "Return the newest runs of a pipeline, newest first; one whose invocation cannot be read is left out."
    newest = ((run, _invocation_of(run)) for run in reversed(list_runs(runs)[-_LISTED:]))
    fitting = ((run, asked) for run, asked in newest if asked and asked.pipeline == pipeline)
    return islice(fitting, _COMPARED)


def _invocation_of(run: Path) -> Invocation | None:
    try:
        return record_in(run, INVOCATION, Invocation)
    except GoldenpathError:  # none, or a damaged one
        return None


def _unchanged(
    graph: Graph, project: Path, run: Path, before: Invocation, now: Invocation
) -> tuple[Node, ...]:
    kept: dict[str, Node] = {}  # by id
    for node in graph.nodes:
        same = node.name in now.steps and before.steps.get(node.name) == now.steps[node.name]
        if same and set(node.after) <= kept.keys() and _is_usable(graph, node, project, run, now):
            kept[node.id] = node
    return tuple(kept.values())


def _is_usable(graph: Graph, node: Node, project: Path, run: Path, now: Invocation) -> bool:
    "Check what is left of a step in an older run; the code is that of the copy which ran."
    conditions, copy = now.steps[node.name], executed_copy(node, run, project)
    settings = settings_of(graph, node, project, now.values)
    return (
        is_finished(node, run, project)
        and is_intact(run, steps_of(run).get(node.name, {}))
        and code_of(copy, run) == conditions.code
        and all(would_be_the_same(kind, run, settings) for kind in conditions.outside)
    )


def take_over(
    donor: Donor,
    folder: Path,  # of the new run
    project: Path,
    planned: list[str],  # steps of the new run
) -> dict[str, str]:
    """Give a new run what it takes over; return the steps, each with the id of the run in which it worked.

    If a file is gone meanwhile, its step and those that follow are left to be done again.
    """
    taken: dict[str, str] = {}
    for node in donor.nodes:
        try:
            taken[node.name] = _take(node, donor.run, folder, project, planned)
        except (OSError, GoldenpathError):
            remove_traces(folder, node, project)
            break
    return taken


def _take(node: Node, run: Path, folder: Path, project: Path, planned: list[str]) -> str:
    "Take over one step: its files, its note, its executed notebook with the page, and what it hands on."
    old, new = (executed_copy(node, one, project) for one in (run, folder))
    new.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(old, new)
    if old.with_suffix(".html").is_file():
        shutil.copy2(old.with_suffix(".html"), new.with_suffix(".html"))
    else:
        save_html(new)
    write_json(new.with_name(HANDED_ON), {"run_id": folder.name, "run_folder": str(folder)})
    worked_in = take_files(run, folder, node.name, planned)
    if not is_intact(folder, steps_of(folder)[node.name]):
        raise OSError(f"{run} changed while it was read")
    return worked_in
