"""Engines, which answer records with a fitted pipeline: scikit-learn itself, or its compiled ONNX model.

The compiled model takes at most two tensors for any number of columns: `text` (string, one column
per text feature; missing where every text feature is one-hot encoded, see `onehot`) and `number` (float32:
the number features, then the one-hot outputs).
"""

import contextlib
import copy
import math
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from goldenpath.errors import GoldenpathError
from goldenpath.inference.linear import LinearModel, linear_model
from goldenpath.inference.onehot import (
    METADATA,
    Block,
    OneHot,
    blocks_of,
    from_metadata,
    to_metadata,
    width_of,
)
from goldenpath.inference.onnx_graph import refusal
from goldenpath.records import Columns, Layout
from goldenpath.schema.targets import TWO_OUTCOMES, TargetSpec

OPSET = 18


class CannotCompile(GoldenpathError):
    "The pipeline has no ONNX form; it is answered by scikit-learn."


Score = float | np.ndarray  # a probability or a value; (k,) probabilities of classes
ANSWERS = {"predict_proba": "probabilities", "predict": "variable"}  # a method's output in a compiled model
ROUNDED = "rounded_numbers_"  # attribute of a pipeline that was fitted on numbers rounded to float32
ASKED_ROWS = 262_144  # records that an engine is asked about; more take part after part


class Engine(Protocol):
    """What answers for a version: anything with these five members.

    An answer is the target's scores: the probability of the positive outcome, those of all classes, or an
    amount.
    """

    name: str  # "onnx", "sklearn" or "v2": the `path` of an answer
    layout: Layout  # the columns that it takes
    target: TargetSpec  # what it predicts

    def one(
        self,
        text: Sequence[str],  # values of `layout.text`, in its order
        number: Sequence[float],  # values of `layout.number`, in its order
    ) -> Score:
        "Answer one record."

    def many(self, columns: Columns) -> np.ndarray:  # (n,) or (n, k) float64
        "Answer n records at once; columns that the layout does not name are ignored."


def layout_of(
    columns: Columns,  # equally long arrays: object for text, any number type otherwise
) -> Layout:  # text columns first, each group in the order of `columns`
    "Name the columns of both tensors in the order that the model takes them in."
    text = tuple(name for name, values in columns.items() if values.dtype == object)
    return Layout(text=text, number=tuple(name for name in columns if name not in text))


def frame_of(
    columns: Columns,
    layout: Layout,
    rounded: bool = False,  # numbers to float32
) -> Any:  # pandas.DataFrame, (n, text + number)
    "Give scikit-learn its frame: text as Python strings, numbers as float64."
    import pandas as pd

    text = {name: pd.Series(columns[name], dtype=object) for name in layout.text}
    number = {name: np.asarray(columns[name], dtype=np.float64) for name in layout.number}
    if rounded:
        with np.errstate(over="ignore"):
            number = {name: values.astype(np.float32).astype(np.float64) for name, values in number.items()}
    return pd.DataFrame({**text, **number})


def frame_for(pipeline: Any, columns: Columns, layout: Layout) -> Any:  # pandas.DataFrame
    "Give a fitted pipeline its frame, with the numbers rounded as those were that it was fitted on."
    return frame_of(columns, layout, getattr(pipeline, ROUNDED, False))


def in_parts(
    ask: Callable[[Columns], np.ndarray],  # for the scores of some records
    columns: Columns,  # of n records
) -> np.ndarray:  # (n,) or (n, k)
    "Ask about many records a part of them at a time, so that what is made of them is never there at once."
    rows = len(next(iter(columns.values()), ()))
    if rows <= ASKED_ROWS:
        return ask(columns)
    parts = (slice(at, at + ASKED_ROWS) for at in range(0, rows, ASKED_ROWS))
    return np.concatenate([ask({name: values[part] for name, values in columns.items()}) for part in parts])


def compile_onnx(pipeline: Any, layout: Layout) -> bytes:
    """Convert a fitted scikit-learn `Pipeline` that was fitted on `frame_of(...)`.

    Raises `CannotCompile` with the converter's own reason.
    """
    from skl2onnx import to_onnx

    twin, blocks = _by_position(pipeline, layout)
    last = twin.steps[-1][1]
    options = {id(last): {"zipmap": False}} if hasattr(last, "predict_proba") else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the converter's own deprecations; the proof judges its result
            model = to_onnx(twin, initial_types=_tensors(layout, blocks), options=options, target_opset=OPSET)
    except Exception as error:  # a converter may fail in any way: scikit-learn serves after any error
        raise CannotCompile(f"no ONNX form of this pipeline: {_first_line(error)}") from error
    model.metadata_props.add(key=METADATA, value=to_metadata(blocks))
    return bytes(model.SerializeToString())


