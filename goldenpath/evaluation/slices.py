"""The same answers, looked at group by group: who is found, who is alarmed for nothing."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.errors import BadInput
from goldenpath.evaluation.metrics import Answers, Bools
from goldenpath.records import Frozen
from goldenpath.text.spelling import nearest_word

ENOUGH = 10  # positive rows that a slice needs before a floor is held against it
_BINS = 4  # quantile groups of a number column
MISSING = "(missing)"


class Slice(Frozen):
    "One group of the test rows, at the candidate's threshold."

    column: str
    level: str
    count: int
    positives: int
    rate: float  # of the positive outcome
    predicted: float  # mean probability: close to `rate` where the model is calibrated for this group
    recall: float | None  # None without a positive row
    false_positive_rate: float | None  # None without a negative row


def slices_of(names: Sequence[str], columns: dict[str, NDArray[Any]], answers: Answers) -> tuple[Slice, ...]:
    """Every group of every column in `names`; numbers fall into quantile groups.

    Raises BadInput naming the nearest column where a name is unknown.
    """
    require_slices(names, columns)
    return tuple(
        _slice(name, level, member, answers) for name in names for level, member in groups(columns[name])
    )


def require_slices(names: Sequence[str], columns: Collection[str]) -> None:
    "Check the columns of slices. Raises BadInput that names the nearest column."
    for name in names:
        if name not in columns:
            raise BadInput(_unknown(name, list(columns)))


def groups(values: NDArray[Any]) -> Iterator[tuple[str, Bools]]:
    "Return the groups of one column, each with a mask (n,); text by value, numbers by quantile."
    if values.dtype == object:
        text = values.astype(str)
        for level in np.unique(text):
            yield level or MISSING, text == level
        return
    yield from _number_groups(values.astype(float))


def _number_groups(values: NDArray[np.float64]) -> Iterator[tuple[str, Bools]]:
    finite = np.isfinite(values)
    edges = (
        np.unique(np.quantile(values[finite], np.linspace(0, 1, _BINS + 1))) if finite.any() else np.empty(0)
    )
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    for i in range(max(len(edges) - 1, min(len(edges), 1))):
        last = min(i + 1, len(edges) - 1)
        yield f"{edges[i]:.4g} to {edges[last]:.4g}", finite & (place == i)
    if not finite.all():
        yield MISSING, ~finite


def _slice(column: str, level: str, member: Bools, answers: Answers) -> Slice:
    outcome, label = answers.outcome[member], answers.label[member]
    positives, count = int(outcome.sum()), int(member.sum())
    return Slice(
        column=column,
        level=level,
        count=count,
        positives=positives,
        rate=positives / count,
        predicted=float(answers.probability[member].mean()),
        recall=float(label[outcome].mean()) if positives else None,
        false_positive_rate=float(label[~outcome].mean()) if count > positives else None,
    )


def lowest_recall(slices: Sequence[Slice]) -> Slice | None:
    "Return the judged slice with the lowest recall; None if no slice has enough positive rows."
    judged = [group for group in slices if group.positives >= ENOUGH]
    return min(judged, key=lambda group: group.recall or 0.0, default=None)


def _unknown(name: str, columns: list[str]) -> str:
    near = nearest_word(name, columns)
    hint = f"did you mean {near!r}?" if near else f"the contract has {', '.join(columns)}"
    return f"slices in settings.ini names {name!r}, which is not a column of the contract: {hint}"
