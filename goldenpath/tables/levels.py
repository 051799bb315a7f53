"""Any column read as levels, so that a number can be counted like a category."""

import pandas as pd

BINS = 5  # parts that a number is divided into
TEXTS = 8  # most frequent free texts that are shown by name
EMPTY = "(empty)"


def as_levels(
    column: pd.Series,  # of a clean frame
    kind: str,  # of the contract's field
) -> pd.Series:  # (n,) category: every cell has a level
    "Read any column as levels, in the order in which a person would list them."
    if kind in ("number", "integer", "date"):
        levels = _cut(column)
    elif kind == "text":
        common = column.isin(column.value_counts().index[:TEXTS])
        levels = column.astype(object).where(common | column.isna(), "(other)").astype("category")
    else:
        levels = column.astype("category")
    levels = levels.cat.rename_categories(str)
    return levels.cat.add_categories(EMPTY).fillna(EMPTY) if levels.isna().any() else levels


def _cut(column: pd.Series) -> pd.Series:  # (n,) ordered category, named after the parts' borders
    "Divide numbers or dates at their quantiles, unless they have few distinct values."
    values = column if column.dtype.kind == "M" else column.astype("float64")
    if values.nunique() <= BINS:
        return values.astype("category")
    border = "to {0.right:%Y-%m-%d}" if column.dtype.kind == "M" else "to {0.right:.4g}"
    return pd.qcut(values, BINS, duplicates="drop").cat.rename_categories(border.format)
