"""Which side of the split a row stands on: train, validation or test, by its hash or by a date.

A row's side depends on the row alone, never on a seed, on its neighbours or on the file's length. So a row
and its exact duplicates stand on one side, and a champion is never judged on a row that it has seen.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from goldenpath.rails.errors import BadInput
from goldenpath.rails.rows.rowhash import Hashes

SIDES = ("train", "validation", "test")
ALLOWED = "'hash 0.70 0.15 0.15' or '<date column> <first validation day> <first test day>'"

Sides = NDArray[np.int8]  # (n,) index into SIDES; -1: cannot be placed


@dataclass(frozen=True)
class HashSplit:
    "Shares of train, validation and test, in this order; they sum to 1."

    shares: tuple[float, float, float]
    column: None = None

    def sides(self, hashes: Hashes, days: NDArray[np.datetime64] | None = None) -> Sides:
        """Place each row by the upper 53 bits of its hash, read as a number in [0, 1).

        Test rows lie at the start and validation rows behind them, so that the test rows stay the same when
        only the shares of the other two change.
        """
        position = (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53
        _, validation, test = self.shares
        from_the_end = np.searchsorted([test, test + validation], position, side="right")
        return (len(SIDES) - 1 - from_the_end).astype(np.int8)


@dataclass(frozen=True)
class DateSplit:
    "Rows before `validation_from` train, rows from `test_from` on test."

    column: str
    validation_from: date
    test_from: date

    def sides(self, hashes: Hashes, days: NDArray[np.datetime64] | None = None) -> Sides:
        "Place each row by its day; a row without one (NaT) cannot be placed."
        assert days is not None, "a split by date needs the days"
        borders = np.array([self.validation_from, self.test_from], dtype="datetime64[D]")
        sides = np.searchsorted(borders, days.astype("datetime64[D]"), side="right").astype(np.int8)
        return np.where(np.isnat(days), np.int8(-1), sides)


def parse_split(text: str) -> HashSplit | DateSplit:
    "Read the setting `split`. Raises BadInput that says what is allowed."
    words = text.split()
    if len(words) == 4 and words[0] == "hash":
        return _hash_split(text, words[1:])
    if len(words) >= 3:
        return _date_split(text, text.rsplit(maxsplit=2))
    raise BadInput(f"split = {text!r}: write {ALLOWED}")


def _hash_split(text: str, words: list[str]) -> HashSplit:
    try:
        train, validation, test = (float(word) for word in words)
    except ValueError:
        raise BadInput(f"split = {text!r}: the shares must be numbers; write {ALLOWED}") from None
    if not min(train, validation, test) > 0 or abs(train + validation + test - 1) > 1e-9:
        raise BadInput(f"split = {text!r}: the three shares must be above 0 and sum to 1; write {ALLOWED}")
    return HashSplit((train, validation, test))


def _date_split(text: str, words: list[str]) -> DateSplit:
    try:
        split = DateSplit(words[0].strip(), date.fromisoformat(words[1]), date.fromisoformat(words[2]))
    except ValueError:
        raise BadInput(f"split = {text!r}: days are written 2020-11-01; write {ALLOWED}") from None
    if split.validation_from >= split.test_from:
        raise BadInput(f"split = {text!r}: the first test day must come after the first validation day")
    return split
