"""Where the code of an error was written: the notebook and cell behind an exported module in a traceback."""

import re
from pathlib import Path

from goldenpath.errors import BadInput
from goldenpath.runs.notebook import read_notebook

FRAME = re.compile(r"^File (.+?\.py):(\d+)", re.MULTILINE)  # as IPython begins a frame
MARK = re.compile(r"^# %% (\S+\.ipynb) #(\S+)$")  # nbdev's, above each exported cell


def origin(
    traceback: str,  # IPython's, without colours
) -> str:  # "notebooks/01_contract.ipynb, cell [14]"; "" where no frame is of an exported module
    "Find the innermost exported cell of a traceback. The number is the editor's after all cells ran."
    for path, line in reversed(FRAME.findall(traceback)):
        if found := _cell(Path(path).expanduser(), int(line)):
            return found
    return ""


def _cell(module: Path, line: int) -> str:
    try:
        lines = module.read_text("utf-8").splitlines()[:line]
        mark = next(filter(None, map(MARK.match, reversed(lines))))
        notebook = module.parent / mark[1]
        cells = [cell for cell in read_notebook(notebook)["cells"] if cell["cell_type"] == "code"]
        number = next(place for place, cell in enumerate(cells, 1) if cell.get("id") == mark[2])
    except (OSError, UnicodeDecodeError, StopIteration, BadInput):  # not exported, or since then edited
        return ""
    return f"notebooks/{notebook.name}, cell [{number}]"
