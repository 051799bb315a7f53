"""What one process counts of its answers: by hour, version and role, written to files of its own."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from goldenpath.feedback.counted_rows import BatchParts, CountedRow, hashable, table_of_rows
from goldenpath.feedback.counts import Counts, hour_of, write_counts, writer_name
from goldenpath.feedback.folder import FeedbackFolder
from goldenpath.feedback.profile import Profile
from goldenpath.feedback.tally import AnswerTally, in_pieces
from goldenpath.schema.spec import ContractSpec

SEEN_VALUES = 60_000  # values of different records that wait to be sorted into cells
PIECE = 1_000  # rows sorted at a time, after which other threads get their turn
MOST_UNWRITTEN = 200  # counts of an hour, version and role, while the volume fails; the oldest are dropped


class Refusal(NamedTuple):
    "Why a request was refused: names of fields, or kinds of problems; never a value."

    version: str  # the champion of that moment; "" if there was none
    reasons: tuple[str, ...]


CountedAs: TypeAlias = tuple[str, str, str]  # hour, version, role


class Ledger:
    "Counts, and writes the counts; several threads may do so."

    def __init__(
        self,
        spec: ContractSpec,
        folder: FeedbackFolder,
        profile_of: Callable[[str], Profile | None],  # of a version that answered
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._spec, self._folder, self._profile_of, self._clock = spec, folder, profile_of, clock
        self._writer = writer_name()
        self._lock, self._writing = threading.RLock(), threading.Lock()
        self._hour = hour_of(clock())
        self._seen_lock = threading.Lock()  # of the next line alone, so that `see` waits for no sorting
        self._different: defaultdict[str, Counter[CountedRow]] = defaultdict(Counter)  # by role; sorted once
        self._most = SEEN_VALUES // len(spec.fields)
        self._tallies: dict[CountedAs, AnswerTally] = {}
        self._changed: set[CountedAs] = set()  # not written yet

    def see(self, role: str, rows: Iterable[CountedRow]) -> None:
        "Note single answers of the versions in a role: a microsecond for each, also while they are sorted."
        with self._seen_lock:
            self._different[role].update(map(hashable, rows) if self._spec.target.width > 1 else rows)

    def tidy(self) -> None:
        "Begin a new hour when it is there, and sort if much waits; to be called a few times a second."
        with self._lock:
            self._follow_clock()
            if any(len(different) > self._most for different in list(self._different.values())):
                self._sort()

    def refuse(self, refusals: Iterable[Refusal]) -> None:
        "Count refused requests."
        with self._lock:
            self._follow_clock()
            for refusal in refusals:
                self._tally(refusal.version, "champion").refuse(refusal.reasons)

    def see_tables(self, tables: Sequence[BatchParts]) -> None:
        "Count many answers at once."
        with self._lock:
            self._follow_clock()
            alike: defaultdict[tuple[str, str], list[BatchParts]] = defaultdict(list)
            for table in tables:
                alike[table.version, table.role].append(table)
            for each in alike.values():
                self._add(in_one(each))

    def _follow_clock(self) -> None:
        "Begin a new hour when it is there."
        hour = hour_of(self._clock())
        if hour != self._hour:
            self._sort()
            self._hour = hour
            for oldest in sorted(self._tallies)[:-MOST_UNWRITTEN]:
                del self._tallies[oldest]
                self._changed.discard(oldest)

    def _sort(self) -> None:
        "Sort what was seen into the cells of its version's profile."
        with self._seen_lock:
            waiting, self._different = self._different, defaultdict(Counter)
        for role, different in waiting.items():
            for alike in by_version(different).values():
                for piece in in_pieces(len(alike), PIECE):
                    self._sort_piece(role, alike[piece], different)

    def _sort_piece(self, role: str, rows: Sequence[CountedRow], times: Counter[CountedRow]) -> None:
        table = table_of_rows(self._spec, role, rows)
        self._add(table, np.fromiter(map(times.__getitem__, rows), np.int64, len(rows)))

    def _add(self, table: BatchParts, times: Any = None) -> None:
        time.sleep(0)
        self._tally(table.version, table.role).add(table.columns, table.scores, table.labels, times)
        time.sleep(0)

    def _tally(self, version: str, role: str) -> AnswerTally:
        place = (self._hour, version, role)
        if place not in self._tallies:
            profile = self._profile_of(version) if version else None
            self._tallies[place] = AnswerTally(self._spec.target, profile)
        self._changed.add(place)
        return self._tallies[place]

    def write(self) -> None:
        "Write what has changed since the last time. Raises VolumeFault; the next call tries again."
        with self._writing:  # what another thread has begun to write is there as well when this returns
            self._write()

    def _write(self) -> None:
        with self._lock:
            self._follow_clock()
            self._sort()
            changed, self._changed = self._changed, set()
            counts = {place: self._counts(place) for place in sorted(changed)}
        for place, each in counts.items():
            try:
                write_counts(self._folder, each)
            except BaseException:
                with self._lock:
                    self._changed |= {other for other in counts if other >= place}
                raise
        self._forget()

    def _counts(self, place: CountedAs) -> Counts:
        hour, version, role = place
        return self._tallies[place].counts(version, role, hour, self._writer)

    def _forget(self) -> None:
        "Forget hours that are over and written."
        with self._lock:
            for place in self._tallies.keys() - self._changed:
                if place[0] != self._hour:
                    del self._tallies[place]


def by_version(rows: Iterable[CountedRow]) -> dict[str, list[CountedRow]]:
    "Divide rows by the version that answered."
    divided: defaultdict[str, list[CountedRow]] = defaultdict(list)
    for row in rows:
        divided[row[-1]].append(row)
    return divided


def in_one(tables: Sequence[BatchParts]) -> BatchParts:
    "Put tables of one version and role together."
    first = tables[0]
    if len(tables) == 1:
        return first
    columns = {name: np.concatenate([table.columns[name] for table in tables]) for name in first.columns}
    labels = [label for table in tables for label in table.labels]
    return first._replace(
        columns=columns, scores=np.concatenate([table.scores for table in tables]), labels=labels
    )
