"""Python environments of their own, for programs that others wrote: made once, kept below `.venv/others/`."""

import fcntl
import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

OTHERS = Path(__file__).resolve().parent.parent / ".venv" / "others"


def environment(
    name: str,
    *requirements: str,  # as pip takes them, with exact versions
    python: str = sys.executable,
) -> Path:  # its python
    "Return an environment that holds just these packages; make it if it is missing."
    digest = hashlib.sha256("\n".join([python, *requirements]).encode()).hexdigest()[:8]
    folder = OTHERS / f"{name}-{digest}"
    OTHERS.mkdir(parents=True, exist_ok=True)
    with (OTHERS / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may want it at once
        if not (folder / "complete").exists():
            _uv("venv", "--quiet", "--clear", "--python", python, str(folder))
            _uv(
                "pip",
                "install",
                "--quiet",
                "--compile-bytecode",
                "--python",
                str(folder / "bin" / "python"),
                *requirements,
            )
            (folder / "complete").touch()
    return folder / "bin" / "python"


def _uv(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "uv", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"uv {' '.join(words[:2])} failed: {done.stderr.strip()[-800:]}")


def serving_python() -> Path:
    "Return an environment with only what the server needs: no steps, no notebooks, no plots."
    project = OTHERS.parent.parent
    declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    wanted = [*declared["dependencies"], *declared["optional-dependencies"]["serving"]]
    return environment("serving", *wanted, "--constraint", str(project / "requirements.lock"))


def node_package(name: str, version: str) -> Path:  # its folder
    "Return the folder of a package of the npm registry; install it if it is missing."
    folder = OTHERS / f"{name}-{version}"
    OTHERS.mkdir(parents=True, exist_ok=True)
    with (OTHERS / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder)]
            subprocess.run([*command, f"{name}@{version}"], check=True, capture_output=True)
            (folder / "complete").touch()
    return folder / "node_modules" / name


def size_of(python: Path) -> int:  # bytes
    "Measure the size of an environment, without compiled bytecode."
    packages = python.parent.parent / "lib"
    files = (path for path in packages.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files if path.suffix != ".pyc")
