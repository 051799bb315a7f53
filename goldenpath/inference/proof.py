"""The candidate's two ways to predict, held against each other before anything is published.

All columns here are complete: what the contract hands over and what the model's `enrich` adds.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from goldenpath.inference.engines import CannotCompile, FastPath, SklearnPath, compare
from goldenpath.measure.stopwatch import latency, time_calls
from goldenpath.records import Columns, FastPathRecord, Latency, Layout


@dataclass(frozen=True)
class Paths:
    "scikit-learn always answers; the fast path where there is one."

    sklearn: SklearnPath
    fast: FastPath | None
    without_fast: FastPathRecord | None = None  # the reason if `fast` is None


def open_fast_path(
    file: Path,  # model.onnx, which may be missing
    layout: Layout,
    why_missing: str = "",
) -> tuple[FastPath | None, FastPathRecord | None]:  # the second gives the reason if the first is None
    "Load the compiled model, or say why there is none to be proven."
    if not file.exists():
        return None, FastPathRecord(status="absent", reason=why_missing or "it was not compiled")
    try:
        return FastPath(file.read_bytes(), layout), None
    except CannotCompile as error:
        here = find_spec("onnxruntime") is not None
        return None, FastPathRecord(status="refused" if here else "unproven", reason=str(error))


def prove(
    paths: Paths,
    columns: Columns,
    threshold: float,
) -> FastPathRecord:  # proven, refused, unproven (no onnxruntime here) or absent
    "Compare both paths row by row: every label equal, every probability within 1e-5."
    if paths.fast is None:
        return paths.without_fast or FastPathRecord(status="absent", reason="it was not compiled")
    try:
        fast = paths.fast.many(columns)
    except Exception as error:  # onnxruntime raises types of its own; scikit-learn serves after any error
        reason = f"the compiled model fails on these rows: {str(error).splitlines()[0][:200]}"
        return FastPathRecord(status="refused", reason=reason)
    return compare(paths.sklearn.many(columns), fast, threshold)


def latencies(
    paths: Paths,
    columns: Columns,
    proven: bool,  # is the fast path of any use?
    calls: int = 200,
    within: float = 5.0,  # seconds for each path, however slow the model is
) -> dict[str, Latency]:  # "sklearn", and "onnx" where it is proven
    "Time one record in this process on each path; some calls before that are not counted."
    single = records(columns, paths.sklearn.layout, calls)
    timed = {"sklearn": time_calls(lambda values: paths.sklearn.one(*values), single, 20, within)}
    if proven and paths.fast is not None:
        fast = paths.fast
        timed["onnx"] = time_calls(lambda values: fast.one(*values), single, 20, within)
    return {name: latency(seconds) for name, seconds in timed.items()}


def records(columns: Columns, layout: Layout, most: int) -> list[tuple[list[str], list[float]]]:
    "Return the first rows as an engine takes them one by one: text values, number values."
    count = min(most, len(next(iter(columns.values()))))
    return [
        ([columns[name][i] for name in layout.text], [float(columns[name][i]) for name in layout.number])
        for i in range(count)
    ]


def stacked(*parts: Columns) -> Columns:
    "Join the rows of all parts."
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
