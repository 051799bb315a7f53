"""The time of one answer in process: `python -m benchmarks.answers [--rows 10000] [--calls 2000]`.

Fits every compiled candidate of every task on drawn rows of three text and five number columns, and asks each
for one record at a time, in turns; beside it the linear model of scikit-learn itself. Prints a table and one
line of JSON.
"""

import argparse
import json
from collections.abc import Iterator
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from goldenpath.inference.engines import Engine, OnnxEngine, SklearnEngine, compile_onnx, frame_of, layout_of
from goldenpath.inference.proof import single_rows
from goldenpath.measure.stopwatch import time_calls
from goldenpath.model import CANDIDATES, NEEDS, build_pipeline
from goldenpath.records import Columns
from goldenpath.schema.targets import BinarySpec, ClassesSpec, QuantitySpec, TargetSpec

TARGETS: dict[str, TargetSpec] = {
    "binary": BinarySpec(column="outcome", positive="1", negative="0"),
    "classes": ClassesSpec(column="outcome", levels=("0", "1", "2")),
    "quantity": QuantitySpec(column="outcome", unit="days"),
}
TEXTS, NUMBERS, LEVELS, TURNS = 3, 5, 8, 5


def drawn(rows: int) -> Columns:
    "Draw text columns of eight levels each, and number columns."
    random = np.random.default_rng(1)
    texts = {f"text {n}": random.choice([f"level {n}" for n in range(LEVELS)], rows) for n in range(TEXTS)}
    numbers = {f"number {n}": random.normal(size=rows) for n in range(NUMBERS)}
    return {**{name: text.astype(object) for name, text in texts.items()}, **numbers}


def outcomes(columns: Columns, task: str) -> np.ndarray:  # (n,)
    "Make outcomes that depend on products of columns, and on chance."
    first, second, third = (columns[f"number {n}"] for n in range(3))
    amount = first * second + third + (columns["text 0"] == "level 1")
    amount = amount + np.random.default_rng(2).normal(size=len(amount))
    borders = {"binary": [0.5], "classes": [0.33, 0.66], "quantity": []}[task]
    classes: np.ndarray = np.digitize(amount, np.quantile(amount, borders))
    return classes if borders else amount


def engines(columns: Columns) -> Iterator[tuple[str, str, int, Engine]]:  # task, candidate, trees, engine
    "Fit and compile."
    layout = layout_of(columns)
    frame = frame_of(columns, layout)
    for task, target in TARGETS.items():
        outcome = outcomes(columns, task)
        for name in (candidate.__name__ for candidate in CANDIDATES[task] if candidate.__name__ not in NEEDS):
            pipeline = build_pipeline(layout, 0, task, name).fit(frame, outcome)
            if name == "linear":
                yield task, "linear, scikit-learn", 0, SklearnEngine(pipeline, layout, target)
            yield task, name, trees(pipeline[-1]), OnnxEngine(compile_onnx(pipeline, layout), layout, target)


def trees(estimator: Any) -> int:
    "Count the trees of an estimator; those of all classes."
    predictors = getattr(estimator, "_predictors", None) or [getattr(estimator, "estimators_", [])]
    return sum(map(len, predictors))


def ask(engine: Engine, values: tuple[list[str], list[float]]) -> None:
    "Ask for one record."
    engine.one(*values)


def main() -> None:
    "Measure and print."
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=2_000)
    asked = parser.parse_args()
    columns = drawn(asked.rows)
    opened = list(engines(columns))
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(TURNS):
        for task, name, _, engine in opened:
            calls = asked.calls // TURNS if engine.name == "onnx" else 50
            single = single_rows(columns, engine.layout, calls)
            times.setdefault((task, name), []).extend(time_calls(partial(ask, engine), single, 20))
    measured = [
        {
            "task": task,
            "candidate": name,
            "trees": count,
            "median_us": round(1e6 * median(times[task, name]), 1),
        }
        for task, name, count, _ in opened
    ]
    for line in measured:
        print(f"{line['task']:9} {line['candidate']:22} {line['trees']:5} trees {line['median_us']:9.1f} us")
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
