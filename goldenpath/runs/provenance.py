"""Where a model comes from: the code and the environment."""

import hashlib
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import goldenpath
from goldenpath.registry.fingerprint import digest, identity_of
from goldenpath.registry.manifest import DataSummary
from goldenpath.settings import Settings

LIBRARIES = ("numpy", "pandas", "scikit-learn", "skops", "skl2onnx", "onnxruntime", "pydantic")
_LIBRARY = Path(goldenpath.__file__).parent
PROJECT = _LIBRARY.resolve().parent
# What a run executes, as git names it from the project's folder; a scratch notebook is not among it.
_NUMBERED = ("notebooks/[0-9][0-9]_*.ipynb", "notebooks/[0-9][0-9][a-z]_*.ipynb")
CODE = ("goldenpath/*.py", "notebooks/*.py", *_NUMBERED, "settings.ini")


def python_environment() -> dict[str, str]:  # version by name; libraries that are missing are left out
    "Name the versions that a model's answers may depend on."
    here = {"python": platform.python_version(), "goldenpath": goldenpath.__version__}
    for name in LIBRARIES:
        try:
            here[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return here


def library_hash(
    library: Path = _LIBRARY,  # the folder of the package
) -> str:  # sha256, hex
    "Hash the library's own Python files: path and content, in order of the paths."
    digest = hashlib.sha256()
    for file in sorted(library.rglob("*.py")):
        if file.name != "_modidx.py":  # nbdev's index, not code
            digest.update(file.relative_to(library).as_posix().encode() + b"\0")
            digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def origin_of(
    settings: Settings,
    data: DataSummary,
    seed: int,
    parts: dict[str, str],  # of the model's fingerprint
) -> dict[str, Any]:  # fields of `TrainingRecord`
    "Gather where a candidate comes from: code, data, environment and author."
    return {
        "model": settings.model,
        "who": settings.who_am_i(),
        "synthetic": data.synthetic,
        "seed": seed,
        "fingerprint": digest(identity_of(parts)),
        "fingerprint_parts": parts,
        "contract_hash": parts["contract"],
        "environment": python_environment(),
        "git_commit": git_commit(settings.folder),
        "library_hash": library_hash(),
    }


def git_commit(
    project: Path = PROJECT,
) -> str:  # e.g. "9f2c...e1" or "9f2c...e1+changes"; "" outside a repository or without git
    "Name the commit of a checkout, and whether what runs is something else than that commit."
    try:
        commit = _git(project, "rev-parse", "HEAD").stdout.strip()
        # by content: `git status` calls a notebook with outputs modified, although the filter drops them
        changed = _git(project, "diff", "--quiet", "HEAD", good=(0, 1)).returncode == 1
        added = _git(project, "ls-files", "--others", "--exclude-standard", "--", *CODE).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit + ("+changes" if changed or added else "")


def _git(folder: Path, *words: str, good: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    if done.returncode not in good:
        done.check_returncode()
    return done
