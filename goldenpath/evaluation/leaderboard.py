"""The leaderboard of `05_train`: what each candidate is worth, and what it costs to train and to ask."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from goldenpath.evaluation.tasks import label
from goldenpath.measure.stopwatch import in_words
from goldenpath.records import FastPathRecord, Frozen, Latency
from goldenpath.registry.artifact import read_record
from goldenpath.registry.manifest import Manifest
from goldenpath.schema.targets import TaskName

if TYPE_CHECKING:
    import pandas as pd

    from goldenpath.text.text_table import TextTable

LEADERBOARD = "leaderboard.json"  # in the run, and in the version
# Metrics of each task that need no threshold; the choice looks at the first.
COMPARED_BY: dict[TaskName, tuple[str, ...]] = {
    "binary": ("roc_auc", "average_precision", "log_loss", "brier"),
    "classes": ("roc_auc_ovr", "balanced_accuracy", "f1_macro", "log_loss"),
    "quantity": ("r2", "rmse", "mae", "median_error"),
}


class FoldSpread(Frozen):
    "A metric over the folds."

    mean: float
    low: float  # of the worst fold
    high: float


class CandidateEntry(Frozen):
    "One candidate."

    name: str
    metrics: dict[str, FoldSpread] = Field(default_factory=dict)  # empty if it was not fitted on all folds
    fit_seconds: float | None = None  # on all training rows, in one thread
    fast_path: FastPathRecord | None = None  # judged on training rows
    engine: str = ""  # that answers: "onnx" if the fast path is proven, else "sklearn"
    latency: Latency | None = None  # of one answer in process, by that engine
    size: int = 0  # bytes of model.skops, and of model.onnx if it answers
    why_not: str = ""  # why it cannot be chosen; "" if it can


class Leaderboard(Frozen):
    "The candidates of one run, what a dummy reaches, and the choice."

    metric: str  # that the choice looks at; more is better
    folds: int
    rows: int  # training rows
    dummy: dict[str, FoldSpread]
    entries: tuple[CandidateEntry, ...]  # in the order of 04_model
    rule: str  # the setting `choose`
    chosen: str
    reason: str  # in words

    @model_validator(mode="after")
    def _is_sound(self) -> "Leaderboard":
        measured = [self.dummy, *(entry.metrics for entry in self.entries if entry.metrics)]
        if self.chosen not in {entry.name for entry in self.entries}:
            raise ValueError(f"no entry is the chosen candidate {self.chosen!r}")
        if not all(self.metric in metrics for metrics in measured):
            raise ValueError(f"an entry lacks the metric of the choice {self.metric!r}")
        return self

    @property
    def entry(self) -> CandidateEntry:
        "The chosen candidate."
        return next(entry for entry in self.entries if entry.name == self.chosen)

    @property
    def complete(self) -> bool:
        "Was every candidate fitted that is installed? Else more time or memory may lead to another choice."
        return all(entry.metrics or entry.why_not.endswith("is not installed") for entry in self.entries)

    @property
    def ranked(self) -> tuple[CandidateEntry, ...]:
        "The candidates, best first; last those that were not fitted."
        measured = [entry for entry in self.entries if entry.metrics]
        best = sorted(measured, key=lambda entry: -entry.metrics[self.metric].mean)
        return (*best, *(entry for entry in self.entries if not entry.metrics))

    @property
    def columns(self) -> tuple[str, ...]:
        "The headings of `lines`."
        return (*COST_COLUMNS, *map(label, self.dummy), "remark")

    @property
    def lines(self) -> list[tuple[str, ...]]:
        "Texts of each candidate, best first, and of the dummy."
        return [*(entry_cells(entry, self) for entry in self.ranked), dummy_cells(self)]

    @property
    def short_columns(self) -> tuple[str, ...]:
        "The headings of `short_lines`."
        return (*COST_COLUMNS, label(self.metric))

    @property
    def short_lines(self) -> list[tuple[str, ...]]:
        "Texts of each candidate and of the dummy: what it costs, and the metric of the choice."
        place = len(COST_COLUMNS) + list(self.dummy).index(self.metric)
        return [(*cells[: len(COST_COLUMNS)], cells[place]) for cells in self.lines]

    @property
    def remarks(self) -> list[str]:
        "Why candidates cannot be chosen, or why scikit-learn answers for them."
        return [f"{entry.name}: {remark_on(entry)}" for entry in self.ranked if remark_on(entry)]

    @property
    def timed(self) -> tuple[CandidateEntry, ...]:
        "The candidates whose quality and time of one answer are known, best first: those of a plot."
        return tuple(entry for entry in self.ranked if entry.metrics and entry.latency)

    def frame(self) -> "pd.DataFrame":
        "Return the same as a table for a notebook."
        import pandas as pd

        return pd.DataFrame(self.lines, columns=self.columns).set_index("candidate")


def leaderboard_in(
    folder: Path,  # of a version
    manifest: Manifest,
) -> Leaderboard | None:  # None for a version from before there was one
    "Read the leaderboard that is stored with a version. Raises NotTrusted, VolumeFault."
    return read_record(folder, manifest, LEADERBOARD, Leaderboard) if LEADERBOARD in manifest.files else None


COST_COLUMNS = ("candidate", "trained in", "one answer", "by", "size")


def entry_cells(
    entry: CandidateEntry, leaderboard: Leaderboard
) -> tuple[str, ...]:  # of COST_COLUMNS, then of the metrics, then a remark_on
    "Write an entry as the cells of a table."
    mark = " (chosen)" if entry.name == leaderboard.chosen else ""
    trained = "-" if entry.fit_seconds is None else in_words(entry.fit_seconds)
    answer = "-" if entry.latency is None else in_words(entry.latency.p50)
    size = f"{entry.size / 1e6:.2f} MB" if entry.size else "-"
    figures = (with_spread(entry.metrics.get(name)) for name in leaderboard.dummy)
    return (f"{entry.name}{mark}", trained, answer, entry.engine or "-", size, *figures, remark_on(entry))


def dummy_cells(leaderboard: Leaderboard) -> tuple[str, ...]:
    "Write the dummy as the cells of the same table."
    figures = (with_spread(spread) for spread in leaderboard.dummy.values())
    return ("dummy", "-", "-", "-", "-", *figures, "looks at no column")


def remark_on(entry: CandidateEntry) -> str:
    "Say why a candidate cannot be chosen, or why scikit-learn answers for it."
    slow = entry.fast_path.reason if entry.fast_path and entry.engine != "onnx" else ""
    return entry.why_not or slow


def with_spread(spread: FoldSpread | None) -> str:
    "Format a metric with its worst and best fold: `0.956 [0.941, 0.968]`."
    return "-" if spread is None else f"{spread.mean:.4g} [{spread.low:.4g}, {spread.high:.4g}]"


def leaderboard_table(leaderboard: Leaderboard) -> "TextTable":
    "Render the leaderboard for the terminal: the metric of the choice, and what each candidate costs."
    from goldenpath.text.text_table import TextTable

    lines = [f"chosen: {leaderboard.chosen}, {leaderboard.reason}", *leaderboard.remarks]
    table = TextTable(
        f"Candidates on {leaderboard.folds} folds", caption="\n".join(lines), caption_justify="left"
    )
    for heading in leaderboard.short_columns:
        table.add_column(heading, justify="left" if heading in ("candidate", "by") else "right")
    for cells in leaderboard.short_lines:
        table.add_row(*cells)
    return table


def training_shares(entries: Sequence[CandidateEntry]) -> NDArray[np.float64]:  # (n,) 0 to 1
    "Return the training time of each candidate as a share of the longest."
    seconds = np.array([entry.fit_seconds or 0.0 for entry in entries])
    return np.asarray(seconds / max(float(seconds.max(initial=0.0)), 1e-9))
