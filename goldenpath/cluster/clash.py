"""Whether publishing will refuse what a run is about to train: the project's own code is asked before it."""

import os
import subprocess
import sys
from collections.abc import Mapping

from goldenpath.project import Project
from goldenpath.settings import Settings, load_settings

_WITHIN = 60.0  # seconds
QUESTION = """
from goldenpath import Project
from goldenpath.steps.train import clash_ahead
print(clash_ahead(Project().registry))
"""


def clash_of(
    settings: Settings,
    values: Mapping[str, str],  # environment variables of the run; they may name another model or home
) -> str:
    """Why the model of the project cannot be published; "" if nothing speaks against it, or if it is unknown.

    A program of its own answers, because this one may hold modules from before the export. Raises
    GoldenpathError if the registry cannot be opened.
    """
    environ = os.environ | values
    if values:
        settings = load_settings(settings.folder / "settings.ini", environ)
    if not Project(settings).registry.versions():
        return ""
    paths = [str(settings.folder), *filter(None, [environ.get("PYTHONPATH")])]
    try:
        done = subprocess.run(
            [sys.executable, "-c", QUESTION],
            cwd=settings.folder,
            env=environ | {"PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_WITHIN,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return ""  # a step meets the same fault, and names its cell
    return done.stdout.rstrip("\n").rpartition("\n")[2]
