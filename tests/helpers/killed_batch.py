"""A program: a batch of a folder, killed by SIGKILL at one point after another, each time in a new place.

    python -m tests.helpers.killed_batch HOME INPUTS PLACES EVERY

In PLACES/<point>/ it runs a first job that is killed at that point (a file opened for writing, renamed or
removed, or a piece about to be scored), and a second one that is not. It ends with the first point that a job
does not reach. Each job is a process of its own, forked when all is imported.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import goldenpath.steps.batch as batch_step
from goldenpath.contract import CONTRACT
from goldenpath.project import Project
from goldenpath.settings import Settings
from tests.helpers.serving_fixtures import MODEL

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Points:
    "Counts what the process does to files, and kills it."

    def __init__(self, last: int, folder: Path) -> None:
        self.left, self.folder = last, str(folder)

    def __call__(self, event: str, details: tuple[Any, ...]) -> None:
        writes = event in ("os.rename", "os.remove") or (event == "open" and details[2] & WRITING)
        if writes and str(details[0]).startswith(self.folder):
            self.pass_by()

    def pass_by(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def job(home: Path, inputs: str, place: Path, points: Points | None) -> int:
    "Run a job in a process of its own; return how it ended."
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if points:
        sys.addaudithook(points)
        real = batch_step.score_chunk

        def score_chunk(*arguments: Any) -> Any:
            points.pass_by()
            return real(*arguments)

        batch_step.score_chunk = score_chunk
    settings = Settings(home=str(home), model=MODEL, project=str(place))
    batch_step.run_batch(Project(settings, CONTRACT), inputs, f"{place}/out/")
    os._exit(0)


def main() -> None:
    home, inputs, places, every = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    point = 1
    while True:
        place = places / str(point)
        (place / "home").mkdir(parents=True)
        (place / "home" / "models").symlink_to(home / "models")
        first = job(place / "home", inputs, place, Points(point, place))
        assert first in (0, -signal.SIGKILL), first
        assert job(place / "home", inputs, place, None) == 0
        if first == 0:
            return
        point += every


if __name__ == "__main__":
    main()
