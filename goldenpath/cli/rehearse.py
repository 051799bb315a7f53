"""`goldenpath rehearse`."""

import re
import sys
from pathlib import Path

import click

from goldenpath.cli.options import PIPELINE_FILE, SET
from goldenpath.cli.terminal import Progress, near, put, say, show, styled, table
from goldenpath.cluster.kubeflow.plan import has_gate
from goldenpath.cluster.pipeline_file import read_pipeline
from goldenpath.cluster.rehearsal.compiled import Format
from goldenpath.cluster.rehearsal.rehearsal import NodeReport, Rehearsal, rehearse_pipeline
from goldenpath.settings import load_settings
from goldenpath.text.text_table import TextTable

ARCHIVE = re.compile(r".*-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tar\.gz")
_SHOWN = 3  # names in a cell of the table; all of them are in rehearsal.json
_STYLE = {
    "done": "green",
    "failed": "bold red",
    "skipped": "yellow",
}


@click.command()
@PIPELINE_FILE
@SET
@click.option(
    "--volume",
    "-v",
    type=click.Path(path_type=Path),
    help="Folder that stands in for the shared volume; default: a new one with what the pipeline needs.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["elyra", "kfp"]),
    default="elyra",
    show_default=True,
    help="As Elyra submits it, or as `goldenpath pipeline export` writes it.",
)
def rehearse(file: Path, values: dict[str, str], volume: Path | None, form: Format) -> None:
    """Run PIPELINE (pipelines/train.pipeline) as its pods would, on this machine.

    Elyra compiles it and uploads it to a real S3 store; then each node's own command runs in an empty folder
    with the runtime image's packages and without this project. The new volume holds a copy of the rows, and
    for a pipeline that answers with a published version a copy of that version and of the file to score. Exit
    code 1: a node failed; 3: the gate refused the candidate.
    """
    graph = read_pipeline(file)
    labels = [node.label for node in graph.nodes]
    labels += ["refused"] if form == "kfp" and has_gate(graph) else []
    made = rehearse_pipeline(file, load_settings(), Progress(labels), values, volume, form=form)
    tell_rehearsal(made)
    sys.exit(made.exit_code)


def tell_rehearsal(made: Rehearsal) -> None:
    "Show the table, what is missing in the pods, what failed and where to look."
    show(_table(made))
    for node in made.nodes:
        for missing in node.missing:
            put(
                f"{node.label}: {missing.kind} {missing.name} is here but not in the pod"
                + (f" ({missing.where})" if missing.where else "")
            )
        for name in node.lost:
            put(
                f"{node.label}: {name} is lost with the pod, because the node wrote it into its working "
                "folder; write to the run or the volume, or add it to the node's output files"
            )
    for note in made.notes:
        put(f"note: {note}")
    of = f"with Python {made.python} and {made.packages} packages of the image"
    say(f"rehearsed in {made.seconds:.0f} s {of}, in {near(made.folder)}")
    for node in made.nodes:
        if node.failure:
            _tell_failure(node, made.folder)


def _table(made: Rehearsal) -> TextTable:
    columns = ("node", "", "seconds", "read", "written")
    listing = table(f"{made.pipeline}, as its pods would run it", *columns, numbers=("seconds",))
    for node in made.nodes:
        seconds = "" if node.status == "skipped" else f"{node.seconds:.1f}"
        read = _moved(node.fetched, node.read)
        listing.add_row(
            node.label,
            styled(node.status, _STYLE[node.status]),
            seconds,
            read,
            _moved(node.sent, node.written),
        )
    return listing


def _moved(store: tuple[str, ...], volume: tuple[str, ...]) -> str:
    "Show the transfers between the node and the store, and between the node and the volume."
    files = [ARCHIVE.sub("archive", name) for name in store]
    places = [("S3", files)] * bool(files) + [("volume", [Path(name).name for name in volume])] * bool(volume)
    return "\n".join(f"{place}: {_short(names)}" for place, names in places)


def _short(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _tell_failure(node: NodeReport, folder: Path) -> None:
    failure = node.failure
    assert failure is not None
    cell = f" in cell [{failure.cell}]" if failure.cell else ""
    say(f"error: {node.label} failed{cell}: {failure.kind}: {failure.message}")
    say(f"  its log            {near(folder / 'nodes' / node.label / 'node.log')}")
    say(f"  what ran           {near(failure.file)}")
