"""JupyterLab with Elyra on a copy of the project, started as `make lab` starts it."""

import contextlib
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from goldenpath.cluster.workspace import copy_project
from goldenpath.programs import Program, free_ports, running
from tests.helpers.patience import LONG, wait_until
from tests.helpers.project import PROJECT


class Lab(NamedTuple):
    url: str
    project: Path  # the copy
    log: Path


def copy_of_project(folder: Path) -> Path:
    "Notebooks, library, pipelines, settings, images and lab/, with the virtual environment linked."
    folder.mkdir(parents=True)
    copy_project(PROJECT, folder)
    for name in ("lab", "runtime-images"):
        ignore = shutil.ignore_patterns("profile_default/*[!g].*", "__pycache__")
        shutil.copytree(PROJECT / name, folder / name, symlinks=True, ignore=ignore)
    for name in (".gitignore", ".gitattributes"):
        shutil.copy(PROJECT / name, folder)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "volume").mkdir()
    return folder


def commit_all(project: Path) -> None:
    "Make the copy a repository with one commit."
    script = "git init -q && git add . && git -c user.name=a -c user.email=a@example.org commit -qm one"
    subprocess.run(["sh", "-c", script], cwd=project, check=True)


@contextlib.contextmanager
def running_lab(project: Path, own: Path, **settings: str) -> Iterator[Lab]:
    "`lab/start` on a free loopback port with Jupyter's folders in `own`; ended by its process group."
    [port] = free_ports(1)
    folders = {f"JUPYTER_{kind}_DIR": str(own / kind.lower()) for kind in ("DATA", "RUNTIME", "CONFIG")}
    options = ["--no-browser", f"--ServerApp.port={port}", "--IdentityProvider.token="]
    command = ["sh", "lab/start", *options, "--ServerApp.port_retries=0"]
    environ = {**os.environ, **folders, "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"), **settings}
    own.mkdir(parents=True, exist_ok=True)
    log = own / "lab.log"
    with log.open("wb") as output, running(command, project, environ, output) as process:
        wait_for(f"http://127.0.0.1:{port}/api/status", process, log)
        yield Lab(f"http://127.0.0.1:{port}", project, log)


def wait_for(url: str, process: Program, log: Path) -> None:
    def answers() -> bool:
        assert process.poll() is None, f"JupyterLab ended: {log.read_text()[-2000:]}"
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=LONG).close()
            return True
        return False

    wait_until(answers, lambda: log.read_text()[-2000:])
