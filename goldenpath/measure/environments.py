"""Python environments for programs that others wrote: made once, kept in `others/` of the project's own."""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from goldenpath.errors import GoldenpathError

_OTHERS = Path(sys.prefix) / "others"


def isolated_python(
    name: str,
    *requirements: str,  # as pip takes them, with exact versions
    python: str = sys.executable,
) -> Path:
    "Return the interpreter of an environment that holds just these packages, made if it is not there yet."
    digest = hashlib.sha256("\n".join([python, *requirements]).encode()).hexdigest()[:8]
    folder = _OTHERS / f"{name}-{digest}"
    interpreter = folder / "bin" / "python"
    _OTHERS.mkdir(parents=True, exist_ok=True)
    with (_OTHERS / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes may want it at once
        if not (folder / "complete").exists():
            _uv("venv", "--quiet", "--clear", "--python", python, str(folder))
            install = ("pip", "install", "--quiet", "--compile-bytecode", "--python", str(interpreter))
            _uv(*install, *requirements)
            (folder / "complete").touch()
    return interpreter


def ray_python(project: Path) -> Path:
    "Return an environment with workbench and Ray; a node of Ray starts in time only if its code is compiled."
    lock = project / "requirements-ray.lock"
    hashed = ("--require-hashes", "--no-binary", "kfp-server-api", "--requirements", str(lock))
    build = ("--build-constraints", str(project / "installer.lock"))
    content = hashlib.sha256(lock.read_bytes()).hexdigest()[:8]
    return isolated_python(f"ray-{content}", *hashed, *build)


def _uv(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "uv", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise GoldenpathError(f"uv {' '.join(words[:2])} failed: {done.stderr.strip()[-800:]}")
