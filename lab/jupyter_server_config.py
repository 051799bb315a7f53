"""JupyterLab's settings for `make lab`: a notebook that is saved is cleaned, and its module exported."""

import subprocess
import sys
from pathlib import Path

c = get_config()  # noqa: F821  (given by traitlets)
project = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(project / "lab"))

from clean_notebook import clean  # noqa: E402  (beside this file)


def ours(model, os_path):
    "Is this a notebook of the project?"
    return model["type"] == "notebook" and Path(os_path).parent == project / "notebooks"


def clean_before_save(model, path, contents_manager, **_):
    "Keep tags and outputs, drop the metadata that changes from machine to machine."
    if ours(model, project / path.strip("/")) and model.get("content"):
        model["content"] = clean(model["content"], outputs=True)


def export_after_save(model, os_path, contents_manager, **_):
    "Run `nbdev-export`; its complaint goes to the log."
    if not ours(model, os_path):
        return
    done = subprocess.run(["nbdev-export"], cwd=project, capture_output=True, text=True)
    if done.returncode:
        contents_manager.log.error("nbdev-export failed: %s", done.stderr.strip().splitlines()[-1:])


c.FileContentsManager.pre_save_hook = clean_before_save
c.FileContentsManager.post_save_hook = export_after_save
c.ServerApp.root_dir = str(project)
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
