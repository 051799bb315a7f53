"""A program that executes notebooks, followed step by step."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from goldenpath.programs import Program
from goldenpath.runs.executed import StepProgress, Watch, read_step, save_html
from goldenpath.runs.run import read_json

_LOOK_EVERY = 0.25  # seconds between two looks at the executed notebooks


def follow(
    process: Program,
    files: Sequence[Path],  # the notebooks that it executes
    run: Path,  # folder of the run, in which each step notes what it is doing
    watch: Watch,
) -> int:  # exit code
    "Report each step until the program ends; make pages of finished notebooks while the next one runs."
    done: list[Path] = []
    for step in _changes(process, files, run):
        watch(step)
        if step.status != "running":
            done.append(step.file)
        else:
            while done:  # papermill has written them for the last time
                save_html(done.pop())
    while done:
        save_html(done.pop())
    return process.wait()


def _changes(process: Program, files: Sequence[Path], run: Path) -> Iterator[StepProgress]:
    "Each step when it begins, every second while it runs, and when it ends."
    states: dict[Path, tuple[str, str, int]] = {}
    ended = False
    while not ended:
        time.sleep(_LOOK_EVERY)
        ended = process.poll() is not None  # asked first, so that the last look sees everything
        for file in files:
            if states.get(file, ("",))[0] in ("done", "failed"):  # it stays so
                continue
            step = progress_of(file, run)
            if step is None or step.status == "waiting":
                continue
            state = (step.status, step.doing, int(step.seconds))
            if states.get(file) != state:
                states[file] = state
                yield step


def progress_of(file: Path, run: Path) -> StepProgress | None:
    "How far a step is; None for a script, or for a notebook that is just being written."
    try:
        step = read_step(file)
    except (OSError, ValueError):
        return None
    if step.status != "running":
        return step
    note = read_json(run / "steps" / f"{step.name}.json")
    return step.model_copy(update={"doing": str(note.get("doing", ""))})
