"""A run in which the real steps read and trained, made once for all tests and copied for each."""

import atexit
from functools import cache
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import mkdtemp

from goldenpath.evaluation.record import Judgment
from goldenpath.project import Project, Step
from goldenpath.registry.registry import Registry
from goldenpath.runs.run import Run
from goldenpath.schema.contract import Contract
from goldenpath.settings import Settings
from goldenpath.steps.data import make_data
from goldenpath.steps.evaluate import evaluate
from goldenpath.steps.train import train

RUN = "20261121T000000Z-abcdef"
ROWS = 12_000  # of the stand-in; half of their outcomes are known


def settings_for(home: Path, **changes: object) -> Settings:
    "Return the settings of a project whose home is this folder."
    plain = {"home": str(home), "source": "synthetic", "synthetic_rows": ROWS, "bootstrap": 20}
    ours = {
        "model": "covid-death",
        "user": "ada@example.org",
        "slices": "sex, age_group",
        "auto_promote": "yes",
    }
    return Settings.model_validate({**plain, **ours, **changes})


def run_in(home: Path, run_id: str = RUN, parent: str = "") -> Run:
    "Return a run of this home; with a parent, one that reads from it."
    folder = home / "runs" / run_id
    folder.mkdir(parents=True, exist_ok=True)
    return Run(run_id, folder, "test", home / "runs" / parent if parent else None)


def step_in(run: Run, settings: Settings, contract: Contract | None = None) -> Step:
    "Return a step that works in this run, under these settings."
    return Step(Project(settings, contract), run)


def trained(home: Path) -> Run:
    "Return a run that holds rows and an unjudged candidate."
    copytree(_trained_once(), home / "runs" / RUN)
    return run_in(home)


def judged(home: Path) -> tuple[Run, Judgment]:
    "Return the same after 06_evaluate, with what that found."
    folder, found = _judged_once()
    copytree(folder, home / "runs" / RUN)
    return run_in(home), found


@cache
def _judged_once() -> tuple[Path, Judgment]:
    home = _empty_home()
    run = trained(home)
    return run.folder, evaluate(step_in(run, settings_for(home)))


def _empty_home() -> Path:
    home = Path(mkdtemp(prefix="goldenpath-trained-"))
    atexit.register(rmtree, home, ignore_errors=True)
    return home


@cache
def _trained_once() -> Path:
    home = _empty_home()
    step = step_in(run_in(home), settings_for(home))
    make_data(step)
    train(step, seed=42)
    return step.run.folder


def published(home: Path, run: Run) -> str:
    "Publish the run's candidate and make it champion."
    registry = Registry(home, "covid-death")
    version = registry.publish(run.folder / "candidate")
    registry.promote(version, why="a test", who="ada@example.org")
    return version
