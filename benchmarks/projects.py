"""Projects to measure: a copy of this one, trained, so that nothing here is touched."""

import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from goldenpath.errors import BadInput
from goldenpath.model import TRUSTED_TYPES
from goldenpath.registry.artifact import load_pipeline, read_manifest, write_manifest
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
    "Run the steps there that lead to a champion, below `volume/`."
    program(
        folder, "-m", "goldenpath", "run", "--without", "03_explore", "--without", "09_contrast", **variables
    )
    return folder


def champion_of(project: Path) -> tuple[Registry, str]:
    "Return the registry below a trained project's own home, and its champion."
    model = next((project / "volume" / "models").iterdir()).name
    registry = Registry(project / "volume", model)
    return registry, registry.resolve("champion")


def variant(
    source: Path,  # the folder of a version
    folder: Path,
    identity: str,  # 64 hexadecimal digits
    when: datetime,
    padding: int = 0,  # bytes of one more file
    **changes: object,  # of the manifest
) -> Path:
    "Write a candidate: the same model under another identity and time."
    manifest = read_manifest(source)
    folder.mkdir(parents=True, exist_ok=True)
    for name in manifest.files:
        shutil.copyfile(source / name, folder / name)
    if padding:
        (folder / "weights.onnx").write_bytes(bytes(padding))
    version = f"{manifest.model_version}-{when:%Y%m%dT%H%M%SZ}-{identity[:8]}"
    write_manifest(folder, manifest.model_copy(update={"version": version, "identity": identity, **changes}))
    return folder


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