def _tensors(layout: Layout, blocks: Sequence[Block]) -> list[tuple[str, Any]]:
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    numbers = len(layout.number) + width_of(blocks)
    text = [("text", StringTensorType([None, len(layout.text)]))] if layout.text and not blocks else []
    number = [("number", FloatTensorType([None, numbers]))] if numbers else []
    return text + number


def _by_position(pipeline: Any, layout: Layout) -> tuple[Any, tuple[Block, ...]]:
    """Column names mean nothing in a tensor: a copy whose `ColumnTransformer` selects by position.

    Where text is one-hot encoded and nothing else, that is left out, and its outputs come in as numbers.
    """
    twin = copy.deepcopy(pipeline)
    first = twin.steps[0][1]
    if not hasattr(first, "transformers_"):
        return twin, ()
    parts = first.transformers_
    encoded = [blocks_of(transformer, columns) for _, transformer, columns in parts]
    if _reads_text([part for part, blocks in zip(parts, encoded, strict=True) if not blocks], layout):
        encoded = [() for _ in parts]
    blocks = tuple(block for part in encoded for block in part)
    order = {name: at for at, name in enumerate((() if blocks else layout.text) + layout.number)}
    ends = len(layout.number) + np.cumsum([width_of(part) for part in encoded])
    first.transformers_ = [
        (name, "passthrough", list(range(end - width_of(part), end)))
        if part
        else (name, how, _positions(columns, order))
        for (name, how, columns), part, end in zip(parts, encoded, ends.tolist(), strict=True)
    ]
    return twin, blocks


def _reads_text(parts: Sequence[tuple[str, Any, Any]], layout: Layout) -> bool:
    read = [columns for _, how, columns in parts if how != "drop"]
    return any(name in layout.text for columns in read for name in np.ravel(columns))


def _positions(selected: Any, order: dict[str, int]) -> Any:
    if isinstance(selected, str):
        return [order[selected]]
    return [order.get(name, name) for name in selected]


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]


class OwnRow(threading.local):
    """One record and its answer in memory that stays bound to the model; each thread has its own.

    A call of the default model was measured at 3.7 us this way, and at 6.2 us with arrays made for it.
    """

    def __init__(self, session: Any, width: int, target: TargetSpec) -> None:
        self.values = np.zeros(width, dtype=np.float32)
        self._answer = np.zeros(target.columns, dtype=np.float32)
        positive = partial(self._answer.item, target.columns - 1)
        every = partial(self._answer.astype, np.float64)
        self._score: Callable[[], Score] = positive if target.width == 1 else every
        self._run = session.run_with_iobinding
        self._binding = session.io_binding()
        self._binding.bind_input("number", "cpu", 0, np.float32, (1, width), self.values.ctypes.data)
        name, shape = ANSWERS[target.method], (1, target.columns)
        self._binding.bind_output(name, "cpu", 0, np.float32, shape, self._answer.ctypes.data)

    def ask(self) -> Score:
        "Return the answer to the current values."
        self._run(self._binding)
        return self._score()


class LinearRow(threading.local):
    "One record of a model that only adds up, computed here; each thread has its own."

    def __init__(self, model: LinearModel) -> None:
        self.values = np.zeros(len(model.weights))
        self._weights, self._intercept, self._fills = model

    def ask(self) -> float:
        "Return the probability of the positive outcome for the current values."
        score = float(self._weights.dot(self.values)) + self._intercept
        if math.isnan(score):  # a value is missing
            filled = np.where(np.isnan(self.values), self._fills, self.values)
            score = float(self._weights.dot(filled)) + self._intercept
        odds = math.exp(-abs(score))
        return 1 / (1 + odds) if score >= 0 else odds / (1 + odds)


def _row_of(onnx: bytes, session: Any, width: int, target: TargetSpec) -> OwnRow | LinearRow:
    model = linear_model(onnx, width, target)
    return LinearRow(model) if model else OwnRow(session, width, target)


