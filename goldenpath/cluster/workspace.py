"""The project's folder: its programs, its exports, and its copy in a run folder."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from goldenpath.errors import BadInput
from goldenpath.programs import last_line
from goldenpath.runs.notebook import check_syntax, exported_notebooks, stale_notebooks, warn_of_strangers

COPIED = ("notebooks", "goldenpath", "serving", "pipelines", "settings.ini", "pyproject.toml")
LEFT_OUT = ("__pycache__", ".ipynb_checkpoints")
# Elyra's command takes an event loop of the main thread for granted; Python 3.14 no longer makes one.
# jsonschema compiles the grammar of addresses at import, a second that checks no field of a pipeline.
ELYRA = """
import asyncio, sys
asyncio.set_event_loop(asyncio.new_event_loop())
sys.modules["rfc3987_syntax"] = None
from elyra.cli.pipeline_app import pipeline
pipeline(prog_name="elyra-pipeline")
"""
EXPORT = "import sys; from nbdev.export import nb_export; [nb_export(file) for file in sys.argv[1:]]"
LEFT_OUT_OF_NOTEBOOKS = ("run.json", "*-output.ipynb", "*.html")  # what earlier executions left there


def export_notebooks(project: Path) -> None:
    """Make the modules say what the notebooks say, if nbdev is installed and they do not; name strangers.

    Raises BadInput that names the stale notebook if nbdev is not there, or its complaint.
    """
    warn_of_strangers(project / "notebooks")
    stale = stale_notebooks(project / "notebooks", project / "goldenpath")
    if not stale:
        return
    if not find_spec("nbdev"):
        raise BadInput(f"{stale[0]}: run 'make export'")
    try:
        write_modules(project)
    except BadInput as fault:
        raise BadInput(f"{stale[0]}, and {fault}") from None


def write_modules(project: Path) -> None:
    """Export the numbered notebooks of `project`, and nothing else in their folder, with nbdev.

    nbdev's own command also rewrites `goldenpath/__init__.py`, which is written by hand here. Raises BadInput
    if nbdev is not installed, or with its complaint.
    """
    if not find_spec("nbdev"):
        raise BadInput("nbdev is not installed here: use `make export`, or pip install nbdev")
    files = exported_notebooks(project / "notebooks")
    for file in files:
        check_syntax(file)
    command = [sys.executable, "-c", EXPORT, *map(str, files)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BadInput(f"the notebooks cannot be exported: {last_line(done.stderr or done.stdout)}")


def find_program(name: str) -> str | None:
    "Find a program in this Python's environment, else on the path."
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.is_file() else shutil.which(name)


def elyra_pipeline() -> list[str]:
    "Return the command `elyra-pipeline`. Raises BadInput if it is not installed."
    program = find_program("elyra-pipeline")
    if not program:
        raise BadInput("elyra-pipeline is not installed here: use the workbench image, or `make run`")
    ours = Path(program).parent == Path(sys.executable).parent
    return [sys.executable, "-c", ELYRA] if ours else [program]


def copy_project(
    project: Path,
    folder: Path,  # of a run
    done: Sequence[str] = (),  # notebooks that stay in it as they are
) -> None:
    "Copy notebooks, library, serving, pipelines and configuration into a run folder; links stay links."
    missing = [name for name in ("notebooks", "goldenpath", "settings.ini") if not (project / name).exists()]
    if missing:
        raise BadInput(f"{project} is not a goldenpath project: {missing[0]} is missing; change folder")
    ours = (*LEFT_OUT_OF_NOTEBOOKS, *(f"{name}.ipynb" for name in done))
    for name in COPIED:
        if (project / name).is_dir():
            ignore = shutil.ignore_patterns(*LEFT_OUT, *(ours if name == "notebooks" else ()))
            shutil.copytree(project / name, folder / name, symlinks=True, ignore=ignore, dirs_exist_ok=True)
        elif (project / name).exists():
            shutil.copy2(project / name, folder / name)


def remove_copy(folder: Path) -> None:
    "Remove a run's copy of the project, but for the notebooks: they may be executed ones."
    for name in ("goldenpath", "serving", "pipelines"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in (folder / "notebooks").glob("*"):
        if path.is_symlink():
            path.unlink()


def tidy(folder: Path) -> None:
    "Compiled modules are not part of a run's record."
    for name in ("goldenpath", "serving", "notebooks"):
        for cache in sorted((folder / name).rglob("__pycache__")):
            shutil.rmtree(cache, ignore_errors=True)
