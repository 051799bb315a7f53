"""Every candidate of every task, compiled, answers as scikit-learn does: gaps, new levels and extremes."""

import numpy as np
import pytest

from goldenpath.inference.engines import OnnxEngine, SklearnEngine, compile_onnx, frame_of, layout_of
from goldenpath.inference.proof import prove
from goldenpath.model import build_pipeline
from goldenpath.records import Columns
from goldenpath.schema.targets import BinarySpec, ClassesSpec, QuantitySpec, TargetSpec

TARGETS: dict[str, TargetSpec] = {
    "binary": BinarySpec(column="outcome", positive="1", negative="0"),
    "classes": ClassesSpec(column="outcome", levels=("0", "1", "2")),
    "quantity": QuantitySpec(column="outcome", unit="days"),
}


def rows(count: int, seed: int) -> Columns:
    "Draw a level, a number that has many digits, and one with two digits and gaps."
    random = np.random.default_rng(seed)
    gaps = np.where(random.random(count) < 0.1, np.nan, random.gamma(2, 1_000, count).round(2))
    levels = random.choice(["north", "south", "east"], count).astype(object)
    return {"ward": levels, "age": random.normal(50, 10, count), "bill": gaps}


def outcomes(columns: Columns, task: str) -> np.ndarray:
    "Make outcomes that depend on all columns."
    amount = columns["age"] / 10 + np.nan_to_num(columns["bill"]) / 2_000 + (columns["ward"] == "north")
    amount = amount + np.random.default_rng(3).normal(size=len(amount))
    borders = {"binary": [0.5], "classes": [0.33, 0.66], "quantity": []}[task]
    return np.digitize(amount, np.quantile(amount, borders)) if borders else amount


def awkward(columns: Columns) -> Columns:
    "Add a level that training never saw, gaps, and numbers far outside."
    return {
        "ward": np.append(columns["ward"], np.array(["west", "", "north", "south"], dtype=object)),
        "age": np.append(columns["age"], [np.nan, 1e6, -1e6, 0.0]),
        "bill": np.append(columns["bill"], [np.nan, 0.0, 1e9, 0.01]),
    }


@pytest.mark.parametrize("candidate", ["linear", "boosting", "deep_boosting", "forest"])
@pytest.mark.parametrize("task", list(TARGETS))
def test_a_compiled_candidate_answers_as_scikit_learn_does(task: str, candidate: str):
    target, columns = TARGETS[task], rows(1_500, seed=1)
    layout = layout_of(columns)
    pipeline = build_pipeline(layout, 0, task, candidate).fit(
        frame_of(columns, layout), outcomes(columns, task)
    )
    held_out = awkward(rows(1_000, seed=2))
    expected = SklearnEngine(pipeline, layout, target).many(held_out)
    engine = OnnxEngine(compile_onnx(pipeline, layout), layout, target)
    proof = prove(engine, held_out, expected, 0.5 if task == "binary" else None, singly=True)
    assert (proof.status, proof.reason) == ("proven", "")
