"""Projects to measure: a copy of this one, trained, so that nothing here is touched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from goldenpath.errors import BadInput
from goldenpath.model import TRUSTED_TYPES
from goldenpath.registry.artifact import load_pipeline
from goldenpath.registry.registry import Registry

PROJECT = Path(__file__).resolve().parent.parent
PARTS = (
    "goldenpath",
    "notebooks",
    "pipelines",
    "runtime-images",
    "serving",
    "pyproject.toml",
    "settings.ini",
)
REAL_ROWS = PROJECT.parent / "shared" / "data" / "cdc_case_surveillance_20k.csv"


def project_copy(folder: Path, example: str = "") -> Path:
    "Copy this project, or one of its examples moved in, into a folder of its own."
    for part in PARTS:
        if (PROJECT / part).is_dir():
            ignore = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
            shutil.copytree(PROJECT / part, folder / part, symlinks=True, ignore=ignore)
        else:
            shutil.copy(PROJECT / part, folder / part)
    (folder / "data").mkdir()
    if example:
        files = PROJECT / "examples" / example
        shutil.copy(files / "01_contract.ipynb", folder / "notebooks")
        shutil.copy(files / "settings.ini", folder)
        program(folder, str(files / "rows.py"), f"data/{example}.csv")
        program(folder, "-m", "nbdev.export")
    return folder


def trained(folder: Path, **variables: str) -> Path:
    "Run the pipeline there; its champion is below `volume/`."
    program(folder, "-m", "goldenpath", "run", **variables)
    return folder


def champion_of(project: Path) -> tuple[Registry, str]:
    "Return the registry below a trained project's own home, and its champion."
    model = next((project / "volume" / "models").iterdir()).name
    registry = Registry(project / "volume", model)
    return registry, registry.resolve("champion")


def as_joblib(project: Path, folder: Path) -> Path:
    "Write the champion's fitted pipeline as a joblib file, as the other servers need it."
    import joblib

    registry, version = champion_of(project)
    pipeline = load_pipeline(registry.folder(version), registry.manifest(version), TRUSTED_TYPES)
    joblib.dump(pipeline, folder / "pipeline.joblib")
    return folder / "pipeline.joblib"


def program(folder: Path, *words: str, **variables: str) -> str:
    "Run a program of this environment in that folder, without settings from outside. Raises BadInput."
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GOLDENPATH_")}
    command = [sys.executable, *words]
    done = subprocess.run(command, cwd=folder, env={**clean, **variables}, capture_output=True, text=True)
    if done.returncode:
        raise BadInput(f"{' '.join(words)} failed in {folder}: {(done.stdout + done.stderr)[-1500:]}")
    return done.stdout
