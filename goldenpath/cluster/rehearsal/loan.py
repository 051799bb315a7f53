"""What a pipeline needs on the volume before its first node starts: lent to a rehearsal, or asked for.

Training needs rows alone. A node that answers with a published version needs it, and a file to score.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from goldenpath.cluster.checks.notebook_source import look_at
from goldenpath.cluster.pipeline_file import Graph, Node
from goldenpath.errors import BadInput, NoModel
from goldenpath.project import Project
from goldenpath.registry.registry import Registry
from goldenpath.registry.roles import ROLES
from goldenpath.schema.golden import pool
from goldenpath.schema.spec import ContractSpec
from goldenpath.settings import Settings
from goldenpath.tables.sources import find_files

RECORDS = 100  # of a file that is made up
_ANSWERS = "open_predictor("  # in the code of a node that answers with a published version
PUBLISHES = ".publish("


class Need(NamedTuple):
    "What one node needs on the volume."

    label: str
    name: str  # of the version: a role or a version
    file: str  # to score: a path or glob from the volume's root; empty if it is not on the volume


class Loan(NamedTuple):
    "A need, and the version of the project's registry that meets it."

    need: Need
    version: str


def needs_of(graph: Graph, values: Mapping[str, str]) -> Iterator[Need]:
    "Find the nodes that answer with a published version, unless a node before them publishes one."
    published: set[str] = set()
    for node in graph.nodes:
        source = look_at(node).source
        if PUBLISHES in source or published & set(node.after):
            published.add(node.id)
        elif _ANSWERS in source:
            variables = graph.variables | node.variables | dict(values)
            name = variables.get("BATCH_VERSION") or "champion"
            yield Need(node.label, name, _on_volume(variables.get("INPUT_PATH", ""), node))


def _on_volume(path: str, node: Node) -> str:
    "Return a path relative to the volume's root; empty for a URL or a path outside every volume."
    mounts = [str(volume["path"]) for volume in node.parameters.get("mounted_volumes", [])]
    if not path or "://" in path or not mounts:
        return ""
    if not path.startswith("/"):
        return path  # relative paths start from home, which is the volume
    whole = PurePosixPath(path)
    return str(whole.relative_to(mounts[0])) if whole.is_relative_to(mounts[0]) else ""


def find_loans(graph: Graph, settings: Settings, values: Mapping[str, str]) -> list[Loan]:
    "Choose what is lent to a new volume. Raises BadInput if the project's registry does not have it."
    registry = Project(settings).registry
    return [
        Loan(need, _version(registry, need, settings.home_folder(), "")) for need in needs_of(graph, values)
    ]


def check_given(graph: Graph, settings: Settings, values: Mapping[str, str], volume: Path) -> None:
    "Raise BadInput if a folder that stands in for the volume lacks what a node needs."
    registry = _registry_on(volume, settings)
    for need in needs_of(graph, values):
        _version(registry, need, volume, f"GOLDENPATH_HOME={volume.resolve()} ")
        if need.file and not _files(volume / need.file):
            raise BadInput(
                f"node {need.label} reads {need.file}, which is not in {volume}; put a file there, or name "
                "another one with --set INPUT_PATH=FILE"
            )


def _registry_on(volume: Path, settings: Settings) -> Registry:
    return Project(settings.model_copy(update={"home": str(volume.resolve())})).registry


def _version(registry: Registry, need: Need, home: Path, prefix: str) -> str:
    try:
        return registry.resolve(need.name)
    except NoModel:
        role = f" --role {need.name}" if need.name != "champion" else ""
        remedy = f"`{prefix}goldenpath models promote VERSION{role} --why ...`"
        if need.name not in ROLES:
            remedy = f"`{prefix}goldenpath models list` shows what it has"
        raise BadInput(
            f"node {need.label} answers with {need.name}, and {home} has none; {remedy}, or name a volume "
            "that has one with --volume"
        ) from None


def lend(
    loans: list[Loan],
    settings: Settings,
    volume: Path,  # a new one
) -> list[str]:  # notes on what was lent
    "Copy versions and files to a new volume. Raises BadInput, NotTrusted, VolumeFault."
    return [
        note
        for loan in loans
        for note in (_lend_version(loan, settings, volume), *_lend_file(loan, settings, volume))
    ]


def _lend_version(loan: Loan, settings: Settings, volume: Path) -> str:
    registry, copies = Project(settings).registry, _registry_on(volume, settings)
    for part in ("versions", "signatures"):
        if (registry.root / part / loan.version).is_dir() and not (
            copies.root / part / loan.version
        ).exists():
            shutil.copytree(registry.root / part / loan.version, copies.root / part / loan.version)
    if loan.need.name in ROLES and copies.roles().holder(loan.need.name) is None:
        copies.promote(loan.version, loan.need.name, why="lent to a rehearsal", who=settings.who_am_i())
    return f"{loan.need.label} answers with a copy of {loan.version} from {settings.home_folder()}"


def _lend_file(loan: Loan, settings: Settings, volume: Path) -> Iterator[str]:
    "Copy the file that is scored, or make one up from the version's contract if the project has none."
    label, _, name = loan.need
    home = settings.home_folder()
    files = _files(home / name) if name else []
    for file in files:
        copy = volume / file.relative_to(home)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    if name and not files:
        spec = Project(settings).registry.folder(loan.version) / "contract.json"
        _make_up(ContractSpec.model_validate_json(spec.read_text("utf-8")), volume / name, label)
        yield f"{label} reads made-up records: {home / name} is not there"


def _files(source: Path) -> list[Path]:
    "Return the files that a node would read; None if there are none."
    try:
        return [Path(file) for file in find_files(str(source))]
    except BadInput:
        return []


def _make_up(spec: ContractSpec, file: Path, label: str) -> None:
    "Write drawn records that keep the contract."
    import pandas as pd

    rows = pd.DataFrame(pool(spec, RECORDS).records)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".csv":
        rows.to_csv(file, index=False)
    elif file.suffix in (".parquet", ".pq"):
        rows.to_parquet(file)
    else:
        raise BadInput(
            f"node {label} reads {file.name}, which is not on the volume and cannot be made up: name a .csv "
            "or .parquet file with --set INPUT_PATH=FILE"
        )
