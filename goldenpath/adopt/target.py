"""What kind of target a column is, and which columns give its outcome away."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from goldenpath.adopt.fields import name_in_words
from goldenpath.adopt.survey import Column
from goldenpath.errors import BadInput
from goldenpath.schema.targets import MOST, AnyTarget, BinarySpec, ClassesSpec, QuantitySpec

UNKNOWN = re.compile(
    r"unknown|missing|n/?a|nan|null|none|not (known|available|reported)|\?+|-+|\.", re.IGNORECASE
)
_POSITIVE = re.compile(
    r"y(es)?|t(rue)?|1(\.0)?|pos(itive)?|bad|fail(ed|ure)?|dead|died|default|churn(ed)?|fraud|malignant|>.*",
    re.IGNORECASE,
)
FEW_NUMBERS = 10  # different whole numbers up to which they are taken for classes
FEWEST_ROWS = 20  # with a known outcome


@dataclass(frozen=True)
class TargetProposal:
    "The target, and why it is read so."

    target: AnyTarget
    reason: str
    doubt: str = ""


def propose_target(column: Column) -> TargetProposal:
    "Read a column as the outcome to predict. Raises BadInput where nothing can be learned from it."
    unknown = tuple(text for text in column.texts if UNKNOWN.fullmatch(text))
    labels = [text for text in column.texts if text not in unknown]
    if int(column.counts[~np.isin(column.distinct.texts, unknown)].sum()) < FEWEST_ROWS:
        raise BadInput(
            f"column '{column.name}' has an outcome in fewer than {FEWEST_ROWS} rows; name another --target"
        )
    if len(labels) < 2:
        raise BadInput(f"column '{column.name}' is always {labels[0]!r}; a target needs two outcomes")
    if len(labels) == 2:
        return _binary(column, labels, unknown)
    if column.is_numeric and not (column.is_integer and len(labels) <= FEW_NUMBERS):
        return _quantity(column)
    if len(labels) > MOST:
        raise BadInput(
            f"column '{column.name}' has {len(labels):,} different texts; a target has at most {MOST} "
            "classes: put rare ones together, or name another --target"
        )
    return _classes(column, labels, unknown)


def _binary(column: Column, labels: list[str], unknown: tuple[str, ...]) -> TargetProposal:
    yes = [text for text in labels if _POSITIVE.fullmatch(text)]
    positive, reason = (yes[0], "by its name") if len(yes) == 1 else (labels[1], "the rarer outcome")
    negative = next(text for text in labels if text != positive)
    target = BinarySpec(column=column.name, positive=positive, negative=negative, unknown=unknown)
    return TargetProposal(target, f"two outcomes; positive is {positive!r}, {reason}")


def _classes(column: Column, labels: list[str], unknown: tuple[str, ...]) -> TargetProposal:
    target = ClassesSpec(column=column.name, levels=tuple(sorted(labels)), unknown=unknown)
    doubt = "whole numbers read as classes; if they are amounts, write Quantity" if column.is_integer else ""
    return TargetProposal(target, f"{len(labels)} classes", doubt)


def _quantity(column: Column) -> TargetProposal:
    low, high = column.numbers.min(), column.numbers.max()
    target = QuantitySpec(column=column.name, unit="?")
    return TargetProposal(
        target,
        f"an amount of {name_in_words(column.name).lower()}, from {low:.15g} to {high:.15g}",
        "its unit",
    )


def gives_away(column: Column, outcomes: NDArray[np.int64], quantity: bool = False) -> bool:
    """Check whether a column alone tells every outcome apart: it is likely to be known only afterwards.

    `outcomes` holds a code for each row of the sample, -1 where it is unknown. A quantity is given away by a
    column with the same order of values, or the opposite one.
    """
    labeled = (outcomes >= 0) & (column.distinct.codes >= 0)
    if len(np.unique(outcomes[labeled])) < 2:
        return False
    groups = pd.Series(outcomes[labeled]).groupby(column.distinct.codes[labeled])
    if groups.ngroups <= labeled.sum() / 2:
        return bool((groups.nunique() == 1).all())
    return column.is_numeric and _is_sorted_by(
        column.numbers[column.distinct.codes[labeled]], outcomes[labeled], quantity
    )


def _is_sorted_by(numbers: NDArray[np.float64], outcomes: NDArray[np.int64], quantity: bool) -> bool:
    "Check that the outcomes change as seldom as they can, or in one direction, if rows are sorted by number."
    steps = np.diff(outcomes[np.argsort(numbers, kind="stable")])
    if quantity:
        return bool((steps >= 0).all() or (steps <= 0).all())
    return int((steps != 0).sum()) == len(np.unique(outcomes)) - 1
