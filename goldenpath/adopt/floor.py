"""A first floor for the gate: half of what a linear model, fitted quickly, gains over a dummy."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from goldenpath.adopt.survey import Column
from goldenpath.schema.fields import FieldSpec
from goldenpath.schema.targets import AnyTarget, TaskName

MOST_ROWS, FOLDS = 4_000, 3
GAIN = 0.04  # over the dummy, below which half of it may be chance
# metric of each task, in which more is better, and a dummy's value
FLOOR_METRICS: dict[TaskName, tuple[str, float]] = {
    "binary": ("roc_auc", 0.5),
    "classes": ("roc_auc_ovr", 0.5),
    "quantity": ("r2", 0.0),
}


@dataclass(frozen=True)
class Floor:
    "A floor as settings.ini has it, and where it comes from."

    setting: str  # "" if there is none
    reason: str


def propose_floor(columns: Mapping[str, Column], fields: list[FieldSpec], target: AnyTarget) -> Floor:
    "Fit a linear model on folds of the sample; the floor lies halfway between the dummy and what it reaches."
    metric, dummy = FLOOR_METRICS[target.task]
    rows = _labeled(columns[target.column], target)
    reached = _linear(columns, fields, target, rows) if fields else dummy
    if math.isnan(reached):
        return Floor("", f"an outcome has fewer than {FOLDS} rows, too few to fit a linear model on folds")
    base = f"in {len(rows):,} rows, a linear model reaches {metric} {reached:.2f} and a dummy {dummy:g}"
    if not reached >= dummy + GAIN:
        return Floor("", f"{base}, so no floor would tell them apart")
    floor = math.floor(50 * (dummy + reached)) / 100
    return Floor(f"{metric}>={floor:g}", f"{base}; the floor lies halfway")


def _labeled(column: Column, target: AnyTarget) -> NDArray[np.intp]:
    "Choose at most so many rows with a known outcome, at random."
    is_outcome = ~np.isin(column.distinct.texts, getattr(target, "unknown", ()))
    labeled = np.flatnonzero(
        (column.distinct.codes >= 0) & np.append(is_outcome, False)[column.distinct.codes]
    )
    return np.sort(np.random.default_rng(0).permutation(labeled)[:MOST_ROWS])


def _linear(
    columns: Mapping[str, Column], fields: list[FieldSpec], target: AnyTarget, rows: NDArray[np.intp]
) -> float:  # mean over the folds; NaN if an outcome has fewer rows than there are folds
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

    texts = [field.name for field in fields if field.is_text or field.kind == "boolean"]
    frame = pd.DataFrame({field.name: _values(columns[field.name], field, rows) for field in fields})
    outcome, quantity = columns[target.column], target.task == "quantity"
    codes = outcome.distinct.codes[rows]
    deal = (KFold if quantity else StratifiedKFold)(FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence and rare levels: a floor is a rough figure
        scores = cross_val_score(
            _pipeline(texts, [field.name for field in fields if field.name not in texts], quantity),
            frame,
            outcome.numbers[codes] if quantity else codes,
            cv=deal,
            scoring=FLOOR_METRICS[target.task][0],
        )
    return float(scores.mean())


def _values(column: Column, field: FieldSpec, rows: NDArray[np.intp]) -> NDArray[Any]:  # (n,)
    "Return the values of one column: text with '' for nothing, numbers and days with NaN."
    codes = column.distinct.codes[rows]
    if field.is_text or field.kind == "boolean":
        return np.append(np.asarray(column.distinct.texts, dtype=object), "")[codes]
    return np.append(column.days if field.kind == "date" else column.numbers, np.nan)[codes]


def _pipeline(texts: list[str], numbers: list[str], quantity: bool) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    levels = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10, max_categories=50)
    filled = SimpleImputer(strategy="median", keep_empty_features=True)
    parts = [("text", levels, texts), ("number", make_pipeline(filled, StandardScaler()), numbers)]
    return make_pipeline(
        ColumnTransformer([part for part in parts if part[2]]),
        Ridge() if quantity else LogisticRegression(max_iter=200),
    )
