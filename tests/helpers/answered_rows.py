"""What servers would have counted and kept, had they answered these rows: made by the server's own code."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic_core import to_json

from goldenpath.feedback.answers import AnswerRow, AnswerWriter
from goldenpath.feedback.counts import hour_of, write_counts
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.outcome_tables import take_outcomes
from goldenpath.feedback.profile import read_profile
from goldenpath.feedback.retention import Limits
from goldenpath.feedback.tally import AnswerTally
from goldenpath.predict import open_predictor
from goldenpath.project import Project
from goldenpath.records import Columns
from goldenpath.schema.frames import json_rows


class AnsweredRows:
    "The champion of a project, and the folder that its answers are counted and kept in."

    def __init__(self, project: Project) -> None:
        self.project, self.contract = project, project.contract
        registry = project.registry
        self.version = registry.resolve("champion")
        self.profile = read_profile(registry.folder(self.version), registry.manifest(self.version))
        self.predictor = open_predictor(registry)
        self.folder = FeedbackFolder(project.home, registry.model)

    def count(self, columns: Columns, hour: datetime, role: str = "champion", times: Any = None) -> None:
        "Count the answers to these rows, as a worker does."
        scores = self.predictor.scores(columns)
        labels = self.predictor.answers(scores)["label"].tolist()
        tally = AnswerTally(self.contract.target, self.profile)
        tally.add(columns, scores, labels, times)
        write_counts(self.folder, tally.counts(self.version, role, hour_of(hour), "a-1-2"))

    def keep(self, clean: pd.DataFrame, start: datetime, records: bool = True) -> NDArray[np.float64]:
        "Keep the answers to clean rows, a second apart, with the ids 0, 1, ...; return the scores."
        scores = self.predictor.scores(self.contract.columns(clean))
        answers = self.predictor.answers(scores)
        store = AnswerWriter(self.folder, Limits(90, 1000))
        bodies = json_rows(self.contract.fields, clean)
        replies = zip(answers["label"].tolist(), scores.tolist(), bodies, strict=True)
        for place, (label, score, body) in enumerate(replies):
            reply = {
                "id": f"{start:%d%H}-{place}",
                "label": label,
                "probability": score,
                "version": self.version,
            }
            moment = (start + timedelta(seconds=place)).timestamp()
            store.add([AnswerRow(moment, "champion", to_json(reply), to_json(body) if records else b"")])
        store.close()
        return scores

    def take_outcomes(self, clean: pd.DataFrame, start: datetime, file: Path) -> None:
        "Take in what came of these answers."
        ids = [f"{start:%d%H}-{place}" for place in range(len(clean))]
        outcome = clean[self.contract.target.column].astype(str).to_numpy()
        pd.DataFrame({"id": ids, "outcome": outcome}).to_csv(file, index=False)
        take_outcomes(self.folder, self.contract, str(file))


def taken(columns: Columns, places: NDArray[np.intp]) -> Columns:
    "Return the rows at these places."
    return {name: values[places] for name, values in columns.items()}
