"""JupyterLab's settings for `make lab`: saving a notebook below `notebooks/` exports its module."""

import subprocess
from pathlib import Path

c = get_config()  # noqa: F821  (given by traitlets)
project = Path(__file__).resolve().parent.parent


def export_on_save(model, os_path, contents_manager, **_):
    "Run `nbdev-export` after a notebook of this project was saved; its complaint goes to the log."
    if model["type"] != "notebook" or Path(os_path).parent != project / "notebooks":
        return
    done = subprocess.run(["nbdev-export"], cwd=project, capture_output=True, text=True)
    if done.returncode:
        contents_manager.log.error("nbdev-export failed: %s", done.stderr.strip().splitlines()[-1:])


c.FileContentsManager.post_save_hook = export_on_save
c.ServerApp.root_dir = str(project)
