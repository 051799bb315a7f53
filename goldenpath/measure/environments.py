"""Python environments for programs that others wrote: made once, kept in `others/` of the project's own."""

import fcntl
import hashlib
import re
import subprocess
import sys
import sysconfig
from importlib.metadata import distributions
from pathlib import Path

from goldenpath.errors import GoldenpathError
from goldenpath.volume import replace_file

_OTHERS = Path(sys.prefix) / "others"


def isolated_python(
    name: str,
    *requirements: str,  # as pip takes them, with exact versions
    python: str = sys.executable,
    with_ours: bool = False,  # beside them, the packages and programs of this environment
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
            if with_ours:
                _add_ours(interpreter)
            (folder / "complete").touch()
    return interpreter


def ray_python(project: Path) -> Path:
    """Return an environment that holds Ray, and finds the rest of its lock among the packages of this one.

    A node of Ray starts in time only if its code is compiled; that of the packages here is.
    """
    lock = _OTHERS / "requirements-ray.lock"
    entries = _not_here((project / lock.name).read_text())
    _OTHERS.mkdir(parents=True, exist_ok=True)
    replace_file(lock, entries.encode())
    name = f"ray-{hashlib.sha256(entries.encode()).hexdigest()[:8]}"
    words = ("--require-hashes", "--no-deps", "--requirements", str(lock))
    return isolated_python(name, *words, with_ours=True)


def _add_ours(interpreter: Path) -> None:
    "Let an environment use the packages of this one, with their programs and data."
    own = sysconfig.get_path("purelib", vars={"base": str(interpreter.parent.parent)})
    Path(own, "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (interpreter.parent.parent / "share").symlink_to(Path(sys.prefix) / "share")
    for program in Path(sys.executable).parent.iterdir():
        first, _, rest = program.read_bytes().partition(b"\n") if program.is_file() else (b"", b"", b"")
        copy = interpreter.parent / program.name
        if first.startswith(b"#!") and first.endswith(b"/python") and not copy.exists():
            copy.write_bytes(f"#!{interpreter}\n".encode() + rest)
            copy.chmod(0o755)


def _not_here(lock: str) -> str:
    "Return the entries of a lock whose packages this environment does not have in that version."
    here = {
        f"{re.sub(r'[-_.]+', '-', package.name).lower()}=={package.version}" for package in distributions()
    }
    entries = re.split(r"\n(?=[a-z])", lock)
    return "\n".join(entry for entry in entries if re.split(r"[ ;]", entry)[0] not in here) + "\n"


def _uv(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "uv", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise GoldenpathError(f"uv {' '.join(words[:2])} failed: {done.stderr.strip()[-800:]}")
