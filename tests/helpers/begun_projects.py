"""Projects that were begun from older states of this repository, and an environment for them in no time."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.helpers.project import PROJECT
from tests.helpers.requirements import needs

LATER = 4_102_444_800  # 2100: make takes the environment for newer than any lock
# settings with which a run takes seconds
SMALL = {"SYNTHETIC_ROWS": "4000", "CANDIDATES": "linear", "GROWTH_SECONDS": "0", "BOOTSTRAP": "50"}
FEW = {f"GOLDENPATH_{name}": value for name, value in SMALL.items()}


def begin_from(commit: str, folder: Path) -> Path:
    "Write the state of a commit into a folder; skip the test if this clone does not reach back to it."
    git = ["git", "-C", str(PROJECT)]
    question = subprocess.run(
        [*git, "cat-file", "-e", f"{commit}^{{commit}}"], capture_output=True, check=False
    )
    needs("history", question.returncode == 0, f"this clone has no commit {commit}")
    folder.mkdir(parents=True)
    packed = subprocess.run([*git, "archive", commit], capture_output=True, check=True).stdout
    subprocess.run(["tar", "x", "-C", str(folder)], input=packed, check=True)
    return folder


def lend_environment(folder: Path) -> None:
    "Make a `.venv` with the packages of the one that runs the tests, and with the folder's own library."
    environment = folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    [packages] = environment.glob("lib/python3*/site-packages")
    (packages / "lent.pth").write_text(f"{folder}\n{sysconfig.get_paths()['purelib']}\n")
    for program in Path(sys.executable).parent.iterdir():
        _lend(program, environment / "bin" / program.name)
    (environment / "share").symlink_to(Path(sys.prefix) / "share")  # of Jupyter
    (environment / "ready").write_text(f"{folder}\n")
    os.utime(environment / "ready", (LATER, LATER))
    if (PROJECT / ".mypy_cache").is_dir():  # of the same files
        shutil.copytree(PROJECT / ".mypy_cache", folder / ".mypy_cache")


def _lend(program: Path, place: Path) -> None:
    "Let a program of Python run by the new environment's; link to any other."
    if place.exists() or not program.is_file() or program.name.startswith(("python", "activate", "pip")):
        return
    content = program.read_bytes()
    if content.startswith(b"#!") and b"python" in content.split(b"\n", 1)[0]:
        place.write_bytes(f"#!{place.with_name('python')}\n".encode() + content.split(b"\n", 1)[1])
        place.chmod(0o755)
    else:
        place.symlink_to(program)


def outside() -> dict[str, str]:
    "Return the environment variables of a person who has none for this project."
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("GOLDENPATH_", "PYTEST_"))
    }
