"""Train on drawn rows of 30 numbers, in a process whose memory another one watches: FOLDER ROWS."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from pydantic import create_model

from goldenpath import model
from goldenpath.project import Project, Step
from goldenpath.registry.manifest import DataSummary
from goldenpath.runs.run import Run
from goldenpath.schema.contract import Binary, Contract, Record
from goldenpath.settings import Settings
from goldenpath.steps.train import train
from goldenpath.tables.writer import as_table, parquet_schema

NAMES = [f"number_{place}" for place in range(30)]
BLOCK = 50_000  # rows that are drawn at a time
FIELDS: dict[str, Any] = dict.fromkeys(NAMES, (float, ...))
NUMBERS = Contract(
    create_model("Numbers", __base__=Record, **FIELDS), Binary("y", positive="1", negative="0")
)


def boosting(task: str, seed: int) -> Any:
    "Boost a few trees: the memory that a fit takes does not depend on their number."
    return model.histogram_boosting(task, seed, max_iter=5, max_leaf_nodes=8)


def draw(file: Path, rows: int) -> None:
    "Write clean rows, a block at a time."
    random, writer = np.random.default_rng(1), None
    for _ in range(rows // BLOCK):
        frame = pd.DataFrame(random.normal(size=(BLOCK, len(NAMES))), columns=NAMES)
        outcome = np.where(frame["number_3"] + random.normal(size=BLOCK) > 1, "1", "0")
        clean = NUMBERS.check(frame.assign(y=outcome)).clean
        schema = parquet_schema(clean)
        writer = writer or pq.ParquetWriter(file, schema)
        writer.write_table(as_table(clean, schema))
    if writer:
        writer.close()


def main(folder: Path, rows: int) -> None:
    "Train, and leave the leaderboard in the run."
    model.CANDIDATES["binary"] = (boosting,)
    settings = Settings(home=str(folder), model="numbers", slices="")
    step = Step(Project(settings, NUMBERS), Run("r", folder / "runs" / "r", "05_train"))
    draw(step.run.output("data/train.parquet"), rows)
    summary = DataSummary(source="drawn", synthetic=True, fingerprint="f", split="", rows={}, seconds=0)
    step.save("data/summary.json", summary)
    train(step, seed=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
