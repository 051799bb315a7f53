"""The code of a pipeline as one folder on the volume, `code/<sha256>`: what its pods run, and nothing else.

It holds what Elyra would package with each node, laid out as in the working folder of Elyra's pods, and the
project's other numbered notebooks, whose modules are in the library.
"""

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from goldenpath.cluster.checks.travel import carried
from goldenpath.cluster.kubeflow.bring_code import hash_files
from goldenpath.cluster.pipeline_file import Graph, read_pipeline
from goldenpath.errors import BadInput, GoldenpathError, RaceLost
from goldenpath.runs.notebook import exported_notebooks
from goldenpath.text.plain import put
from goldenpath.volume import faults, make_folders, place, write_file

CODE_FOLDER = "code"  # folder of the snapshots, below home


@dataclass(frozen=True)
class Snapshot:
    "Code to run, not yet written."

    digest: str  # SHA-256, see bring_code
    folder: Path  # of the notebooks, from which the names start
    names: tuple[str, ...]  # sorted


def take_snapshot(graph: Graph) -> Snapshot:
    "List and hash the code of a pipeline. Raises BadInput if its notebooks are in several folders."
    folders = {node.file.parent for node in graph.nodes}
    if len(folders) != 1:
        raise BadInput(f"{graph.file.name} has notebooks in {len(folders)} folders; move them into one")
    (folder,) = folders
    names = {file.name for file in (*(node.file for node in graph.nodes), *exported_notebooks(folder))}
    for node in graph.nodes:
        names |= carried(node)
    try:
        return Snapshot(hash_files(folder, [*names]), folder, tuple(sorted(names)))
    except OSError as fault:
        raise BadInput(f"{fault.filename} cannot be read ({fault.strerror}); check the pipeline") from None


def write_snapshot(snapshot: Snapshot, code: Path) -> Path:
    "Write a snapshot to `code/<sha256>`, once and as a whole. Raises VolumeFault."
    folder = code / snapshot.digest
    with faults(code):
        make_folders(code)
    if not folder.is_dir():
        with suppress(RaceLost):  # another export wrote the same
            place(folder, lambda staged: _fill(staged, snapshot))
    return folder


def _fill(staged: Path, snapshot: Snapshot) -> None:
    for name in snapshot.names:
        make_folders((staged / name).parent)
        write_file(staged / name, (snapshot.folder / name).read_bytes())


def write_checkout(pipeline: str, code: str, digest: str) -> None:
    "Write the snapshot of a checkout, if it is the expected one. Raises BadInput, VolumeFault."
    snapshot = take_snapshot(read_pipeline(Path(pipeline).resolve()))
    if snapshot.digest != digest:
        raise BadInput(
            f"this commit holds code {snapshot.digest}, and the pipeline was exported from {digest}"
        )
    put(f"wrote {write_snapshot(snapshot, Path(code))}")


if __name__ == "__main__":
    try:
        write_checkout(*sys.argv[1:])
    except GoldenpathError as error:
        sys.exit(str(error))
