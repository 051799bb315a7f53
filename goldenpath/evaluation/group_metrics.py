"""A version's metrics on a labeled file, group by group, beside those that it was published with."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from goldenpath.evaluation.intervals import Interval
from goldenpath.evaluation.judged import judged_metrics
from goldenpath.evaluation.labeled import LabeledCounts, rejected_in_words
from goldenpath.evaluation.metrics import Answers, Bools, Floats
from goldenpath.evaluation.slices import ENOUGH
from goldenpath.evaluation.tasks import TASKS, label
from goldenpath.records import Frozen
from goldenpath.schema.fields import some
from goldenpath.schema.targets import TargetSpec, TaskName
from goldenpath.settings import Settings

if TYPE_CHECKING:
    from goldenpath.text.text_table import TextTable

FARTHEST = 3  # inputs of a group that a table names
REMARKED = "*"  # of a group with a remark
# Measures answers: every metric with its interval. The bootstrap of 06_evaluate is one.
Measure = Callable[[Answers], dict[str, Interval]]
Compare = Callable[[Bools], "dict[str, InputDistance]"]  # some of the rows (n,) with the version's profile


class InputDistance(Frozen):
    "How far the values of a field, or the scores, are from those that a version was made with."

    distance: float  # Jensen-Shannon, 0 to 1
    limit: float  # what as many rows of the version's own data stay below
    outside: float = 0.0  # share of numbers beyond those of the training rows
    unseen: float = 0.0  # share of texts that training rows hardly had
    beyond: bool = False  # more than chance explains


class GroupMetrics(Frozen):
    "One group of rows with known outcomes, and how good the answers to them are."

    name: str  # month, first day of a week, level or range
    rows: int
    rate: float | None  # weighted share of the positive outcome, or mean amount; None for classes
    metrics: dict[str, Interval]
    remark: str = ""  # why a metric is undefined or hardly says anything
    inputs: dict[str, InputDistance] = Field(default_factory=dict)  # by field; empty without a profile

    @property
    def moved(self) -> tuple[str, ...]:
        "Name the fields and scores that are beyond their limit, the farthest first."
        beyond = {name: one.distance for name, one in self.inputs.items() if one.beyond}
        return tuple(sorted(beyond, key=lambda name: -beyond[name]))


class FileEvaluation(Frozen):
    "A published version on the rows of one file: the content of evaluation.json."

    format: Literal[1] = 1
    model: str
    version: str
    synthetic: bool  # was the version trained on synthetic rows?
    file: str
    task: TaskName
    by: str  # in words: "month of event_date"; "" if the rows are one group
    rate_of: str  # what `rate` is: "share of 'yes'"; "" for classes
    counts: LabeledCounts
    bootstrap: int  # resamples behind every interval
    shown: tuple[str, ...]  # metrics that the gate judges and slices are compared by
    promised: dict[str, Interval]  # on the version's own test rows
    note: str = ""  # why inputs are not compared
    overall: GroupMetrics
    groups: tuple[GroupMetrics, ...] = ()


def measured_groups(
    answers: Answers,
    members: Iterable[tuple[str, Bools]],  # name and rows (n,) of each group
    target: TargetSpec,
    measure: Measure,
    compare: Compare = lambda rows: {},
) -> tuple[GroupMetrics, ...]:
    "Measure each group by itself."
    return tuple(
        measured_group(name, answers.part(rows), target, measure, compare(rows)) for name, rows in members
    )


def measured_group(
    name: str,
    answers: Answers,
    target: TargetSpec,
    measure: Measure,
    inputs: dict[str, InputDistance],
) -> GroupMetrics:
    "Measure one group, and say if it is too small to tell."
    rate = None if target.task == "classes" else float(np.average(answers.outcome, weights=answers.weights))
    outcome = np.repeat(answers.outcome, answers.counts)
    return GroupMetrics(
        name=name,
        rows=len(outcome),
        rate=rate,
        metrics=measure(answers),
        remark=remark(outcome, target),
        inputs=inputs,
    )


def remark(outcome: Floats, target: TargetSpec) -> str:
    "Say why a metric of these rows is undefined, or hardly says anything; empty if neither."
    present, counts = np.unique(outcome, return_counts=True)
    if len(outcome) < ENOUGH:
        return f"fewer than {ENOUGH} rows, too few to tell"
    if len(present) == 1:
        what = f"'{target.outcomes[int(present[0])]}'" if target.outcomes else f"{present[0]:g}"
        return f"the outcome is always {what}, which leaves some metrics undefined"
    if target.task == "binary" and counts.min() < ENOUGH:
        rarest = target.outcomes[int(present[counts.argmin()])]
        return f"fewer than {ENOUGH} rows of '{rarest}', too few to tell"
    return ""


def shown_metrics(target: TargetSpec, settings: Settings) -> tuple[str, ...]:
    "Return the metrics of table and plot: those that the gate judges, and the one of slices."
    return tuple(dict.fromkeys((*judged_metrics(target, settings), TASKS[target.task].slice_metric)))


def rate_in_words(target: TargetSpec) -> str:
    "Name what `rate` is."
    if target.task == "binary":
        return f"share of '{target.outcomes[1]}'"
    return f"mean {target.column}" if target.task == "quantity" else ""


def without_interval(metrics: Mapping[str, float]) -> dict[str, Interval]:
    "Return metrics that were recorded as values alone."
    return {name: Interval(value=value, low=None, high=None) for name, value in metrics.items()}


def metric_in_words(interval: Interval | None) -> str:
    "Format a metric: `0.956 [0.941, 0.968]`; a dash if it is undefined."
    if interval is None or interval.value is None:
        return "-"
    if interval.low is None or interval.high is None:
        return three_digits(interval.value)
    low, high = three_digits(interval.low), three_digits(interval.high)
    return f"{three_digits(interval.value)} [{low}, {high}]"


def three_digits(value: float) -> str:
    "Format a metric: 0.956, and 12.3."
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"


def evaluation_table(evaluation: FileEvaluation) -> "TextTable":
    "Render an evaluation for the terminal: promised, all rows, and each group."
    from goldenpath.text.text_table import TextTable

    caption = "\n".join(rows_in_words(evaluation))
    title = f"{evaluation.model} {evaluation.version} on {evaluation.file}"
    table = TextTable(title, caption=caption, caption_justify="left", title_justify="left")
    table.add_column(evaluation.by or "rows", min_width=14, overflow="fold")
    for heading in ("count", evaluation.rate_of.replace(" of ", " of\n"), *map(label, evaluation.shown)):
        if heading:
            table.add_column(heading.replace(" (", "\n("), justify="right", no_wrap=True)
    table.add_row(*_cells(evaluation, "promised", "", "", evaluation.promised))
    for group in (evaluation.overall, *evaluation.groups):
        rate = "-" if group.rate is None else three_digits(group.rate)
        name = f"{group.name} {REMARKED}" if group.remark else group.name
        table.add_row(*_cells(evaluation, name, f"{group.rows:,}", rate, group.metrics))
        if group is evaluation.overall:
            table.add_section()
    return table


def _cells(
    evaluation: FileEvaluation, name: str, rows: str, rate: str, metrics: Mapping[str, Interval]
) -> tuple[str, ...]:
    rates = (rate,) if evaluation.rate_of else ()
    return (name, rows, *rates, *(metric_in_words(metrics.get(metric)) for metric in evaluation.shown))


def rows_in_words(evaluation: FileEvaluation) -> Sequence[str]:
    "Say which rows were left out, and which groups are too small."
    counts = evaluation.counts
    lines = [
        f"{counts.judged:,} of {counts.read:,} rows judged; promised: on the version's test rows; "
        "brackets: 95% by bootstrap"
    ]
    if counts.unlabeled:
        lines.append(f"{counts.unlabeled:,} rows have no known outcome")
    if counts.rejected:
        lines.append(f"{counts.rejected:,} rows break the contract: {rejected_in_words(counts)}")
    if evaluation.synthetic:
        lines.append("the version was trained on synthetic rows")
    lines += [evaluation.note] if evaluation.note else []
    lines += list(moved_in_words(evaluation))
    remarks: dict[str, list[str]] = {}
    for group in (evaluation.overall, *evaluation.groups):
        if group.remark:
            remarks.setdefault(group.remark, []).append(group.name)
    return (*lines, *(f"{REMARKED} {text}: {some(names)}" for text, names in remarks.items()))


def moved_in_words(evaluation: FileEvaluation) -> Iterator[str]:
    "Name the inputs that moved: of all rows with distance and limit, of each group the farthest."
    whole = evaluation.overall
    if whole.inputs:
        distances = [
            f"{n} {whole.inputs[n].distance:.3f} (limit {whole.inputs[n].limit:.3f})" for n in whole.moved
        ]
        yield f"inputs beyond the limit: {some(distances) or 'none'}"
    for group in evaluation.groups:
        if group.moved:
            more = f" and {len(group.moved) - FARTHEST} more" if len(group.moved) > FARTHEST else ""
            yield f"  {group.name}: {', '.join(group.moved[:FARTHEST])}{more}"
