"""Fit and ask a pipeline without copies of many rows: one matrix, which is filled a column at a time.

scikit-learn's own way copies all numbers at each step, and learns medians from a sorted copy and its indices:
about 20 GB for 10 million rows of 30 numbers. What is learned here is the same, column by column.
"""

from collections.abc import Sequence
from inspect import signature
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.inference.engines import ASKED_ROWS
from goldenpath.schema.targets import Scores, TargetSpec

SHOWN_ROWS = 100  # rows from which a transformer learns the names and types of its columns
STOPS_FROM = 10_000  # rows beyond which scikit-learn's `early_stopping="auto"` holds some out
LEARNED = {"SimpleImputer": ("statistics_",), "StandardScaler": ("mean_", "var_", "scale_")}


def can_be_spared(pipeline: Any) -> bool:
    "Check whether a pipeline fills, scales and encodes alone, for an estimator that takes a dense matrix."
    first = pipeline.steps[0][1]
    if len(pipeline.steps) != 2 or type(first).__name__ != "ColumnTransformer" or first.remainder != "drop":
        return False
    parts = [part for _, part, _ in first.transformers]
    named = all(isinstance(columns, list) for _, _, columns in first.transformers)
    dense = first.sparse_threshold == 0 or all(map(_is_numeric, parts))
    plain = first.transformer_weights is None and pipeline.memory is None
    return named and dense and plain and all(_is_numeric(part) or _is_text(part) for part in parts)


def _is_numeric(part: Any) -> bool:
    kinds = [type(step).__name__ for step in _steps(part)]
    filled = kinds in (["SimpleImputer"], ["SimpleImputer", "StandardScaler"])
    return filled and _steps(part)[0].keep_empty_features and not _steps(part)[0].add_indicator


def _is_text(part: Any) -> bool:
    return type(part).__name__ == "OneHotEncoder"


def _steps(part: Any) -> list[Any]:
    return [step for _, step in part.steps] if hasattr(part, "steps") else [part]


def fit_sparingly(
    pipeline: Any,  # unfitted, one that `can_be_spared`
    frame: Any,  # pandas.DataFrame, (n, columns)
    places: NDArray[np.intp],  # (m,) rows that are fitted
    outcome: NDArray[Any],  # (m,)
    weight: NDArray[np.float64] | None = None,  # (m,)
) -> Any:  # the fitted pipeline
    "Fit as `pipeline.fit` does, with one matrix of float64 beside the frame."
    from sklearn.base import clone

    fitted = clone(pipeline)
    first, estimator = (step for _, step in fitted.steps)
    order, number = order_of_fit(estimator, outcome)
    matrix = _preprocessed(first, frame, places[order])
    fitting, judging = slice(number), slice(number, None)
    given: dict[str, Any] = {} if weight is None else {"sample_weight": weight[order[fitting]]}
    if number < len(order):
        given |= {"X_val": matrix[judging], "y_val": outcome[order[judging]]}
        given |= {} if weight is None else {"sample_weight_val": weight[order[judging]]}
    estimator.fit(matrix[fitting], outcome[order[fitting]], **given)
    return fitted


def order_of_fit(estimator: Any, outcome: NDArray[Any]) -> tuple[NDArray[np.intp], int]:  # (m,) rows
    "Put the rows last that boosting holds out to know when to stop; how many come before them."
    from sklearn.base import is_classifier
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state

    rows = np.arange(len(outcome))
    if not takes_rows_to_judge(estimator, len(rows)):
        return rows, len(rows)
    seed = check_random_state(estimator.random_state).randint(np.iinfo(np.uint32).max, dtype="u8")
    alike = outcome if is_classifier(estimator) else None
    parts = train_test_split(rows, test_size=estimator.validation_fraction, stratify=alike, random_state=seed)
    return np.concatenate(parts), len(parts[0])


def takes_rows_to_judge(estimator: Any, rows: int) -> bool:
    "Check whether boosting holds rows out, and may be given them: else it would copy the matrix to do so."
    if not is_boosting(estimator) or not isinstance(estimator.random_state, int):
        return False
    plain = getattr(estimator, "class_weight", None) is None and estimator.validation_fraction is not None
    return plain and holds_out(estimator, rows) and "X_val" in signature(estimator.fit).parameters


