"""What `make lab` does with the project's notebooks: they open unchanged, are saved clean and exported."""

import subprocess
import threading
from pathlib import Path
from typing import Any

from clean_notebook import clean
from ipykernel.ipkernel import IPythonKernel
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from nbdev.export import nb_export

from goldenpath.errors import GoldenpathError
from goldenpath.runs.notebook import check_syntax, exported_notebooks, strangers

PROJECT = Path(__file__).resolve().parent.parent
NOTEBOOKS = PROJECT / "notebooks"
EXPORTED = "https://goldenpath.invalid/events/exported"  # as in labextensions/goldenpath-lab
EVENT = {
    "$id": EXPORTED,
    "version": "1",
    "title": "A saved notebook was exported, or was not",
    "type": "object",
    "properties": {"notebook": {"type": "string"}, "complaint": {"type": "string"}},
    "required": ["notebook", "complaint"],
}


class ProjectContents(AsyncLargeFileManager):
    "Jupyter's files, where the project's notebooks are not dirty as soon as they are opened."

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.event_logger.register_event_schema(EVENT)

    async def get(self, path: str, content: bool = True, **options: Any) -> dict[str, Any]:
        "Add what JupyterLab would write into an opened notebook, and so call it changed; saving drops it."
        model: dict[str, Any] = await super().get(path, content=content, **options)
        if content and is_ours(model, self._get_os_path(path)):
            model["content"]["metadata"] |= of_kernel(model["content"]["metadata"])
        return model


def is_ours(model: dict[str, Any], file: str) -> bool:
    "Tell whether this is a notebook of the project."
    return model["type"] == "notebook" and Path(file).parent == NOTEBOOKS


def of_kernel(metadata: dict[str, Any]) -> dict[str, Any]:
    "Return the metadata that JupyterLab takes from a running kernel; none if it is not Python's."
    kernel = metadata.get("kernelspec", {})
    try:
        spec = KernelSpecManager().get_kernel_spec(kernel.get("name", ""))
    except NoSuchKernel:
        return {}
    if spec.language != "python":
        return {}
    live = {"name": kernel["name"], "display_name": spec.display_name, "language": spec.language}
    return {"kernelspec": live, "language_info": IPythonKernel.language_info}


def clean_before_save(model: dict[str, Any], path: str, contents_manager: ProjectContents, **_: Any) -> None:
    "Keep tags and outputs, drop the metadata that changes from machine to machine."
    if is_ours(model, contents_manager._get_os_path(path)) and model.get("content"):
        model["content"] = clean(model["content"], outputs=True)


def export_after_save(
    model: dict[str, Any], os_path: str, contents_manager: ProjectContents, **_: Any
) -> None:
    "Write the notebook's module; JupyterLab shows a complaint (labextensions/goldenpath-lab)."
    if not is_ours(model, os_path):
        return
    file = Path(os_path)
    if complaint := export(file):
        contents_manager.log.error(complaint)
    event = {"notebook": file.name, "complaint": complaint}
    contents_manager.event_logger.emit(schema_id=EXPORTED, data=event)
    threading.Thread(target=refresh, args=(file,), daemon=True).start()


def export(file: Path) -> str:  # empty, or one line that says why nothing was exported
    "Write the module of a notebook in this process, in milliseconds; nbdev-export would take a second."
    try:
        if file in exported_notebooks(file.parent):
            check_syntax(file)
            nb_export(str(file), lib_path=str(PROJECT / "goldenpath"))
        lines = (f"{problem}; {remedy}" for problem, remedy in strangers(file.parent))
        return next((line for line in lines if f"/{file.name} " in line), "")
    except GoldenpathError as fault:
        return str(fault)
    except Exception as fault:  # whatever nbdev raises, the notebook itself is saved
        return f"notebooks/{file.name} was not exported: {type(fault).__name__}: {fault}"


def refresh(file: Path) -> None:
    "Tell git that a notebook is as it was if only outputs changed; it would call it modified by its size."
    git = ["git", "-C", str(file.parent)]
    if subprocess.run([*git, "diff", "--quiet", "--", file.name], capture_output=True).returncode == 0:
        subprocess.run([*git, "add", "-u", "--", file.name], capture_output=True)
