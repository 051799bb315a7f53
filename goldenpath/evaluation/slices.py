"""The same answers, looked at group by group: who is found, who is alarmed for nothing."""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.errors import BadInput
from goldenpath.evaluation.class_metrics import coverage
from goldenpath.evaluation.metrics import Answers, Bools, unweighted
from goldenpath.evaluation.tasks import TASKS
from goldenpath.records import Frozen
from goldenpath.schema.targets import TWO_OUTCOMES, TargetSpec
from goldenpath.text.spelling import nearest_word

ENOUGH = 10  # positive rows that a slice needs before a floor is held against it
_BINS = 4  # quantile groups of a number column
MISSING = "(missing)"
LESS_IS_BETTER = ("mae",)  # of the metrics that slices are compared by


class Slice(Frozen):
    "One group of the test rows, at the candidate's threshold."

    column: str
    level: str
    count: int
    positives: int  # of two outcomes; 0 for other tasks
    rate: float  # of the positive outcome; of classes, the share with the right label; the mean amount
    predicted: float  # its mean probability: close to `rate` where the model is calibrated for this group
    recall: float | None  # None without a positive row
    false_positive_rate: float | None  # None without a negative row
    metric: str = "recall"  # that slices are compared by
    value: float | None = None  # of this metric, if it is not the recall
    coverage: float | None = None  # share of outcomes within the interval around a quantity


def slices_of(
    names: Sequence[str],
    columns: dict[str, NDArray[Any]],
    answers: Answers,
    target: TargetSpec = TWO_OUTCOMES,
) -> tuple[Slice, ...]:
    """Every group of every column in `names`; numbers fall into quantile groups.

    Raises BadInput naming the nearest column where a name is unknown.
    """
    require_slices(names, columns)
    measure = _two_outcomes if target.task == "binary" else partial(_by_metric, target=target)
    return tuple(
        measure(name, level, member, answers)
        for name in names
        for level, member in groups(columns[name], answers.counts)
    )


def require_slices(names: Sequence[str], columns: Collection[str]) -> None:
    "Check the columns of slices. Raises BadInput that names the nearest column."
    for name in names:
        if name not in columns:
            raise BadInput(_unknown(name, list(columns)))


def groups(
    values: NDArray[Any],  # (n,)
    count: NDArray[np.integer[Any]] | None = None,  # (n,) how many equal rows each is; None: one each
) -> Iterator[tuple[str, Bools]]:
    "Return the groups of one column, each with a mask (n,); text by value, numbers by quantile."
    if values.dtype == object:
        text = values.astype(str)
        for level in np.unique(text):
            yield level or MISSING, text == level
        return
    yield from _number_groups(values.astype(float), 1 if count is None else count)


def _number_groups(
    values: NDArray[np.float64], count: NDArray[np.integer[Any]] | int
) -> Iterator[tuple[str, Bools]]:
    finite = np.isfinite(values)
    every = np.repeat(values, count)
    every = every[np.isfinite(every)]
    edges = np.unique(np.quantile(every, np.linspace(0, 1, _BINS + 1))) if len(every) else np.empty(0)
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    for i in range(max(len(edges) - 1, min(len(edges), 1))):
        last = min(i + 1, len(edges) - 1)
        yield f"{edges[i]:.4g} to {edges[last]:.4g}", finite & (place == i)
    if not finite.all():
        yield MISSING, ~finite


def _two_outcomes(column: str, level: str, member: Bools, answers: Answers) -> Slice:
    part = answers.part(member)
    outcome, label, weight = part.outcome, part.label, part.weights
    positives, count = int(part.counts[outcome].sum()), int(part.counts.sum())

    def share(rows: Bools) -> float:
        return float(np.average(label[rows], weights=weight[rows]))

    return Slice(
        column=column,
        level=level,
        count=count,
        positives=positives,
        rate=float(np.average(outcome, weights=weight)),
        predicted=float(np.average(part.probability, weights=weight)),
        recall=share(outcome) if positives else None,
        false_positive_rate=share(~outcome) if count > positives else None,
    )


def _by_metric(column: str, level: str, member: Bools, answers: Answers, target: TargetSpec) -> Slice:
    part = answers.part(member)
    name = TASKS[target.task].slice_metric
    value = TASKS[target.task].metrics[name].of(unweighted(part))
    right = part.outcome == part.label if target.outcomes else part.outcome
    return Slice(
        column=column,
        level=level,
        count=int(part.counts.sum()),
        positives=0,
        rate=float(np.average(right, weights=part.weights)),
        predicted=float(np.average(target.rank(part.probability), weights=part.weights)),
        recall=None,
        false_positive_rate=None,
        metric=name,
        value=value,
        coverage=None if part.half_width is None else coverage(unweighted(part)),
    )


def worst_of(slices: Sequence[Slice]) -> tuple[float | None, str]:
    "Return the worst value of a slice with enough rows, and name that slice."
    recalls = not slices or slices[0].metric == "recall"
    kind = "positive rows" if recalls else "rows"
    if recalls:
        values = [(one.recall or 0.0, one.positives, one) for one in slices]
    else:
        values = [(one.value, one.count, one) for one in slices if one.value is not None]
    judged = [(value, count, one) for value, count, one in values if count >= ENOUGH]
    if not judged:
        return None, f"no slice has {ENOUGH} {kind} to be judged by"
    less = slices[0].metric in LESS_IS_BETTER
    value, count, worst = (max if less else min)(judged, key=lambda entry: entry[0])
    return value, f"{'highest' if less else 'lowest'}: {worst.column} = {worst.level}, {count} {kind}"


def _unknown(name: str, columns: list[str]) -> str:
    near = nearest_word(name, columns)
    hint = f"did you mean {near!r}?" if near else f"the contract has {', '.join(columns)}"
    return f"slices in settings.ini names {name!r}, which is not a column of the contract: {hint}"
