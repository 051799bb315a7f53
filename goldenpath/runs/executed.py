"""What an executed notebook tells: which step it was, how long it took, where it failed; and its HTML."""

import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic_core import from_json

from goldenpath import errors
from goldenpath.records import Frozen
from goldenpath.volume import read_file

LARGEST = 1 << 28  # bytes of an executed notebook, pictures included
LONG = 600  # characters of a message; the executed notebook has all of it
OURS = {name for name, kind in vars(errors).items() if isinstance(kind, type)}  # these say what to do
COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # of the terminal, in error messages
FRAME = re.compile(r"^File (.+?\.py):(\d+)", re.MULTILINE)  # as IPython begins a frame
MARK = re.compile(r"^# %% (\S+\.ipynb) #(\S+)$")  # nbdev's, above each exported cell


class StepProgress(Frozen):
    "One step of a pipeline, as far as its notebook has come."

    name: str  # of the notebook, such as 05_train
    file: Path
    status: Literal["waiting", "running", "done", "failed"]
    seconds: float  # since it began, or that it took
    doing: str = ""  # while it runs, what it says that it is doing


Watch = Callable[[StepProgress], None]  # called when a step begins, while it runs, and when it ends


class Failure(Frozen):
    "The cell that stopped a step."

    step: str
    file: Path  # the executed notebook
    cell: int  # the number beside it: In [n]
    kind: str  # class of the error, such as BadInput
    message: str  # of the error, in one line
    origin: str = ""  # where the code that broke was written; "" where the message is about something else

    @property
    def exit_code(self) -> int:
        "3 where the gate refused the candidate, 5 where no training is due, else 1."
        return {"GateRefused": 3, "NotDue": 5}.get(self.kind, 1)


def read_executed(file: Path) -> dict[str, Any]:
    "Read the notebook. Raises ValueError while it is being written, OSError for a link, pipe or huge file."
    notebook: dict[str, Any] = from_json(read_file(file, LARGEST))
    return notebook


def forget(file: Path) -> None:
    "Drop what papermill noted of an earlier execution, or that would be taken for this one's."
    notebook = read_executed(file)
    if notebook.get("metadata", {}).pop("papermill", None) is not None:
        file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read_step(file: Path) -> StepProgress:
    "How far a notebook has come, by papermill's notes. Raises ValueError while it is being written."
    notes = read_executed(file).get("metadata", {}).get("papermill", {})
    if not notes.get("start_time"):
        return StepProgress(name=file.stem, file=file, status="waiting", seconds=0.0)
    if notes.get("end_time") is None:
        began = datetime.fromisoformat(notes["start_time"])
        running = (datetime.now(UTC) - began).total_seconds()
        return StepProgress(name=file.stem, file=file, status="running", seconds=running)
    status: Literal["failed", "done"] = "failed" if notes.get("exception") else "done"
    return StepProgress(name=file.stem, file=file, status=status, seconds=float(notes["duration"] or 0))


def read_failure(file: Path) -> Failure | None:
    "Return the first cell with an error, or None."
    for cell in read_executed(file)["cells"]:
        for output in cell.get("outputs", ()):
            if output["output_type"] == "error":
                return _failure(file, cell, output)
    return None


def _failure(file: Path, cell: dict[str, Any], output: dict[str, Any]) -> Failure:
    kind = str(output["ename"])
    traceback = COLOURS.sub("", "\n".join(output.get("traceback", ())))
    return Failure(
        step=file.stem,
        file=file,
        cell=int(cell.get("execution_count") or 0),
        kind=kind,
        message=in_one_line(COLOURS.sub("", str(output["evalue"]))),
        origin="" if kind in OURS else origin(traceback),
    )


def origin(
    traceback: str,  # IPython's, without colours
) -> str:  # "notebooks/01_contract.ipynb, cell [14]"; "" where no frame is of an exported module
    "Find the innermost exported cell of a traceback. The number is the editor's after all cells ran."
    for path, line in reversed(FRAME.findall(traceback)):
        if cell := _cell(Path(path).expanduser(), int(line)):
            return cell
    return ""


def _cell(module: Path, line: int) -> str:
    try:
        lines = module.read_text("utf-8").splitlines()[:line]
        mark = next(filter(None, map(MARK.match, reversed(lines))))
        notebook = module.parent / mark[1]
        cells = [cell for cell in read_executed(notebook)["cells"] if cell["cell_type"] == "code"]
        number = next(place for place, cell in enumerate(cells, 1) if cell.get("id") == mark[2])
    except (OSError, ValueError, KeyError, StopIteration):  # not exported, or since then edited
        return ""
    return f"notebooks/{notebook.name}, cell [{number}]"


def in_one_line(message: str) -> str:
    "Clean a message of many lines: no pydantic references, no overlong lines."
    lines = [line for line in message.splitlines() if not line.strip().startswith("For further information")]
    text = " ".join(" ".join(lines).split())
    return text if len(text) <= LONG else f"{text[:LONG]} ..."


def save_html(file: Path) -> Path:
    "Render the notebook as a page beside it: no script, nothing from the network."
    page, _ = _exporter().from_filename(str(file))
    file.with_suffix(".html").write_text(_without_scripts(page), "utf-8")
    return file.with_suffix(".html")


@cache
def _exporter() -> Any:
    "Return one exporter for all pages: it compiles its templates once."
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # a second at import, for no page
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(exclude_anchor_links=True)  # type: ignore[no-untyped-call]
    exporter.mathjax_url = exporter.require_js_url = exporter.mermaid_js_url = ""
    return exporter


def _without_scripts(page: str) -> str:
    return re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)
