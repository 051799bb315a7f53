"""A failed step in JupyterLab: a copy of its executed notebook that finds the inputs which the step had."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from goldenpath.cluster.debug import FailedStep
from goldenpath.errors import BadInput
from goldenpath.programs import free_ports
from goldenpath.records import Frozen
from goldenpath.runs.executed import read_executed

COPIES = "debug"  # folder of the project, which every JupyterLab of it shows; the run may be on a volume
INPUTS = """# Execute this cell first: code and inputs of run {run}. What you execute goes to a new run.
import os

os.chdir({folder!r})
os.environ.update({variables!r})"""


class OpenLab(Frozen, extra="ignore"):
    "A running Jupyter server, as it describes itself in Jupyter's runtime folder."

    pid: int
    url: str
    base_url: str
    root_dir: Path


class LabProgram(NamedTuple):
    "A JupyterLab to start, and where its page will be."

    command: tuple[str, ...]
    environ: dict[str, str]
    url: str


def copy_with_inputs(step: FailedStep, project: Path) -> Path:
    """Copy the executed notebook into the project, with a first cell that sets code and inputs of its run.

    A copy stays as it is, edited or not, until the step has failed again: then there is another one.
    """
    folder = project / COPIES / step.run.name
    folder.mkdir(parents=True, exist_ok=True)
    (project / COPIES / ".gitignore").write_text("*\n")
    executed = step.failure.file
    for number in count(1):
        copy = folder / f"{executed.stem}{'' if number == 1 else f'-{number}'}.ipynb"
        if not copy.exists():
            break
        if copy.stat().st_mtime_ns >= executed.stat().st_mtime_ns:
            return copy
    notebook = read_executed(executed)
    notebook["cells"].insert(0, _inputs_cell(step, project))
    copy.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return copy


def _inputs_cell(step: FailedStep, project: Path) -> dict[str, object]:
    with_code = (step.run / "goldenpath").is_dir()  # a step alone, or a pod, left only its notebook
    folder = (step.run if with_code else project) / "notebooks"
    source = INPUTS.format(run=step.run.name, folder=str(folder), variables=step.variables)
    cell: dict[str, object] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    return {**cell, "source": source, **({"id": "inputs"} if step.cell_id else {})}


def find_lab(project: Path) -> OpenLab | None:
    "Find a running JupyterLab in which the project's folder can be opened. Raises BadInput."
    for file in sorted(_runtime_folder().glob("jpserver-*.json")):
        try:
            lab = OpenLab.model_validate_json(file.read_bytes())
        except (OSError, ValueError):  # ended, or not written yet
            continue
        if _is_running(lab.pid) and project.resolve().is_relative_to(lab.root_dir.resolve()):
            return lab
    return None


def _runtime_folder() -> Path:
    if not find_spec("jupyterlab"):
        raise BadInput("JupyterLab is not installed here; `make lab` installs it")
    command = [sys.executable, "-m", "jupyter_core", "--runtime-dir"]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


def page_in(lab: OpenLab, copy: Path, cell_id: str, environ: Mapping[str, str] = os.environ) -> str:
    "Return where a JupyterLab shows a cell; in a workbench, below its own host name."
    place = _place(copy, lab.root_dir, cell_id)
    if environ.get("NB_PREFIX"):
        return f"{lab.base_url}{place} (after your workbench's host name)"
    return f"{lab.url}{place}"


def _place(copy: Path, root: Path, cell_id: str) -> str:
    path = quote(str(copy.resolve().relative_to(root.resolve())))
    return f"lab/tree/{path}{cell_id and f'#cell-id={quote(cell_id)}'}"


def new_lab(
    project: Path,
    copy: Path,
    cell_id: str,
    environ: Mapping[str, str] = os.environ,
) -> LabProgram:
    "Return a JupyterLab that opens the copy at the cell: that of `make lab`, without its .venv a plain one."
    [port] = free_ports(1)
    token = secrets.token_hex(24)
    place, _, cell = _place(copy, project, cell_id).partition("#")
    options = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.base_url=/",
        f"--LabApp.default_url=/{place}{cell and f'#{cell}'}",
        "--log-level=WARN",
    ]
    ours = project / "lab" / "start"
    if ours.is_file() and (project / ".venv" / "bin" / "activate").is_file():
        command = ["sh", str(ours), *options]
    else:
        root = [f"--ServerApp.root_dir={project}", *(["--allow-root"] * (os.getuid() == 0))]
        command = [sys.executable, "-m", "jupyterlab", *root, *options]
    url = f"http://127.0.0.1:{port}/{place}?token={token}{cell and f'#{cell}'}"
    return LabProgram(tuple(command), {**environ, "JUPYTER_TOKEN": token}, url)
