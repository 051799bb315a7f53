"""From training to production and back: what a person, a server, its callers and time do, in one home."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from goldenpath.feedback.monitor import MonitorReport
from goldenpath.feedback.outcome_tables import take_outcomes
from goldenpath.project import Project
from goldenpath.settings import Settings
from goldenpath.steps.data import make_data
from goldenpath.steps.evaluate import evaluate
from goldenpath.steps.monitor import run_monitor
from goldenpath.steps.publish import publish
from goldenpath.steps.train import train
from tests.helpers.serving_program import Program, running
from tests.helpers.trained_run import run_in, step_in

ASKED_TOGETHER = 10  # records; few, because a batch goes to one version


@dataclass(frozen=True)
class Circle:
    "One project's home, with the settings that its pipeline and its server share."

    home: Path
    settings: Settings

    @property
    def project(self) -> Project:
        return Project(self.settings)

    def train(self, run: str, source: str) -> str:
        "Run the pipeline on a source; the version that it publishes, which the gate must let pass."
        step = step_in(run_in(self.home, run), self.settings)
        make_data(step, source)
        train(step, seed=1)
        evaluate(step)
        return publish(step).version

    @contextmanager
    def serving(self) -> Iterator[Program]:
        "Serve, and keep every answer with its record; what was counted is on the volume at the end."
        with running(self.home, model=self.settings.model, feedback="records") as server:
            yield server
            assert server.stop() == 0

    def ask(self, server: Program, rows: pd.DataFrame, name: str) -> Path:
        "Let callers ask about rows; a file of what became of each, which time brings later."
        contract, ids = self.project.contract, []
        records = rows[[field.name for field in contract.fields]].to_dict("records")
        for start in range(0, len(records), ASKED_TOGETHER):
            part, request = records[start : start + ASKED_TOGETHER], f"{name}-{start}"
            answer = server.ask("POST", "/predict/batch", part, **{"X-Request-Id": request})
            assert answer.status == 200, answer.body
            ids += [f"{request}/{place}" for place in range(len(part))]
        file = self.home / f"{name}.csv"
        pd.DataFrame({"id": ids, "outcome": rows[contract.target.column].to_numpy()}).to_csv(
            file, index=False
        )
        return file

    def learn(self, outcomes: Path) -> None:
        "Take in what became of answers."
        take_outcomes(self.project.feedback, self.project.contract, str(outcomes))

    def monitor(self, version: str = "", against: str = "") -> MonitorReport:
        "Look at what was answered."
        return run_monitor(self.project, version=version, against=against)[0]
