"""Compile a fitted pipeline to ONNX, run it, and compare its answers with scikit-learn's.

The compiled model takes at most two tensors, whatever the number of columns: `text` (string, one column
per text feature) and `number` (float32). One tensor of seven strings was measured at 16 us a record where
seven tensors of one string took 22 us.
"""

import copy
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from goldenpath.rails.errors import GoldenpathError
from goldenpath.rails.manifest import FastPathRecord, Layout

Columns = dict[str, np.ndarray]
TOLERANCE = 1e-5  # of probability; float32 sums of a few hundred terms stay below it
OPSET = 18


class CannotCompile(GoldenpathError):
    "The pipeline has no ONNX form; it is answered by scikit-learn."


def layout_of(
    columns: Columns,  # equally long arrays: object for text, any number type otherwise
) -> Layout:  # text columns first, each group in the order of `columns`
    "Name the columns of both tensors in the order that the model takes them in."
    text = tuple(name for name, values in columns.items() if values.dtype == object)
    return Layout(text=text, number=tuple(name for name in columns if name not in text))


def frame_of(columns: Columns, layout: Layout) -> Any:  # pandas.DataFrame, (n, text + number)
    "Give scikit-learn its frame: text as Python strings, numbers as float64."
    import pandas as pd

    text = {name: pd.Series(columns[name], dtype=object) for name in layout.text}
    number = {name: np.asarray(columns[name], dtype=np.float64) for name in layout.number}
    return pd.DataFrame({**text, **number})


def compile_onnx(pipeline: Any, layout: Layout) -> bytes:
    """Convert a fitted scikit-learn `Pipeline` that was fitted on `frame_of(...)`.

    Raises `CannotCompile` with the converter's own reason.
    """
    from skl2onnx import to_onnx

    by_position = _columns_by_position(pipeline, layout)
    options = {id(by_position.steps[-1][1]): {"zipmap": False}}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the converter's own deprecations; the proof judges its result
            model = to_onnx(by_position, initial_types=_tensors(layout), options=options, target_opset=OPSET)
    except Exception as error:  # a converter may fail in any way: whatever it was, scikit-learn answers
        raise CannotCompile(f"no ONNX form of this pipeline: {_first_line(error)}") from error
    return bytes(model.SerializeToString())


def _tensors(layout: Layout) -> list[tuple[str, Any]]:
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    text = [("text", StringTensorType([None, len(layout.text)]))] if layout.text else []
    number = [("number", FloatTensorType([None, len(layout.number)]))] if layout.number else []
    return text + number


def _columns_by_position(pipeline: Any, layout: Layout) -> Any:
    "Column names mean nothing in a tensor: a copy whose `ColumnTransformer` selects by position."
    twin = copy.deepcopy(pipeline)
    order = {name: at for at, name in enumerate(layout.text + layout.number)}
    first = twin.steps[0][1]
    if hasattr(first, "transformers_"):
        first.transformers_ = [(n, t, _positions(c, order)) for n, t, c in first.transformers_]
    return twin


def _positions(selected: Any, order: dict[str, int]) -> Any:
    if isinstance(selected, str):
        return [order[selected]]
    return [order.get(name, name) for name in selected]


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]


class FastPath:
    "A compiled model in this process: one session, one thread."

    def __init__(self, onnx: bytes, layout: Layout) -> None:
        "Raises `CannotCompile` where onnxruntime is missing or cannot read the model."
        self.layout = layout
        self._run = _session(onnx).run

    def one(
        self,
        text: Sequence[str],  # values of `layout.text`, in its order
        number: Sequence[float],  # values of `layout.number`, in its order
    ) -> float:  # probability of the positive class
        "Answer one record."
        feed: dict[str, np.ndarray] = {}
        if text:
            feed["text"] = np.array([text], dtype=object)
        if number:
            feed["number"] = np.array([number], dtype=np.float32)
        return float(self._run(["probabilities"], feed)[0][0, 1])

    def many(self, columns: Columns) -> np.ndarray:  # (n,) float64
        "Answer n records at once."
        feed: dict[str, np.ndarray] = {}
        if self.layout.text:
            feed["text"] = _stack(columns, self.layout.text)
        if self.layout.number:
            feed["number"] = _stack(columns, self.layout.number).astype(np.float32)
        return np.asarray(self._run(["probabilities"], feed)[0][:, 1], dtype=np.float64)


class SklearnPath:
    "The fitted pipeline itself, with the same two calls: slower, and always right by definition."

    def __init__(self, pipeline: Any, layout: Layout) -> None:
        self.layout = layout
        self._pipeline = pipeline

    def one(self, text: Sequence[str], number: Sequence[float]) -> float:
        "Answer one record: probability of the positive class."
        values = dict(zip(self.layout.text + self.layout.number, [*text, *number], strict=True))
        return float(self.many({name: np.array([value], dtype=object) for name, value in values.items()})[0])

    def many(self, columns: Columns) -> np.ndarray:  # (n,) float64
        "Answer n records at once."
        probability = self._pipeline.predict_proba(frame_of(columns, self.layout))[:, 1]
        return np.asarray(probability, dtype=np.float64)


def _stack(columns: Columns, names: Sequence[str]) -> np.ndarray:
    return np.column_stack([columns[name] for name in names])


def _session(onnx: bytes) -> Any:
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise CannotCompile("onnxruntime is not installed here") from error
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own types, which are not exported
        raise CannotCompile(f"onnxruntime cannot read the model: {_first_line(error)}") from error


def compare(
    reference: np.ndarray,  # (n,) scikit-learn's probabilities
    fast: np.ndarray,  # (n,) the compiled model's, of the same rows
    threshold: float,
    tolerance: float = TOLERANCE,
) -> FastPathRecord:  # "proven" or "refused"
    "Judge the fast path: every label equal, every probability within `tolerance`."
    difference = np.abs(reference - fast)
    finite = bool(np.isfinite(difference).all())
    apart = int((~(difference <= tolerance)).sum())  # counts NaN as well
    flipped = int(((reference >= threshold) != (fast >= threshold)).sum())
    largest = float(difference.max(initial=0.0)) if finite else None
    if not apart and not flipped:
        return FastPathRecord(status="proven", reason="", rows=len(reference), max_difference=largest)
    amount = "NaN" if largest is None else f"up to {largest:.2g}"
    reason = (
        f"answers differ from scikit-learn's by {amount} "
        f"({apart} of {len(reference)} rows apart, {flipped} with another label)"
    )
    return FastPathRecord(status="refused", reason=reason, rows=len(reference), max_difference=largest)
