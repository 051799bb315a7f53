"""Clean rows that are suspicious together: a column that is the target, a key that tells nothing apart."""

import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.schema.contract import Contract, FieldSpec, column_as_seen

if TYPE_CHECKING:
    import pandas as pd

LOOKED_AT = 100_000  # training rows
RAREST = 10  # rows of the rarest outcome below which a column may separate the outcomes by chance
REPEATED = 5  # rows for each value of a column, on average, without which each value has one outcome anyway
THOUSANDS = 1_000  # different texts
SAME = 0.99999  # correlation of a column that is the quantity in other units


def suspicions(
    clean: "pd.DataFrame",  # of the contract, with known outcomes
    contract: Contract,
) -> Iterator[str]:  # sentences
    "Name the columns that tell too much or too little."
    outcome, target, rows = contract.outcomes(clean), contract.target.column, f"{len(clean):,} rows"
    enough = len(outcome) >= RAREST
    if contract.task != "quantity":
        enough = enough and np.unique(outcome, return_counts=True)[1].min() >= RAREST
    for field in contract.spec.inputs if enough else ():
        if is_target(field, clean[field.name], outcome, contract):
            yield (
                f"'{field.name}' alone determines '{target}' in {rows}: is it known before the outcome is? "
                "If not, it leaks the outcome; take it out of 01_contract"
            )
    if key := contract.spec.key:
        values = clean[key].nunique()
        if values == len(clean) > 1:
            yield f"key '{key}' is never repeated in {rows}, so a split by it is one by row"
        if values == 1 and len(clean) > 1:
            yield f"key '{key}' is the same in all {rows}; name the column that tells records apart"
    for field in contract.spec.inputs:
        texts = clean[field.name].nunique() if field.kind == "text" else 0
        if texts >= THOUSANDS:
            yield (
                f"'{field.name}' has {texts:,} different texts in {len(clean):,} rows, most of them rare; "
                "04_model keeps the most frequent, and a few levels would tell it more"
            )


def is_target(field: FieldSpec, column: "pd.Series[Any]", outcome: NDArray[Any], contract: Contract) -> bool:
    "Check that a column determines the outcome: its values, their order, or up to a factor."
    filled = column.notna().to_numpy()
    outcome = outcome[filled]
    if filled.sum() < len(column) / 2 or len(np.unique(outcome)) < 2:
        return False
    if field.is_text or field.kind == "boolean":
        return contract.task != "quantity" and _one_outcome_each(column[filled], outcome)
    numbers = column_as_seen(field, column[filled])
    if contract.task == "quantity":
        return bool(np.ptp(numbers)) and abs(float(np.corrcoef(numbers, outcome)[0, 1])) > SAME
    return _in_order(numbers, outcome)


def _one_outcome_each(column: "pd.Series[Any]", outcome: NDArray[Any]) -> bool:
    import pandas as pd

    outcomes = pd.Series(outcome).groupby(column.astype(str).to_numpy()).nunique()
    return bool((outcomes == 1).all()) and len(outcomes) * REPEATED <= len(column)


def _in_order(numbers: NDArray[np.float64], outcome: NDArray[Any]) -> bool:
    "Check that each outcome has a range of numbers of its own."
    groups = [numbers[outcome == value] for value in np.unique(outcome)]
    ranges = sorted((group.min(), group.max()) for group in groups)
    return all(before[1] < after[0] for before, after in pairwise(ranges))


def warn_of_suspicions(
    file: Path,  # Parquet, clean training rows
    contract: Contract,
) -> None:
    "Warn of what the first rows look like."
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as rows:
        batch = next(rows.iter_batches(LOOKED_AT), None)
    if batch is not None and batch.num_rows:
        for line in suspicions(batch.to_pandas(), contract):
            warnings.warn(line, stacklevel=2)
