"""The traps of an exported pipeline: its code is not on the volume, or is other code than the project's."""

from collections.abc import Iterator
from pathlib import Path

from goldenpath.cluster.checks.trap import Trap
from goldenpath.cluster.kubeflow.bring_code import hash_files, list_files
from goldenpath.cluster.kubeflow.export import FETCH
from goldenpath.cluster.kubeflow.snapshot import CODE_FOLDER, take_snapshot
from goldenpath.cluster.pipeline_file import read_pipeline
from goldenpath.cluster.tasks import CODE_DIGEST, PIPELINE, Task, read_tasks
from goldenpath.errors import BadInput
from goldenpath.settings import Settings


def check_export(file: Path, settings: Settings) -> list[Trap]:
    "Find the traps in a pipeline that `goldenpath pipeline export` wrote; empty if it is sound."
    try:
        tasks = [task for task in read_tasks(file) if CODE_DIGEST in task.annotations]
    except BadInput as fault:
        return [Trap(file.stem, "unreadable", str(fault), "nothing else was checked")]
    if not tasks:
        problem = "no task of it was written by `goldenpath pipeline export`"
        return [Trap(file.stem, "unreadable", problem, "export it again")]
    return [*_code_traps(file, tasks, settings), *_task_traps(tasks)]


def _task_traps(tasks: list[Task]) -> Iterator[Trap]:
    for task in tasks:
        if task.caches:
            yield Trap(
                task.label,
                "caching",
                "caching is on, and knows nothing of the volume: a rerun can skip this step",
                "export the pipeline again, and do not turn it on",
            )
        if not task.mounts:
            problem = "no volume is mounted, and the code is on it"
            yield Trap(task.label, "no-volume", problem, "export the pipeline again")


def _code_traps(file: Path, tasks: list[Task], settings: Settings) -> Iterator[Trap]:
    digest, pipeline = (tasks[0].annotations.get(name, "") for name in (CODE_DIGEST, PIPELINE))
    try:
        here = take_snapshot(read_pipeline(settings.folder / pipeline)).digest
    except BadInput as fault:
        yield Trap(file.stem, "source", str(fault), "export the pipeline that it should be now")
        return
    if here != digest:
        yield Trap(
            file.stem,
            "older-code",
            f"it runs other code than the project has now ({pipeline}, code {digest[:12]}, here {here[:12]})",
            "export it again, unless this is meant",
            level="warning",
        )
    if any(task.label == FETCH for task in tasks):
        return
    snapshot = settings.home_folder() / CODE_FOLDER / digest
    if not snapshot.is_dir():
        yield Trap(
            file.stem,
            "code",
            f"its code is not on the volume: there is no {snapshot}",
            "export it again here, or with --git",
        )
    elif hash_files(snapshot, list_files(snapshot)) != digest:
        yield Trap(
            file.stem,
            "code",
            f"its code was changed on the volume, so its pods refuse it: {snapshot}",
            "delete that folder, and export it again",
        )
