"""What a rehearsal runs: the tasks that Elyra makes of a pipeline, or that its export for KFP consists of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from goldenpath.cluster.compile import compile_pipeline
from goldenpath.cluster.kubeflow.export import export_pipeline
from goldenpath.cluster.kubeflow.snapshot import CODE_FOLDER, Snapshot, write_snapshot
from goldenpath.cluster.pipeline_file import Graph
from goldenpath.cluster.rehearsal.store import running_store
from goldenpath.cluster.tasks import Task, read_tasks

Format = Literal["elyra", "kfp"]


class Compiled(NamedTuple):
    "Tasks to run, and the code that they expect on the volume."

    tasks: tuple[Task, ...]
    snapshot: Snapshot | None  # None: each archive in S3 brings its own code

    def lay_code(self, volume: Path) -> None:
        if self.snapshot:
            write_snapshot(self.snapshot, volume / CODE_FOLDER)


@contextmanager
def compiled(
    graph: Graph,  # of the copy
    root: Path,  # the copy's folder
    folder: Path,  # of the rehearsal
    scratch: Path,
    form: Format,
    tell: Callable[[str], None],
) -> Iterator[Compiled]:
    "Compile a pipeline; with Elyra, its store runs until the end of the block. Raises GoldenpathError."
    if form == "kfp":
        tell(f"compiling {graph.file.name} with KFP's SDK")
        export = export_pipeline(graph, root, folder / f"{graph.name}.yaml", {})
        yield Compiled(read_tasks(export.file), export.snapshot)
        return
    tell(f"compiling {graph.file.name} with Elyra, and uploading it to a local S3 store")
    with running_store(scratch / "store") as store:
        yield Compiled(read_tasks(compile_pipeline(graph.file, root, store, folder)), None)
