"""The proof that an engine answers as scikit-learn does, and the time that it takes for one record.

All columns here are complete: what the contract hands over and what the model's `enrich` adds.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from goldenpath.inference.calibration import Calibration, calibrate, calibrated
from goldenpath.inference.engines import CannotCompile, Engine, OnnxEngine, SklearnEngine
from goldenpath.measure.stopwatch import latency, time_calls
from goldenpath.records import Columns, FastPathRecord, Latency, Layout
from goldenpath.schema.golden import largest_difference
from goldenpath.schema.targets import TWO_OUTCOMES, TargetSpec


def prove(
    engine: Engine,
    columns: Columns,  # of n records
    expected: np.ndarray,  # (n,) or (n, k) scikit-learn's answers to them
    threshold: float | None,  # of a binary target
    *,
    singly: bool = False,  # also one by one, as a server asks: for engines that do this in another way
    calibration: Calibration | None = None,  # of the version, which decides with calibrated scores
) -> FastPathRecord:  # "proven" or "refused", with the reason
    """Compare raw answers: every label equal, every score as near as rounding.

    Raises what the engine raises.
    """
    how = threshold, engine.target, None, calibration
    proof = compare_answers(expected, engine.many(columns), *how)
    if singly and proof.status == "proven":
        return compare_answers(expected, one_by_one(engine, columns), *how)
    return proof


def one_by_one(engine: Engine, columns: Columns) -> np.ndarray:  # (n,) or (n, k)
    "Answer n records one after the other."
    rows = len(next(iter(columns.values())))
    return np.array([engine.one(*values) for values in single_rows(columns, engine.layout, rows)])


def compare_answers(
    expected: np.ndarray,  # (n,) or (n, k) scikit-learn's scores
    answers: np.ndarray,  # another engine's, of the same rows
    threshold: float | None,  # of a binary target
    target: TargetSpec = TWO_OUTCOMES,
    tolerance: float | None = None,  # None: what the target's rounding explains
    calibration: Calibration | None = None,  # that is applied before a label is decided
) -> FastPathRecord:  # "proven" or "refused"
    "Judge answers: every label must be equal, every score within `tolerance`."
    if not len(expected):
        return FastPathRecord(status="refused", reason="there was no row to compare the answers on")
    difference = largest_difference(expected, answers)
    finite = bool(np.isfinite(difference).all())
    tolerance = target.tolerance(expected) if tolerance is None else tolerance
    apart = int((~(difference <= tolerance)).sum())  # counts NaN as well
    theirs, ours = (calibrate(scores, calibration) for scores in (expected, answers))
    flipped = int(target.flips(theirs, ours, threshold).sum())
    largest = float(difference.max(initial=0.0)) if finite else None
    if not apart and not flipped:
        return FastPathRecord(status="proven", reason="", rows=len(expected), max_difference=largest)
    amount = "NaN" if largest is None else f"up to {largest:.2g}"
    labels = f", {flipped} with another label" if target.outcomes else ""
    rows = f"{apart} of {len(expected)} rows apart{labels}"
    reason = f"answers differ from scikit-learn's by {amount} ({rows})"
    return FastPathRecord(status="refused", reason=reason, rows=len(expected), max_difference=largest)


@dataclass(frozen=True)
class Paths:
    "The engines of a candidate: scikit-learn always answers, the ONNX model if there is one."

    sklearn: SklearnEngine
    fast: Engine | None
    without_fast: FastPathRecord | None = None  # why `fast` is None
    calibration: Calibration | None = None  # of the answers of either

    def scores(self, columns: Columns) -> np.ndarray:  # (n,) or (n, k)
        "Answer n records by scikit-learn, calibrated."
        return calibrate(self.sklearn.many(columns), self.calibration)

    def prove(self, columns: Columns, threshold: float | None) -> FastPathRecord:
        "Compare both row by row. Absent, unproven (onnxruntime is missing), refused or proven."
        if self.fast is None:
            return self.without_fast or FastPathRecord(status="absent", reason="it was not compiled")
        try:
            expected = self.sklearn.many(columns)
            return prove(self.fast, columns, expected, threshold, calibration=self.calibration)
        except CannotCompile as error:
            return FastPathRecord(status="refused", reason=f"the compiled model fails on these rows: {error}")


def open_fast_path(
    file: Path,  # model.onnx, which may be missing
    layout: Layout,
    why_missing: str = "",
    target: TargetSpec = TWO_OUTCOMES,
) -> tuple[OnnxEngine | None, FastPathRecord | None]:  # the second says why the first is None
    "Load the compiled model, or say why there is none to be proven."
    if not file.exists():
        return None, FastPathRecord(status="absent", reason=why_missing or "it was not compiled")
    try:
        return OnnxEngine(file.read_bytes(), layout, target), None
    except CannotCompile as error:
        here = find_spec("onnxruntime") is not None
        return None, FastPathRecord(status="refused" if here else "unproven", reason=str(error))


def latencies(
    paths: Paths,
    columns: Columns,
    proven: bool,  # is the fast path of any use?
    calls: int = 200,
    within: float = 5.0,  # seconds for each engine, however slow the model is
) -> dict[str, Latency]:  # by the engine's name; "onnx" only if it is proven
    "Time one record in this process by each engine; some calls before that are not counted."
    single = single_rows(columns, paths.sklearn.layout, calls)

    def timed(engine: Engine) -> Latency:
        return latency(time_calls(lambda values: engine.one(*values), single, 20, within))

    engines = [paths.sklearn, *([paths.fast] if proven and paths.fast else [])]
    return {engine.name: timed(calibrated(engine, paths.calibration)) for engine in engines}


def single_rows(columns: Columns, layout: Layout, most: int) -> list[tuple[list[str], list[float]]]:
    "Return the first rows as an engine takes them one by one: text values, number values."
    count = min(most, len(next(iter(columns.values()))))
    return [
        ([columns[name][i] for name in layout.text], [float(columns[name][i]) for name in layout.number])
        for i in range(count)
    ]


def stacked(*parts: Columns) -> Columns:
    "Return the rows of all parts, one after another."
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
