"""Rows of a file whose outcome is known, as a model is asked about them: read, checked, counted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from goldenpath.errors import BadInput
from goldenpath.evaluation.metrics import Floats
from goldenpath.records import Columns, Frozen
from goldenpath.schema.contract import Contract

if TYPE_CHECKING:
    import pandas as pd

    from goldenpath.evaluation.grouping import Grouping
    from goldenpath.tables.reader import Chunk

WORST = 3  # reasons of rejection that a message names


class LabeledCounts(Frozen):
    "What became of the rows of a file."

    read: int
    unlabeled: int  # without an outcome to compare with
    rejected: int  # that break the contract
    judged: int
    reasons: dict[str, int] = Field(default_factory=dict)  # of rejection: column and rule, without a value


@dataclass(frozen=True)
class LabeledRows:
    "The rows that a version is judged by."

    columns: Columns  # (n,) each, as the contract's fields
    outcome: NDArray[Any]  # (n,) as the target encodes it
    weight: Floats  # (n,)
    group: NDArray[Any]  # (n,) what the rows are grouped by, see `Grouping`
    counts: LabeledCounts


@dataclass
class _Reading:
    "What is known while a file is read."

    read: int = 0
    unlabeled: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    parts: list[tuple[Columns, NDArray[Any], Floats, NDArray[Any]]] = field(default_factory=list)


def read_labeled(
    chunks: "Iterable[Chunk]",
    contract: Contract,
    grouping: "Grouping",
    source: str,  # for messages
) -> LabeledRows:
    "Check all rows, and keep those with an outcome. Raises BadInput if there is none."
    reading = _Reading()
    for chunk in chunks:
        _take(chunk, contract, grouping, reading)
    counts = LabeledCounts(
        read=reading.read,
        unlabeled=reading.unlabeled,
        rejected=reading.rejected,
        judged=sum(len(outcome) for _, outcome, _, _ in reading.parts),
        reasons=dict(reading.reasons.most_common()),
    )
    if not counts.judged:
        raise BadInput(_why_none(counts, contract, source))
    columns, outcomes, weights, groups = zip(*reading.parts, strict=True)
    together = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
    outcome, weight, group = map(np.concatenate, (outcomes, weights, groups))
    return LabeledRows(together, outcome, weight, group, counts)


def _take(chunk: "Chunk", contract: Contract, grouping: "Grouping", reading: _Reading) -> None:
    "Sort the rows of one chunk into judged, rejected and unlabeled ones."
    from goldenpath.tables.triage import needed_frame, ragged

    spec = contract.spec
    names = {*(one.name for one in contract.fields), spec.target.column, spec.weight}
    frame = needed_frame(chunk, names)
    labeled = contract.outcome_known(frame)
    checked = contract.check(frame[labeled])
    here = np.searchsorted(chunk.rows, checked.clean.index.to_numpy())
    reading.read += len(chunk.rows) + len(chunk.ragged)
    reading.unlabeled += int((~labeled).sum())
    reading.rejected += int(labeled.sum()) - len(here) + len(chunk.ragged)
    for problems in (checked.rejected, ragged(chunk)):
        reading.reasons.update(_reasons(problems))
    if len(here):
        outcome, weight = contract.outcomes(checked.clean), contract.weights(checked.clean)
        reading.parts.append(
            (contract.columns(checked.clean), outcome, weight, grouping.of(chunk.batch, here))
        )


def _reasons(problems: "pd.DataFrame") -> list[str]:
    "Describe each problem without the value."
    pairs = zip(problems["column"], problems["reason"], strict=True)
    return [f"{column} {reason}".strip() for column, reason in pairs]


def rejected_in_words(counts: LabeledCounts) -> str:
    "Name the commonest reasons of rejection: 'age must be a number (12 rows)'."
    worst = list(counts.reasons.items())[:WORST]
    more = f"; and {len(counts.reasons) - WORST} more reasons" if len(counts.reasons) > WORST else ""
    return "; ".join(f"{reason} ({count:,} rows)" for reason, count in worst) + more


def _why_none(counts: LabeledCounts, contract: Contract, source: str) -> str:
    "Explain why no row can be judged."
    target = contract.target
    if not counts.read:
        return f"{source} has a header but no rows"
    if not counts.rejected:
        return (
            f"{source}: none of {counts.read:,} rows has a known outcome in '{target.column}'; "
            "without outcomes, score the file with `goldenpath batch`"
        )
    return (
        f"{source}: no row can be judged: {counts.rejected:,} of {counts.read:,} break the contract "
        f"({rejected_in_words(counts)}), {counts.unlabeled:,} have no outcome; "
        "correct the file, or the contract in notebooks/01_contract.ipynb"
    )
