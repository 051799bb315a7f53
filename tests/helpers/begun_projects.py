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
SCRIPTS = ("mypy", "nbdev-clean", "nbdev-test")


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
    lender = Path(sys.executable).parent
    (environment / "bin" / "ruff").symlink_to(lender / "ruff")
    for name in SCRIPTS:
        _, _, body = (lender / name).read_text().partition("\n")
        (environment / "bin" / name).write_text(f"#!{environment}/bin/python\n{body}")
        (environment / "bin" / name).chmod(0o755)
    (environment / "ready").write_text(f"{folder}\n")
    os.utime(environment / "ready", (LATER, LATER))
    if (PROJECT / ".mypy_cache").is_dir():  # of the same files
        shutil.copytree(PROJECT / ".mypy_cache", folder / ".mypy_cache")


def outside() -> dict[str, str]:
    "Return the environment variables of a person who has none for this project."
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("GOLDENPATH_", "PYTEST_"))
    }