class OnnxEngine:
    "A compiled model in this process: one session, one thread."

    name = "onnx"

    def __init__(self, onnx: bytes, layout: Layout, target: TargetSpec = TWO_OUTCOMES) -> None:
        "Open the model. Raises `CannotCompile` if onnxruntime is missing or cannot read it."
        self.layout, self.target = layout, target
        self._answers = [ANSWERS[target.method]]
        session = _session(onnx)
        self._run = session.run
        self._one_hot = _one_hot(session, layout)
        self._width = len(layout.number) + self._one_hot.width
        self._takes = _takes(session, text=len(layout.text), number=self._width)
        _refuse_answers(session, target)
        self._row = _row_of(onnx, session, self._width, target) if self._takes == {"number"} else None

    def one(self, text: Sequence[str], number: Sequence[float]) -> Score:
        "Answer one record. Raises CannotCompile if onnxruntime fails."
        try:
            if self._row is None:
                return self._one_with_text(text, number)
            values = self._row.values
            values.fill(0.0)
            if number:
                values[: len(number)] = number
            self._one_hot.one(text, values)
            return self._row.ask()
        except Exception as error:
            raise _failed("run", error) from error

    def _one_with_text(self, text: Sequence[str], number: Sequence[float]) -> Score:
        "Text cannot be bound."
        feed = {"text": np.array([text], dtype=object)}
        if "number" in self._takes:
            feed["number"] = np.array([number], dtype=np.float32)
        return first_score(self.target.pick(self._run(self._answers, feed)[0]))

    def many(self, columns: Columns) -> np.ndarray:  # (n,) or (n, k) float64
        "Answer n records."
        return in_parts(self._some, columns)

    def _some(self, columns: Columns) -> np.ndarray:
        feed: dict[str, np.ndarray] = {}
        if "text" in self._takes:
            feed["text"] = np.column_stack([columns[name] for name in self.layout.text])
        if "number" in self._takes:
            rows = len(next(iter(columns.values())))
            feed["number"] = matrix = np.zeros((rows, self._width), dtype=np.float32)
            for at, name in enumerate(self.layout.number):
                matrix[:, at] = columns[name]
            self._one_hot.many(columns, matrix)
        with _onnxruntime("run"):
            return self.target.pick(self._run(self._answers, feed)[0])


def first_score(scores: np.ndarray) -> Score:
    "Return the scores of the first record."
    return float(scores[0]) if scores.ndim == 1 else np.asarray(scores[0])


@contextlib.contextmanager
def _onnxruntime(what: str) -> Iterator[None]:
    "Raise CannotCompile for the errors of onnxruntime, whose types are not exported."
    try:
        yield
    except Exception as error:
        raise _failed(what, error) from error


def _failed(what: str, error: Exception) -> CannotCompile:
    return CannotCompile(f"onnxruntime cannot {what} the model: {_first_line(error)}")


def _takes(session: Any, **expected: int) -> set[str]:
    tensors = {tensor.name: tensor.shape[-1] for tensor in session.get_inputs()}
    if tensors != {name: expected.get(name) for name in tensors}:
        raise CannotCompile(f"the compiled model takes {tensors}, its layout says {expected}; train again")
    return set(tensors)


def _refuse_answers(session: Any, target: TargetSpec) -> None:
    outputs = {tensor.name: (tensor.type, tensor.shape) for tensor in session.get_outputs()}
    kind, shape = outputs.get(ANSWERS[target.method], ("nothing", []))
    if kind != "tensor(float)" or len(shape) != 2 or shape[1] not in (target.columns, None):
        expected = "values" if target.method == "predict" else f"probabilities of {target.columns} outcomes"
        raise CannotCompile(f"the compiled model answers {outputs}, not {expected}; train again")


def _one_hot(session: Any, layout: Layout) -> OneHot:
    metadata = session.get_modelmeta().custom_metadata_map.get(METADATA, "[]")
    try:
        return OneHot(from_metadata(metadata), layout.text, start=len(layout.number))
    except ValueError as error:
        raise CannotCompile(f"the compiled model does not fit its layout: {error}; train again") from None


class SklearnEngine:
    "The fitted pipeline itself: slower, and always right by definition."

    name = "sklearn"

    def __init__(self, pipeline: Any, layout: Layout, target: TargetSpec = TWO_OUTCOMES) -> None:
        self.layout, self.target = layout, target
        self._pipeline = pipeline

    def one(self, text: Sequence[str], number: Sequence[float]) -> Score:
        "Answer one record."
        values = dict(zip(self.layout.text + self.layout.number, [*text, *number], strict=True))
        return first_score(
            self.many({name: np.array([value], dtype=object) for name, value in values.items()})
        )

    def many(self, columns: Columns) -> np.ndarray:  # (n,) or (n, k) float64
        "Answer n records."
        return in_parts(self._some, columns)

    def _some(self, columns: Columns) -> np.ndarray:
        return self.target.scores(self._pipeline, frame_for(self._pipeline, columns, self.layout))


def _session(onnx: bytes) -> Any:
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise CannotCompile("onnxruntime is not installed here") from error
    if why := refusal(onnx):
        raise CannotCompile(f"the compiled model is not opened: {why}; train again")
    options = ort.SessionOptions()
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    with _onnxruntime("read"):
        return ort.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
