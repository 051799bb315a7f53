"""Work of a step that a run took over from an older run: its files, shared with that run, and its note."""

import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from goldenpath.runs.run import steps_of, write_json

TAKEN_OVER = "taken_over_from"  # in a step's note: id of the run in which the step worked

Mark = tuple[int, int]  # size in bytes, and time of the last change in nanoseconds since 1970


def taken_over_in(folder: Path) -> dict[str, str]:
    "Return the steps that a run took over, each with the id of the run in which it worked."
    notes = steps_of(folder).items()
    return {step: str(note[TAKEN_OVER]) for step, note in notes if note.get(TAKEN_OVER)}


def taken_over_in_words(steps: Mapping[str, str]) -> str:
    'Write taken-over steps in one line: "run A: 02_data, 03_explore; run B: 05_train"; "" if there are none.'
    runs: dict[str, list[str]] = {}
    for step, run in steps.items():
        runs.setdefault(run, []).append(step)
    return "; ".join(f"run {run}: {', '.join(names)}" for run, names in runs.items())


def files_made(
    folder: Path,  # of a run
    makes: Iterable[str],  # as a step declares it
) -> dict[str, Mark]:
    "List the files that a step made, as they are now, by their paths in the run."
    files: dict[str, Mark] = {}
    for made in makes:
        place = folder / made
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            with suppress(OSError):
                if file.is_file():
                    files[str(file.relative_to(folder))] = _mark_of(file)
    return files


def is_intact(folder: Path, note: Mapping[str, Any]) -> bool:
    "Check that all files are there that a step made, and that nothing changed them since."
    made = note.get("made")
    if not isinstance(made, dict):  # of an older release
        return False
    with suppress(OSError, TypeError):
        return all(_mark_of(_place_of(folder, path)) == tuple(mark) for path, mark in made.items())
    return False


def take_files(
    donor: Path,  # folder of the older run
    folder: Path,  # of the new one
    step: str,
    planned: list[str],  # steps of the new run
) -> str:  # id of the run in which the step worked
    "Give a run the files and the note of a step that worked in another run. Raises OSError."
    note = steps_of(donor)[step]
    for path in note["made"]:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(_place_of(donor, path), target)
    worked_in = str(note.get(TAKEN_OVER) or donor.name)
    (folder / "steps").mkdir(exist_ok=True)
    write_json(folder / "steps" / f"{step}.json", {**note, "pipeline": planned, TAKEN_OVER: worked_in})
    return worked_in


def _place_of(folder: Path, path: str) -> Path:
    "Return where a file is: 06_evaluate moves a compiled model aside that it does not trust."
    moved = folder / "refused" / Path(path).name
    return moved if path == "candidate/model.onnx" and moved.exists() else folder / path


def _link(source: Path, target: Path) -> None:
    "Let both runs hold one file; a copy where the volume has no links, or the file is another person's."
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target)


def _mark_of(file: Path) -> Mark:
    status = file.stat()
    return status.st_size, status.st_mtime_ns
