"""Is Kale switched on? Its panel in JupyterLab stops at the cells that papermill's parameters are in."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from goldenpath.cluster.step import find_steps
from goldenpath.doctor.checks import Finding, note
from goldenpath.settings import Settings

KALE = "jupyterlab-kubeflow-kale"  # its extension of JupyterLab


def check_kale(settings: Settings) -> Iterator[Finding]:
    "Report a panel of Kale that is shown here, and what to use in its place; nothing if there is none."
    steps = find_steps(settings.folder)
    if steps and kale_is_on():
        yield note(
            "Kale",
            f"Kale's panel is on, and cannot compile {len(steps)} notebooks: it stops at their cell tag "
            "`parameters` (Unrecognized tag), which papermill and Elyra need",
            "keep it; use `goldenpath pipeline export` (docs/how-to/kubeflow.md), and hide the panel with "
            f"`jupyter labextension disable --level=user {KALE}`",
        )


def kale_is_on() -> bool:
    "Check that JupyterLab has Kale's extension, and that no configuration disables it."
    try:
        from jupyter_core.paths import jupyter_config_path, jupyter_path
    except ImportError:  # as in the serving image
        return False
    if not any((Path(folder) / KALE).is_dir() for folder in jupyter_path("labextensions")):
        return False
    pages = [Path(folder) / "labconfig" / "page_config.json" for folder in jupyter_config_path()]
    named = (disabled for page in pages if (disabled := _is_disabled(page)) is not None)
    return not next(named, False)  # Jupyter lets the first one win, too


def _is_disabled(page: Path) -> bool | None:  # None: it says nothing about Kale
    with suppress(OSError, ValueError, AttributeError, TypeError):
        disabled = json.loads(page.read_text("utf-8")).get("disabledExtensions", {})
        if KALE in disabled:
            return not isinstance(disabled, dict) or bool(disabled[KALE])
    return None