def holds_out(estimator: Any, rows: int) -> bool:
    "Check whether boosting ends early, by rows that it holds out."
    stops = rows > STOPS_FROM if estimator.early_stopping == "auto" else estimator.early_stopping
    return is_boosting(estimator) and bool(stops)


def is_boosting(estimator: Any) -> bool:
    "Recognize scikit-learn's boosting of histograms."
    return type(estimator).__name__ in ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")


def _preprocessed(first: Any, frame: Any, places: NDArray[np.intp]) -> NDArray[np.float64]:  # (m, width)
    "Fit a `ColumnTransformer`, and return what it makes of the rows."
    first.fit(rows_at(frame, places[:SHOWN_ROWS]))
    parts = [
        (name, _fit_text(part, frame[columns], places) if _is_text(part) else part, columns)
        for name, part, columns in first.transformers
    ]
    ends = np.cumsum([_width(part, columns) for _, part, columns in parts]).tolist()
    slices = [slice(start, end) for start, end in pairwise([0, *ends])]
    matrix = np.empty((len(places), ends[-1]))  # row by row, which no estimator copies to look at some rows
    first.transformers_ = [
        (name, _fill(matrix[:, where], part, frame[columns], places), columns)
        for (name, part, columns), where in zip(parts, slices, strict=True)
    ]
    names = [name for name, _, _ in parts]
    first.output_indices_ = {**first.output_indices_, **dict(zip(names, slices, strict=True))}
    return matrix


def _fit_text(part: Any, text: Any, places: NDArray[np.intp]) -> Any:
    from sklearn.base import clone

    return clone(part).fit(text.iloc[places])


def _width(part: Any, columns: Sequence[str]) -> int:
    return len(part.get_feature_names_out()) if _is_text(part) else len(columns)


def _fill(matrix: NDArray[np.float64], part: Any, frame: Any, places: NDArray[np.intp]) -> Any:
    "Fill the columns of a part, and return it fitted."
    if _is_text(part):
        for at in range(0, len(places), ASKED_ROWS):
            encoded = part.transform(frame.iloc[places[at : at + ASKED_ROWS]])
            matrix[at : at + ASKED_ROWS] = encoded.toarray() if hasattr(encoded, "toarray") else encoded
        return part
    return _fill_numbers(matrix, part, frame, places)


def _fill_numbers(matrix: NDArray[np.float64], part: Any, frame: Any, places: NDArray[np.intp]) -> Any:
    from sklearn.base import clone

    whole = clone(part).fit(rows_at(frame, places[:SHOWN_ROWS]))
    learned: list[list[Any]] = []
    for at, name in enumerate(frame):
        column = np.asarray(frame[name])[places].astype(np.float64)[:, None]
        alone = clone(part)
        matrix[:, at : at + 1] = alone.fit_transform(column)
        learned.append(_steps(alone))
    for step, *columns in zip(_steps(whole), *learned, strict=True):
        for attribute in LEARNED[type(step).__name__]:
            values = [getattr(column, attribute) for column in columns]
            setattr(step, attribute, None if values[0] is None else np.concatenate(values))
        if hasattr(step, "n_samples_seen_"):
            step.n_samples_seen_ = columns[0].n_samples_seen_
    return whole


def rows_at(frame: Any, places: NDArray[np.intp]) -> Any:
    "Return some rows of a frame, numbers as float64."
    rows = frame.iloc[places]
    return rows.astype({name: np.float64 for name, kind in rows.dtypes.items() if kind == np.float32})


def scores_in_parts(
    target: TargetSpec, pipeline: Any, frame: Any, places: NDArray[np.intp]
) -> Scores:  # (m,) or (m, k)
    "Ask a fitted pipeline about some rows, a part of them at a time."
    parts = range(0, max(len(places), 1), ASKED_ROWS)
    return np.concatenate(
        [target.scores(pipeline, rows_at(frame, places[at : at + ASKED_ROWS])) for at in parts]
    )
