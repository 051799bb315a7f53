"""What `benchmarks.serving` measures: projects that it trains, and the bodies that it sends to them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.load import write_bodies
from benchmarks.projects import REAL_ROWS, champion_of, project_copy, trained
from goldenpath.contract import CONTRACT
from goldenpath.schema.frames import json_rows
from goldenpath.steps.stand_in import draw_stand_in

DISTINCT = 5_000


@dataclass(frozen=True)
class Goal:
    "What a scenario must reach."

    p50: float  # at most so many times the bare floor's, at 1 connection
    rate: float  # at least this share of the bare floor's, at 16 connections


@dataclass(frozen=True)
class Scenario:
    "One line of the table."

    name: str
    project: Path
    bodies: Path
    settings: dict[str, str]
    goal: Goal | None = None
    path: str = "/predict"


def distinct_records() -> list[dict[str, Any]]:
    "Different records, drawn from the contract's levels by their published shares."
    drawn = draw_stand_in(40 * DISTINCT, 1)[[field.name for field in CONTRACT.fields]].drop_duplicates()
    assert len(drawn) >= DISTINCT
    return json_rows(CONTRACT.fields, drawn.head(DISTINCT))


def rows_in_order() -> list[dict[str, Any]]:
    "Return the real rows in file order if they are beside the project, else synthetic rows."
    names = [field.name for field in CONTRACT.fields]
    if not REAL_ROWS.exists():
        return json_rows(CONTRACT.fields, draw_stand_in(20_000, 2)[names])
    rows = pd.read_csv(REAL_ROWS, usecols=[*names, CONTRACT.target.column], dtype="category")
    return json_rows(CONTRACT.fields, CONTRACT.check(rows).clean)


def scenarios(folder: Path) -> list[Scenario]:
    "Both projects, trained, and what is asked of them."
    source = {"GOLDENPATH_SOURCE": str(REAL_ROWS)} if REAL_ROWS.exists() else {}
    own = trained(project_copy(folder / "own"), **source)
    example = trained(project_copy(folder / "example", "breast_cancer"))
    distinct = distinct_records()
    some = write_bodies(folder / "distinct", distinct)
    numbers = pd.read_csv(example / "data" / "breast_cancer.csv").iloc[:, :30]
    wide = write_bodies(folder / "wide", numbers.to_dict("records"))
    in_order = write_bodies(folder / "in_order", rows_in_order())
    thousands = [distinct[at : at + 1000] for at in range(0, DISTINCT, 1000)]
    batches = write_bodies(folder / "thousands", thousands)
    tensors = write_bodies(folder / "tensors", [as_tensors(each) for each in thousands])
    off, on = {"memo": "0"}, {"memo": "50000"}
    infer = f"/v2/models/{champion_of(own)[0].model}/infer"
    return [
        Scenario(f"/predict, memo off, {DISTINCT:,} distinct records", own, some, off, Goal(2.0, 0.36)),
        Scenario("the same through Flask (lane = no)", own, some, {**off, "lane": "no"}),
        Scenario("/predict, memo off, 30 numeric columns", example, wide, off, Goal(2.4, 0.36)),
        Scenario("/predict, memo on, rows in file order", own, in_order, on, Goal(2.0, 0.5)),
        Scenario("/predict by scikit-learn", own, some, {"memo": "0", "fast_path": "no"}),
        Scenario("/predict/batch of 1,000 records", own, batches, off, path="/predict/batch"),
        Scenario("/v2/.../infer of 1,000 records", own, tensors, off, path=infer),
    ]


def as_tensors(records: list[dict[str, Any]]) -> dict[str, Any]:
    "Write records as the Open Inference Protocol has them."
    shape = [len(records)]
    columns = {name: [record[name] for record in records] for name in records[0]}
    return {
        "inputs": [{"name": n, "shape": shape, "datatype": "BYTES", "data": d} for n, d in columns.items()]
    }
