"""Answers and outcomes of a version that is worth nothing: chance made the outcomes."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from goldenpath.feedback.answers import AnswerRow, AnswerWriter
from goldenpath.feedback.counts import Counts, hour_of, write_counts
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.outcome_tables import take_outcomes
from goldenpath.feedback.retention import Limits
from goldenpath.schema.contract import Contract

ANSWERS = 600


def break_promise(
    home: Path, model: str, contract: Contract, version: str, now: datetime | None = None
) -> None:
    "Keep answers of a version with two outcomes, given now, and outcomes that chance made."
    folder, now = FeedbackFolder(home, model), now or datetime.now(UTC)
    rng, outcomes = np.random.default_rng(3), contract.target.outcomes
    writer = AnswerWriter(folder, Limits(90, 1000))
    lines = ["id,outcome"]
    for number, probability in enumerate(rng.uniform(size=ANSWERS).tolist()):
        label = outcomes[probability > 0.5]
        reply = {"id": f"a{number}", "label": label, "probability": probability, "version": version}
        writer.add([AnswerRow(now.timestamp(), "champion", json.dumps(reply).encode())])
        lines.append(f"a{number},{outcomes[rng.integers(2)]}")
    writer.close()
    counted = {"version": version, "role": "champion", "hour": hour_of(now), "writer": "a-1-2"}
    write_counts(folder, Counts(**counted, answers=ANSWERS))
    file = home / "outcomes.csv"
    file.write_text("\n".join(lines) + "\n")
    take_outcomes(folder, contract, str(file))
