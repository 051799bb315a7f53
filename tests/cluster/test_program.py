"""A program that executes notebooks is followed without much work."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from goldenpath.cluster import program
from goldenpath.cluster.program import follow
from goldenpath.runs.executed import StepProgress


class Ending:
    "A program that ends when it has been asked a few times."

    def __init__(self) -> None:
        self.asked = 0

    def poll(self) -> int | None:
        self.asked += 1
        return 0 if self.asked > 5 else None

    def wait(self) -> int:
        return 0


def test_a_step_that_is_done_or_failed_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: Counter[str] = Counter()

    def progress(file: Path, run: Path) -> StepProgress:
        reads[file.stem] += 1
        return StepProgress(name=file.stem, file=file, status=file.stem, seconds=0.0)

    monkeypatch.setattr(program, "progress_of", progress)
    monkeypatch.setattr(program, "_LOOK_EVERY", 0.0)
    monkeypatch.setattr(program, "save_html", lambda file: None)
    steps: list[str] = []
    process: Any = Ending()
    files = [Path(f"{status}.ipynb") for status in ("done", "failed", "running", "waiting")]
    assert follow(process, files, Path(), lambda step: steps.append(step.name)) == 0
    assert steps == ["done", "failed", "running"]
    assert reads == {"done": 1, "failed": 1, "running": 6, "waiting": 6}
