"""A run in which the real steps read and trained, made once for all tests and copied for each."""

import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import copytree
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
from tests.helpers.project import SHARED_FOLDER

RUN = "20261121T000000Z-abcdef"
ROWS = 12_000  # of the stand-in; half of their outcomes are known


def settings_for(home: Path, **changes: object) -> Settings:
    "Return the settings of a project whose home is this folder."
    plain = {"home": str(home), "source": "synthetic", "synthetic_rows": ROWS, "bootstrap": 20}
    plain["growth_seconds"] = 0
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
    copytree(_made_once("trained", _train), home, dirs_exist_ok=True)
    return run_in(home)


def judged(home: Path) -> tuple[Run, Judgment]:
    "Return the same after 06_evaluate, with what that found."
    made = _made_once("judged", _judge)
    copytree(made / "runs", home / "runs", dirs_exist_ok=True)
    return run_in(home), pickle.loads((made / "judgment").read_bytes())


def _made_once(name: str, make: Callable[[Path], None]) -> Path:
    "Return a home that all processes of these tests share: that of the first one that has made it."
    shared = Path(os.environ[SHARED_FOLDER])
    if not (shared / name).exists():
        staged = Path(mkdtemp(dir=shared))
        make(staged)
        with suppress(OSError):  # another one was quicker
            staged.rename(shared / name)
    return shared / name


def _train(home: Path) -> None:
    step = step_in(run_in(home), settings_for(home))
    make_data(step)
    train(step, seed=42)


def _judge(home: Path) -> None:
    judgment = evaluate(step_in(trained(home), settings_for(home)))
    (home / "judgment").write_bytes(pickle.dumps(judgment))


def published(home: Path, run: Run) -> str:
    "Publish the run's candidate and make it champion."
    registry = Registry(home, "covid-death")
    version = registry.publish(run.folder / "candidate")
    registry.promote(version, why="a test", who="ada@example.org")
    return version
