"""Changes to the small project's pipeline and notebooks, and what the check says of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from goldenpath.cluster.checks.pipeline import Trap, check_pipeline


def check(project: Path, name: str = "train") -> list[Trap]:
    return check_pipeline(project / "pipelines" / f"{name}.pipeline")


def only(traps: list[Trap]) -> Trap:
    assert len(traps) == 1, [f"{trap.kind}: {trap}" for trap in traps]
    return traps[0]


def edit(project: Path, change: Callable[[Any, Any, Any], None]) -> None:
    "Change the file: `change` gets the primary pipeline, its properties and its nodes' parameters."
    file = project / "pipelines" / "train.pipeline"
    document = json.loads(file.read_text())
    primary = document["pipelines"][0]
    said = [node["app_data"]["component_parameters"] for node in primary["nodes"]]
    change(primary, primary["app_data"]["properties"], said)
    file.write_text(json.dumps(document))


def edit_notebook(project: Path, change: Callable[[Any], None], name: str = "05_train") -> None:
    "Change a notebook: `change` gets it as JSON."
    file = project / "notebooks" / f"{name}.ipynb"
    notebook = json.loads(file.read_text())
    change(notebook)
    file.write_text(json.dumps(notebook))


def add_code(source: str) -> Callable[[Any], None]:
    "Return a change that appends a code cell."
    cell = {"cell_type": "code", "id": "new", "metadata": {}, "outputs": [], "execution_count": None}
    return lambda notebook: notebook["cells"].append(cell | {"source": source})
