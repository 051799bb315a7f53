"""Will it run on the cluster? Every node of a pipeline as its pod would run it, on this machine.

Real: Elyra's compiler, the commands that it writes, an S3 store, the image's package versions. Stood in for:
the scheduler (nodes run one after another), the images' operating system, the volume (a folder).
"""

import importlib.util
import re
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from goldenpath.cluster.checks.notebook_source import imported, source_of
from goldenpath.cluster.compile import Task, compile_pipeline, read_tasks
from goldenpath.cluster.images import image_of
from goldenpath.cluster.pipeline_file import copy_pipeline, read_pipeline
from goldenpath.cluster.rehearsal.pod import Place, Ran, isolation, run_task
from goldenpath.cluster.rehearsal.python import pod_python
from goldenpath.cluster.rehearsal.store import running_store
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
from goldenpath.cluster.workspace import export_notebooks
from goldenpath.programs import last_line
from goldenpath.records import Frozen
from goldenpath.runs.executed import Failure, StepProgress, Watch, read_failure
from goldenpath.runs.notebook import read_notebook
from goldenpath.runs.run import new_id
from goldenpath.settings import Settings
from goldenpath.text.plain import say

# What Elyra's bootstrapper, Python and Jupyter leave in a node's working folder, and run.json
OF_ELYRA = re.compile(
    r"bootstrapper\.py$|requirements-[\w-]+\.txt$|[^/]+\.tar\.gz$|run\.json$|jupyter-work-dir/|\."
    r"|(.*/)?__pycache__/"
)


class Missing(Frozen):
    "Something that is here and was looked for in vain in the pod."

    kind: Literal["file", "import"]
    name: str
    where: str  # who looked for it


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
    tell(f"compiling {graph.file.name} with Elyra, and uploading it to a local S3 store")
    with tempfile.TemporaryDirectory() as scratch, running_store(Path(scratch) / "store") as store:
        tasks = read_tasks(compile_pipeline(copied.file, folder / "project", store, folder))
        volumes = lay_volumes(tasks, folder, settings, volume)
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
    for task in tasks:
        if any(reports[earlier].status != "done" for earlier in task.after):
            reports[task.id] = NodeReport(label=task.label, file=task.file, status="skipped")
            continue
        watch(_step(task, "running", 0.0))
        reports[task.id] = report = _run_one(task, stage)
        watch(_step(task, "done" if report.status == "done" else "failed", report.seconds))
    return tuple(reports.values())


def _step(task: Task, status: Literal["running", "done", "failed"], seconds: float) -> StepProgress:
    return StepProgress(name=task.label, file=Path(task.file), status=status, seconds=seconds)


def _run_one(task: Task, stage: Place) -> NodeReport:
    place = stage._replace(folder=stage.folder / "nodes" / task.label)
    before = {volume: mark(volume) for volume in place.volumes.values()}
    ran = run_task(task, place)
    looks = [accesses_since(volume, snapshot) for volume, snapshot in before.items()]
    shutil.rmtree(place.folder / "stage")
    return NodeReport(
        label=task.label,
        file=task.file,
        status="failed" if ran.code else "done",
        seconds=ran.seconds,
        fetched=ran.fetched,
        sent=ran.sent,
        read=tuple(name for entry in looks for name in entry.read),
        written=tuple(name for entry in looks for name in entry.written),
        lost=lost_files(place.folder / "src", task, ran),
        missing=found_in_vain(place.folder / "witness", place.project),
        failure=_failure(task, place, ran) if ran.code else None,
    )


def _failure(task: Task, place: Place, ran: Ran) -> Failure:
    "Return the cell that failed, else the last line of the log."
    executed = place.folder / "src" / f"{Path(task.file).stem}-output.ipynb"
    with suppress(OSError, ValueError):
        if failure := read_failure(executed):
            return failure
    log = place.folder / "node.log"
    message = last_line(log.read_text("utf-8", "replace"))
    return Failure(step=Path(task.file).stem, file=log, cell=0, kind=f"exit code {ran.code}", message=message)


def lost_files(src: Path, task: Task, ran: Ran) -> tuple[str, ...]:  # paths from the node's working folder
    "List what a node wrote into its working folder and did not upload: it goes with the pod."
    stem = Path(task.file).stem
    came = {name for archive in src.glob("*.tar.gz") for name in _members(archive)}
    expected = {*came, *ran.fetched, *ran.sent, f"{stem}-output.ipynb", f"{stem}.html"}
    files = (path for path in src.rglob("*") if path.is_file() and not path.is_symlink())
    names = {str(path.relative_to(src)) for path in files}
    return tuple(sorted(name for name in names - expected if not OF_ELYRA.match(name)))


def _members(archive: Path) -> list[str]:
    with tarfile.open(archive) as opened:
        return opened.getnames()


def found_in_vain(witness: Path, project: Path) -> tuple[Missing, ...]:
    "List the modules that the node lacked although they are installed here."
    lines = [
        line for file in sorted(witness.glob("*.jsonl")) for line in file.read_text("utf-8").splitlines()
    ]
    noted = dict.fromkeys(Missing.model_validate_json(line) for line in lines)
    return tuple(
        entry for entry in noted if (_is_here if entry.kind == "file" else _imports)(entry.name, project)
    )


def _is_here(name: str, project: Path) -> bool:
    path = project / "notebooks" / name  # an absolute name stays as it is
    return path.exists() and path.resolve().is_relative_to(project.resolve())


def _imports(name: str, project: Path) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False
