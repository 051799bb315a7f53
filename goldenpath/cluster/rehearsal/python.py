"""A Python as a pod has it: the packages of the runtime image at the image's versions, and not this project.

Built once with uv (or pip) and kept in the user's cache, named by what it is made of. Only those of the
image's packages are installed that Elyra's bootstrapper needs or that some code of the project imports in
every run.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from goldenpath.cluster.images import Image, package_of, plain_name, read_pins
from goldenpath.cluster.rehearsal import missing_imports
from goldenpath.cluster.workspace import find_program
from goldenpath.errors import GoldenpathError
from goldenpath.records import Frozen
from goldenpath.text.plain import say

_ALWAYS = ("pip", "papermill", "ipykernel", "nbconvert", "minio", "packaging")  # Elyra's bootstrapper
_ON_REQUEST = {"mlflow", "ray"}  # large, and imported only where a setting or the platform asks for them
WITNESS = "import missing_imports; missing_imports.watch()\n"
_START = 120.0  # seconds until a new environment's Python must have answered


class PodPython(Frozen):
    "An environment to run nodes in."

    folder: Path  # with bin/python3
    version: str
    installed: tuple[str, ...]  # of the image's packages
    left_out: tuple[str, ...]
    notes: tuple[str, ...]  # in what it differs from the image's Python


def pod_python(image: Image, imports: Iterable[str], tell: Callable[[str], None] = say) -> PodPython:
    "Return the environment for an image, from the cache or built now. Raises GoldenpathError."
    pins = read_pins(image.list)
    imported = {package for name in imports if (package := package_of(name)) in pins}
    wanted = sorted({*_ALWAYS, *imported} - _ON_REQUEST)
    interpreter = find_python(image.python) or Path(sys.executable)
    version = _version(interpreter)
    folder = _cache() / f"pod-{_key(version, wanted, image.list)}"
    if not (folder / "ready").is_file():
        tell(f"installing {len(wanted)} packages of {image.name}, with what they need; this happens once")
        _build(folder, interpreter, wanted, image)
    installed = json.loads((folder / "ready").read_text("utf-8"))
    return PodPython(
        folder=folder,
        version=version,
        installed=tuple(sorted(name for name in installed if name in pins)),
        left_out=tuple(sorted(set(pins) - set(installed))),
        notes=tuple(_notes(image, version, installed, pins)),
    )


def find_python(version: str) -> Path | None:
    "Find an interpreter of this version: this one, one on the path, or one of pyenv's."
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return Path(sys.executable)
    on_path = shutil.which(f"python{version}")
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    candidates = [*([Path(on_path)] if on_path else []), *pyenv]
    return next((path for path in candidates if _version(path).startswith(f"{version}.")), None)


def _version(interpreter: Path) -> str:
    code = "import venv, ensurepip, platform; print(platform.python_version())"
    done = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "goldenpath"


def _key(version: str, wanted: list[str], pins: Path | None) -> str:
    parts = [version, *wanted, pins.read_text("utf-8") if pins else "", _witness_source(), "3"]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _witness_source() -> str:
    return Path(missing_imports.__file__).read_text("utf-8")


def _build(folder: Path, interpreter: Path, wanted: list[str], image: Image) -> None:
    "Build beside the final name, then rename: a reader finds all of it or nothing."
    building = folder.with_name(f"{folder.name}-{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.parent.mkdir(parents=True, exist_ok=True)
    try:
        _install(building, interpreter, wanted, image)
        _furnish(building)
        (building / "ready").write_text(json.dumps(_list(building)), "utf-8")
        if not (folder / "ready").is_file():
            building.rename(folder)
    except OSError as fault:
        if not (folder / "ready").is_file():  # another process may have been faster
            raise GoldenpathError(f"the pod's Python cannot be built in {folder} ({fault})") from None
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _install(folder: Path, interpreter: Path, wanted: list[str], image: Image) -> None:
    "With uv, else with venv and pip; at the pinned versions, or the nearest that go together."
    uv = find_program("uv")
    python = str(folder / "bin" / "python")
    create = [uv, "venv", "-q", "--relocatable", "--python"] if uv else []
    _call([*create, str(interpreter), str(folder)] if uv else [str(interpreter), "-m", "venv", str(folder)])
    install = [uv, "pip", "install", "-q", "--compile-bytecode", "--python", python] if uv else []
    command = [*(install or [python, "-m", "pip", "install", "-q"]), *wanted]
    try:
        _call([*command, "-c", str(image.list)] if image.list else command)
    except GoldenpathError:
        if not image.list or _version(interpreter).startswith(f"{image.python}."):
            raise
        _call(command)  # the image's versions don't exist for another Python


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        reason = " ".join(lines[-3:])
        raise GoldenpathError(f"the pod's Python cannot be built: {reason} ({Path(command[0]).name})")


def _furnish(folder: Path) -> None:
    "Add what the image has beside packages: bash as sh, bootstrapper, working folder; and the recorder."
    tools = folder / "bin" / "utils"
    tools.mkdir()
    shutil.copy(_elyra() / "kfp" / "bootstrapper.py", tools)
    (tools / "requirements-elyra.txt").write_text("# the image holds what the bootstrapper needs\n")
    (folder / "src").mkdir()
    (folder / "bin" / "sh").symlink_to(shutil.which("bash") or "/bin/bash")
    packages = next(folder.glob("lib/python3*/site-packages"))
    (packages / "missing_imports.py").write_text(_witness_source(), "utf-8")
    (packages / "missing_imports.pth").write_text(WITNESS, "utf-8")


def _elyra() -> Path:
    "Return the folder of the installed Elyra. Raises GoldenpathError if it is missing."
    spec = importlib.util.find_spec("elyra")
    if not spec or not spec.origin:
        raise GoldenpathError("Elyra is not installed here: use the workbench image, or `make run`")
    return Path(spec.origin).parent


def _list(folder: Path) -> dict[str, str]:
    "Version by package, of all that are installed."
    code = (
        "import json; from importlib.metadata import distributions as all; "
        "print(json.dumps({d.metadata['Name']: d.version for d in all()}))"
    )
    command = [str(folder / "bin" / "python"), "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_START)
    return {plain_name(name): version for name, version in json.loads(done.stdout).items()}


def _notes(image: Image, version: str, installed: dict[str, str], pins: dict[str, str]) -> Iterable[str]:
    if image.list is None:
        yield f"no package list of {image.name} in runtime-images/: the newest packages are used"
    elif not image.exact:
        yield f"no package list of {image.name} in runtime-images/: {image.list.name} is used"
    if not version.startswith(f"{image.python}."):
        yield f"Python {version} stands in for the image's {image.python}, which is not on this machine"
    other = [name for name, at in installed.items() if name in pins and pins[name] != at]
    if other:
        yield f"{len(other)} packages have not the image's version: {', '.join(sorted(other)[:5])}"
