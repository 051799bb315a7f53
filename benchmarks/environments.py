"""The server's own environment: what it needs, and what that takes on disk."""

import tomllib
from pathlib import Path

from benchmarks.projects import PROJECT
from goldenpath.measure.environments import isolated_python


def serving_python() -> Path:
    "Return an environment with what the server needs and nothing else: no steps, no notebooks, no plots."
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = [*declared["dependencies"], *declared["optional-dependencies"]["serving"]]
    return isolated_python("serving", *wanted, "--constraint", str(PROJECT / "requirements.lock"))


def size_of(python: Path) -> int:  # bytes
    "Measure the size of an environment, without compiled bytecode."
    packages = python.parent.parent / "lib"
    files = (path for path in packages.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files if path.suffix != ".pyc")
