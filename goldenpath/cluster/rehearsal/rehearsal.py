"""Will it run on the cluster? Every node of a pipeline as its pod would run it, on this machine.

Real: Elyra's compiler (or KFP's), the commands that it writes, an S3 store, the image's package versions.
Stood in for: the scheduler (nodes run one after another), the images' operating system, the volume.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from goldenpath.cluster.checks.notebook_source import imported, source_of
from goldenpath.cluster.images import image_of
from goldenpath.cluster.kubeflow.bring_code import list_files
from goldenpath.cluster.kubeflow.snapshot import CODE_FOLDER
from goldenpath.cluster.pipeline_file import copy_pipeline, read_pipeline
from goldenpath.cluster.rehearsal.compiled import Format, compiled
from goldenpath.cluster.rehearsal.pod import IN_POD_NOTES, Place, Ran, isolation, run_task
from goldenpath.cluster.rehearsal.python import pod_python
from goldenpath.cluster.rehearsal.trail import Missing, found_in_vain, lost_files
from goldenpath.cluster.rehearsal.volume import (
    accesses_since,
    check_given,
    expect_folder,
    find_loans,
    lay_volumes,
    lend,
    lend_feedback,
    mark,
)
from goldenpath.cluster.tasks import Task
from goldenpath.cluster.workspace import export_notebooks
from goldenpath.programs import last_line
from goldenpath.records import Frozen
from goldenpath.runs.executed import Failure, StepProgress, Watch, read_failure
from goldenpath.runs.notebook import read_notebook
from goldenpath.runs.run import new_id
from goldenpath.settings import Settings
from goldenpath.text.plain import say


class NodeReport(Frozen):
    "How one node did."

    label: str
    file: str
    status: Literal["done", "failed", "skipped"]
    seconds: float = 0.0
    fetched: tuple[str, ...] = ()  # from S3
    sent: tuple[str, ...] = ()  # to S3
    read: tuple[str, ...] = ()  # of what was on the volume before
    written: tuple[str, ...] = ()  # to the volume
    lost: tuple[str, ...] = ()  # written into the working folder, and not uploaded
    missing: tuple[Missing, ...] = ()
    failure: Failure | None = None


class Rehearsal(Frozen):
    "How a pipeline did."

    folder: Path
    pipeline: str
    python: str  # version
    packages: int  # of the image's, installed
    left_out: tuple[str, ...]  # of the image's: not imported here
    isolated: bool  # could the project be hidden from the nodes?
    notes: tuple[str, ...]  # in what this is not like the cluster
    nodes: tuple[NodeReport, ...]
    seconds: float

    @property
    def exit_code(self) -> int:
        "0, 1 where a node failed, 3 where the gate refused the candidate."
        failures = [node.failure for node in self.nodes if node.failure]
        return failures[0].exit_code if failures else 0


def rehearse_pipeline(
    file: Path,  # the .pipeline of the project
    settings: Settings,
    watch: Watch = lambda step: None,
    values: Mapping[str, str] | None = None,  # environment variables of every node, for this rehearsal only
    volume: Path | None = None,  # the folder that stands in for the volume; None: a new one with the rows
    tell: Callable[[str], None] = say,  # takes a line about what is done before the first node
    form: Format = "elyra",  # who compiles it
) -> Rehearsal:
    """Compile a pipeline and run every node as its pod would.

    Raises GoldenpathError where it did not begin; a node that fails is in the result.
    """
    began = time.monotonic()
    graph = read_pipeline(file)
    expect_folder(volume)
    if volume:
        check_given(graph, settings, values or {}, volume)
    loans = [] if volume else find_loans(graph, settings, values or {})
    folder = settings.writable_home() / "rehearsals" / new_id()
    folder.mkdir(parents=True)
    export_notebooks(settings.folder)
    copied = copy_pipeline(graph, settings.folder, folder / "project", values or {})
    python = pod_python(
        image_of(_image(graph.nodes[0].parameters), settings.folder / "runtime-images"),
        imports_of(folder / "project"),
        tell,
    )
    with (
        tempfile.TemporaryDirectory() as scratch,
        compiled(copied, folder / "project", folder, Path(scratch), form, tell) as made_of,
    ):
        tasks = made_of.tasks
        volumes = lay_volumes(tasks, folder, settings, volume)
        made_of.lay_code(next(iter(volumes.values()), folder))
        lent = lend(loans, settings, next(iter(volumes.values()))) if volumes else []
        if volumes and not volume:
            lent += lend_feedback(graph, settings, next(iter(volumes.values())))
        stage = Place(folder, python.folder, settings.folder, volumes, isolation())
        nodes = _run_all(tasks, stage, watch)
    made = Rehearsal(
        folder=folder,
        pipeline=graph.name,
        python=python.version,
        packages=len(python.installed),
        left_out=python.left_out,
        isolated=bool(stage.isolation),
        notes=(*python.notes, *_other_images(tasks), *_not_hidden(stage), *lent),
        nodes=nodes,
        seconds=time.monotonic() - began,
    )
    (folder / "rehearsal.json").write_text(made.model_dump_json(indent=1), "utf-8")
    return made


def imports_of(project: Path) -> set[str]:
    "Names of all modules that notebooks and library import."
    sources = [file.read_text("utf-8") for file in (project / "goldenpath").rglob("*.py")]
    sources += [source_of(read_notebook(file)) for file in (project / "notebooks").glob("*.ipynb")]
    return set().union(*(imported(source) for source in sources))


def _image(parameters: Mapping[str, object]) -> str:
    return str(parameters.get("runtime_image", ""))


def _other_images(tasks: Iterable[Task]) -> list[str]:
    images = sorted({task.image for task in tasks})
    return [f"all nodes ran with the packages of the first one's image, not of {images}"] * (len(images) > 1)


def _not_hidden(stage: Place) -> list[str]:
    if stage.isolation:
        return []
    return ["no mounts of one's own here: the volume is GOLDENPATH_HOME, absolute paths reach the project"]


def _run_all(tasks: tuple[Task, ...], stage: Place, watch: Watch) -> tuple[NodeReport, ...]:
    reports: dict[str, NodeReport] = {}
    outputs: dict[tuple[str, str], str] = {}
    for task in tasks:
        if not _is_ready(task, reports, outputs):
            reports[task.id] = NodeReport(label=task.label, file=task.file, status="skipped")
            continue
        watch(_step(task, "running", 0.0))
        report, handed_on = _run_one(task.filled(outputs, f"{IN_POD_NOTES}/outputs"), stage)
        reports[task.id] = report
        outputs |= {(task.id, name): value for name, value in handed_on.items()}
        watch(_step(task, "done" if report.status == "done" else "failed", report.seconds))
    return tuple(reports.values())


def _is_ready(task: Task, reports: Mapping[str, NodeReport], outputs: Mapping[tuple[str, str], str]) -> bool:
    "Have all tasks before it succeeded, and does the branch that it is in run?"
    sources = {required.source.task for required in task.requires if required.source.task}
    if any(reports[earlier].status != "done" for earlier in {*task.after, *sources}):
        return False
    return all(required.holds(outputs) for required in task.requires)


def _step(task: Task, status: Literal["running", "done", "failed"], seconds: float) -> StepProgress:
    return StepProgress(name=task.label, file=Path(task.file), status=status, seconds=seconds)


def _run_one(task: Task, stage: Place) -> tuple[NodeReport, dict[str, str]]:
    place = stage._replace(folder=stage.folder / "nodes" / task.label)
    before = {volume: mark(volume) for volume in place.volumes.values()}
    ran = run_task(task, place)
    looks = [accesses_since(volume, snapshot) for volume, snapshot in before.items()]
    written = [volume / name for volume, look in zip(before, looks, strict=True) for name in look.written]
    shutil.rmtree(place.folder / "stage")
    report = NodeReport(
        label=task.label,
        file=task.file,
        status="failed" if ran.code else "done",
        seconds=ran.seconds,
        fetched=ran.fetched,
        sent=ran.sent,
        read=tuple(name for entry in looks for name in entry.read if not name.startswith(f"{CODE_FOLDER}/")),
        written=tuple(name for entry in looks for name in entry.written),
        lost=lost_files(place.folder / "src", task, ran, _brought(place)),
        missing=found_in_vain(place.folder / "witness", place.project),
        failure=_failure(task, place, ran, written) if ran.code else None,
    )
    return report, ran.outputs


def _brought(place: Place) -> set[str]:
    "Name the files of all snapshots on the volumes: nodes copy them into their working folder."
    snapshots = [path for volume in place.volumes.values() for path in (volume / CODE_FOLDER).glob("*")]
    return {name for snapshot in snapshots for name in list_files(snapshot)}


def _failure(task: Task, place: Place, ran: Ran, written: list[Path]) -> Failure:
    "Return the cell that failed, else the last line of the log."
    step = Path(task.file).stem
    kept = [path for path in written if path.name == task.file]
    for executed in (place.folder / "src" / f"{step}-output.ipynb", *kept):
        with suppress(OSError, ValueError):
            if failure := read_failure(executed):
                return failure
    log = place.folder / "node.log"
    message = last_line(log.read_text("utf-8", "replace"))
    kind = {3: "GateRefused", 5: "NotDue"}.get(ran.code, f"exit code {ran.code}")
    return Failure(step=step, file=log, cell=0, kind=kind, message=message)
