"""The folder that stands in for the shared volume in a rehearsal: what is laid on it, read and written.

Training needs rows alone. A node that answers with a published version needs that version, and a file to
score: a new volume is lent both, one that is given must hold them.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from goldenpath.cluster.checks.notebook_source import look_at
from goldenpath.cluster.pipeline_file import Graph, Node
from goldenpath.cluster.tasks import Task
from goldenpath.errors import BadInput, NoModel
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.project import Project
from goldenpath.registry.registry import Registry
from goldenpath.registry.roles import ROLES
from goldenpath.schema.golden import pool
from goldenpath.schema.spec import ContractSpec
from goldenpath.settings import Settings
from goldenpath.tables.feedback_source import FEEDBACK
from goldenpath.tables.sources import find_files
from goldenpath.volume import complete

LONG_AGO = 1_000_000_000.0  # seconds; an access time that any reading moves forward
Seen = dict[Path, tuple[int, int]]  # modification time (ns) and size by file
RECORDS = 100  # of a file that is made up
_ANSWERS = "open_predictor("  # in the code of a node that answers with a published version
_MONITORS = ("monitor_versions(", "run_monitor(")  # in the code of a node that looks at what was counted
PUBLISHES = ".publish("


class VolumeAccess(NamedTuple):
    read: list[str]
    written: list[str]


def lay_volumes(
    tasks: Iterable[Task],
    folder: Path,  # of the rehearsal
    settings: Settings,
    given: Path | None,  # a folder to use for the first claim; None: a new one that holds the rows
) -> dict[str, Path]:  # a folder by name of the claim, the first claim first
    "Make a folder for each claim. The first holds the rows, as a user would have put them on the volume."
    claims = list(dict.fromkeys(claim for task in tasks for claim in task.mounts.values()))
    volumes = {claim: folder / "volumes" / claim for claim in claims}
    if given and claims:
        volumes[claims[0]] = given.resolve()
    for place in volumes.values():
        place.mkdir(parents=True, exist_ok=True)
    if claims and not given:
        lay_rows(settings, volumes[claims[0]] / "data")
    return volumes


def expect_folder(given: Path | None) -> None:
    "Raise BadInput if the folder that is to stand in for the volume is not there."
    if given and not given.is_dir():
        raise BadInput(f"there is no folder {given} to stand in for the volume")


def lay_rows(settings: Settings, data: Path) -> None:
    "Copy the rows that the settings name into a new folder; what is fetched from elsewhere is not copied."
    source = settings.data_source()
    if source in ("synthetic", FEEDBACK) or "://" in source:
        return
    data.mkdir()
    for name in find_files(source):
        shutil.copy(name, data)  # no link: it would share its access time with all other readers


def mark(volume: Path) -> Seen:
    "Note every file as it is now, its access time put back: reading moves it forward, if the mount says so."
    files = {}
    for file in _files(volume):
        state = file.stat()
        with suppress(PermissionError):
            os.utime(file, ns=(int(LONG_AGO * 1e9), state.st_mtime_ns))
        files[file] = (state.st_mtime_ns, state.st_size)
    return files


def accesses_since(volume: Path, before: Seen) -> VolumeAccess:
    "List what was read and written since `mark`, as paths below the volume."
    read, written = [], []
    for file in _files(volume):
        state = file.stat()
        name = str(file.relative_to(volume))
        if before.get(file) != (state.st_mtime_ns, state.st_size):
            written.append(name)
        elif state.st_atime > LONG_AGO:
            read.append(name)
    return VolumeAccess(read, written)


def _files(volume: Path) -> list[Path]:
    return sorted(path for path in volume.rglob("*") if path.is_file() and not path.is_symlink())


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
        if need.file and not _files_to_score(volume / need.file):
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


def lend_feedback(graph: Graph, settings: Settings, volume: Path) -> list[str]:  # notes on what was lent
    "Copy what was counted, and the versions that answered, to a new volume, if a node looks at them."
    labels = [node.label for node in graph.nodes if any(call in look_at(node).source for call in _MONITORS)]
    if not labels:
        return []
    registry, copies = Project(settings).registry, _registry_on(volume, settings)
    counts = FeedbackFolder(settings.home_folder(), registry.model).counts
    copy = FeedbackFolder(volume, registry.model).counts
    copy.mkdir(parents=True)
    if not counts.is_dir():
        return [f"{label} finds nothing counted: {counts} is not there" for label in labels]
    shutil.copytree(counts, copy, dirs_exist_ok=True)
    for version in complete(counts):
        if registry.exists(version) and not copies.exists(version):
            shutil.copytree(registry.folder(version), copies.folder(version))
    return [f"{label} reads a copy of {counts}" for label in labels]


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
    files = _files_to_score(home / name) if name else []
    for file in files:
        copy = volume / file.relative_to(home)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    if name and not files:
        spec = Project(settings).registry.folder(loan.version) / "contract.json"
        _make_up(ContractSpec.model_validate_json(spec.read_text("utf-8")), volume / name, label)
        yield f"{label} reads made-up records: {home / name} is not there"


def _files_to_score(source: Path) -> list[Path]:
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
