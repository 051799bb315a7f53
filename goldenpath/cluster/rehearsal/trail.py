"""What a node left in its pod, and what it looked for there in vain."""

import importlib.util
import re
import tarfile
from pathlib import Path
from typing import Literal

from goldenpath.cluster.rehearsal.pod import Ran
from goldenpath.cluster.tasks import Task
from goldenpath.records import Frozen

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


def lost_files(
    src: Path,  # the node's working folder
    task: Task,
    ran: Ran,
    brought: set[str],  # files that it copied there to run them
) -> tuple[str, ...]:  # paths from the working folder
    "List what a node wrote into its working folder and did not upload: it goes with the pod."
    stem = Path(task.file).stem
    came = {name for archive in src.glob("*.tar.gz") for name in _members(archive)}
    expected = {*came, *brought, *ran.fetched, *ran.sent, f"{stem}-output.ipynb", f"{stem}.html"}
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
