"""JupyterLab's settings for `make lab`: a notebook that is saved is cleaned, and its module exported."""

import sys
from pathlib import Path

c = get_config()  # noqa: F821  (given by traitlets)
project = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(project), str(project / "lab")]

from notebooks import ProjectContents, clean_before_save, export_after_save  # noqa: E402  (beside this file)

c.ServerApp.contents_manager_class = ProjectContents
c.FileContentsManager.pre_save_hook = clean_before_save
c.FileContentsManager.post_save_hook = export_after_save
c.ServerApp.root_dir = str(project)
c.LabApp.extra_labextensions_path = [str(project / "lab" / "labextensions")]
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
