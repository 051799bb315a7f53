"""Counting: the values, scores and decisions of many answers, by the cells of their version's profile."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenpath.feedback.cells import Cells
from goldenpath.feedback.counts import Counts, FieldCounts, ScoreCounts
from goldenpath.feedback.profile import SCORE_CELLS, Profile
from goldenpath.records import Columns
from goldenpath.schema.targets import Scores, TargetSpec

Times = NDArray[np.int64]  # (n,) how often each answer was given


class FieldTally:
    "What was counted of one field so far."

    def __init__(self, name: str, cells: Cells) -> None:
        self._name, self._cells = name, cells
        self._is_text = cells.fields[name].is_text
        self._counts = np.zeros(cells.size(name) + 1, dtype=np.int64)  # the first one: missing
        self._outside = 0

    def add(self, values: NDArray[Any], times: Times) -> None:
        "Count values (n,), as the model sees them."
        if self._is_text:
            self._add_texts(values, times)
        else:
            self._add_numbers(values, times)

    def _add_texts(self, values: NDArray[np.object_], times: Times) -> None:
        "Look up each different text once."
        different = weighted(values.tolist(), times)
        places = self._cells.text(self._name, list(different))
        repeated = np.fromiter(different.values(), np.int64, len(different))
        self._counts += sums_by_place(places + 1, repeated, len(self._counts))

    def _add_numbers(self, values: NDArray[np.float64], times: Times) -> None:
        "Sort the numbers, and look for the borders among them: an eighth of the time of the other way round."
        ascending = np.sort(np.repeat(values, times) if times.sum() > len(times) else values)
        counts, outside = self._cells.of_sorted(self._name, ascending)
        self._counts += counts
        self._outside += outside

    def result(self) -> FieldCounts:
        "Return the counts so far."
        missing, *cells = self._counts.tolist()
        unseen = cells[-1] if self._is_text else 0
        return FieldCounts(cells=tuple(cells), missing=missing, unseen=unseen, outside=self._outside)


class ScoreTally:
    "What was counted of the scores so far, and what they were worth."

    def __init__(self, profile: Profile, cells: Cells, target: TargetSpec) -> None:
        self._cells, self._labels = cells, target.outcomes
        self._names = [score.name for score in profile.scores]
        self._n = np.zeros((len(self._names), SCORE_CELLS), dtype=np.int64)
        self._p = np.zeros((len(self._names), SCORE_CELLS))
        self._label_p = np.zeros(len(self._labels))

    def add(self, scores: Scores, codes: NDArray[np.intp] | None, times: Times) -> None:
        "Count scores (n,) or (n, k), and the codes (n,) of the decisions; others have no cell."
        valid = np.isfinite(scores.reshape(len(scores), -1)).all(axis=1)
        if not valid.all():
            scores, times, codes = scores[valid], times[valid], None if codes is None else codes[valid]
        n, size = len(scores), self._n.size
        worth = self._cells.probabilities(scores)
        width = len(self._names)
        places = self._cells.scores(scores).reshape(n, width) + np.arange(width) * SCORE_CELLS
        repeated = np.repeat(times, width)
        p = worth.reshape(n, width)
        self._n += sums_by_place(places.ravel(), repeated, size).reshape(self._n.shape)
        sums = np.bincount(places.ravel(), weights=p.ravel() * repeated, minlength=size)
        self._p += sums.reshape(self._p.shape)
        if codes is not None:
            decided = p[np.arange(n), codes] if width > 1 else p[:, 0]
            self._label_p += np.bincount(codes, weights=decided * times, minlength=len(self._label_p))

    def result(self) -> dict[str, ScoreCounts]:
        "Return the counts so far, without empty cells."
        return {
            name: ScoreCounts(n=sparse(n, n), p=sparse(p, n))
            for name, n, p in zip(self._names, self._n, self._p, strict=True)
        }

    def label_p(self) -> dict[str, float]:
        "Return the sum of the calibrated probability by label: of the positive outcome, or of the class."
        return dict(zip(self._labels, self._label_p.tolist(), strict=True))


class AnswerTally:
    "What one writer counts of one version in one role within one hour."

    def __init__(
        self,
        target: TargetSpec,
        profile: Profile | None,  # None: only volume, labels and refusals are counted
    ) -> None:
        cells = Cells(profile) if profile else None
        self._fields = {name: FieldTally(name, cells) for name in cells.fields} if cells else {}
        self._scores = ScoreTally(profile, cells, target) if profile and cells else None
        self._codes = {label: code for code, label in enumerate(target.outcomes)}
        self._labels = np.zeros(len(self._codes), dtype=np.int64)
        self._answers = self._refused = 0
        self._refusals: Counter[str] = Counter()

    def add(
        self,
        columns: Columns,  # of n records, as the model sees them
        scores: Scores,  # (n,) or (n, k)
        labels: Sequence[str],  # (n,) of a quantity: empty
        times: Times | None = None,  # None: each answer was given once
    ) -> None:
        "Count answers."
        times = np.ones(len(scores), dtype=np.int64) if times is None else times
        self._answers += int(times.sum())
        codes = None
        if self._codes:
            codes = np.fromiter(map(self._codes.__getitem__, labels), np.intp, len(labels))
            self._labels += sums_by_place(codes, times, len(self._labels))
        for name, field in self._fields.items():
            if name in columns:  # a newer contract may have lost a field
                field.add(columns[name], times)
        if self._scores:
            self._scores.add(scores, codes, times)

    def refuse(self, reasons: Iterable[str]) -> None:
        "Count a request that was refused: names of fields that were wrong, or kinds of problems."
        self._refused += 1
        self._refusals.update(set(reasons))

    def refuse_rows(self, rows: dict[str, int]) -> None:
        "Count refused rows of a table: by column, and under an empty name all of them."
        self._refused += rows[""]
        self._refusals.update({name: times for name, times in rows.items() if name})

    def counts(self, version: str, role: str, hour: str, writer: str) -> Counts:
        "Return what was counted so far."
        labels = dict(zip(self._codes, self._labels.tolist(), strict=True))
        return Counts(
            version=version,
            role=role,
            hour=hour,
            writer=writer,
            answers=self._answers,
            fields={name: field.result() for name, field in self._fields.items()},
            scores=self._scores.result() if self._scores else {},
            labels=labels,
            label_p=self._scores.label_p() if self._scores else {},
            refused=self._refused,
            refusals=dict(self._refusals),
        )


def weighted(values: Sequence[str], times: Times) -> Counter[str]:
    "Count each different value as often as it was given."
    if len(values) == times.sum():
        return Counter(values)
    different: Counter[str] = Counter()
    for value, often in zip(values, times.tolist(), strict=True):
        different[value] += often
    return different


def sums_by_place(places: NDArray[np.intp], times: Times, size: int) -> Times:
    "Return how often each place below `size` was given: exact, because a float64 holds every such sum."
    return np.bincount(places, weights=times, minlength=size).astype(np.int64)


def sparse(values: NDArray[Any], n: Times) -> dict[int, Any]:
    "Return the values of the cells in which anything was counted."
    return {int(place): values[place].item() for place in np.flatnonzero(n)}


def in_pieces(size: int, length: int) -> Iterator[slice]:
    "Divide `size` rows into pieces of at most `length`."
    return (slice(start, start + length) for start in range(0, size, length))
