"""The split that a row belongs to: train, validation or test, by its hash or by a date.

A row's side depends on the row alone (or on its key), never on a seed, on its neighbours or on the file's
length. So a row and its exact duplicates are on one side, and a champion is never judged on a row that it has
seen; a split by key keeps all rows of one person on one side.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # settings parse a split for every command: numpy is imported when rows are placed
    import numpy as np
    from numpy.typing import NDArray

    Sides = NDArray[np.int8]  # (n,) index into SIDES; -1: cannot be placed

SIDES = ("train", "validation", "test")
ROUNDING = 0.002  # three thirds may be written as 0.333 0.333 0.333; train takes the rest
SHARE = re.compile(r"\d+\.?\d*|\.\d+", re.ASCII)
BY_KEY = re.compile(r"\s+by\s+key\s*$")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class HashSplit:
    "Shares of train, validation and test, in this order; they sum to 1."

    text: str  # as it was written
    shares: tuple[float, float, float]
    by_key: bool = False  # rows of one key stay together; else each row by itself
    column: None = None

    def __str__(self) -> str:
        return self.text

    def sides(self, hashes: "NDArray[np.uint64]", days: "NDArray[np.datetime64] | None" = None) -> "Sides":
        """Place each row by the upper 53 bits of its hash, read as a number in [0, 1).

        Test rows come first and validation rows after them, so that the test rows stay the same when
        only the shares of the other two change.
        """
        import numpy as np

        position = (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53
        _, validation, test = self.shares
        from_the_end = np.searchsorted([test, test + validation], position, side="right")
        return (len(SIDES) - 1 - from_the_end).astype(np.int8)


@dataclass(frozen=True)
class DateSplit:
    "Rows before `validation_from` train, rows from `test_from` on test."

    text: str  # as it was written
    column: str
    validation_from: date
    test_from: date

    def __str__(self) -> str:
        return self.text

    def sides(self, hashes: "NDArray[np.uint64]", days: "NDArray[np.datetime64] | None" = None) -> "Sides":
        "Place each row by its day; a row without one (NaT) cannot be placed."
        import numpy as np

        assert days is not None, "a split by date needs the days"
        borders = np.array([self.validation_from, self.test_from], dtype="datetime64[D]")
        sides = np.searchsorted(borders, days.astype("datetime64[D]"), side="right").astype(np.int8)
        return np.where(np.isnat(days), np.int8(-1), sides)


def parse_split(text: str) -> HashSplit | DateSplit:
    "Read the setting `split`. Raises ValueError that says what is wrong."
    words = text.split()
    if words[:1] == ["hash"] and not any(map(DAY.fullmatch, words)):  # a column may have this name too
        return _hash_split(text.strip(), BY_KEY.sub("", text).split()[1:], bool(BY_KEY.search(text)))
    if len(words) < 3:
        raise ValueError("neither `hash` and three shares nor a column and two days")
    return _date_split(text.strip(), text.rsplit(maxsplit=2))


def _hash_split(text: str, words: list[str], by_key: bool) -> HashSplit:
    if len(words) != 3:
        raise ValueError("`hash` needs three shares")
    for word in words:
        if not SHARE.fullmatch(word):
            raise ValueError(f"'{word}' is not a number such as 0.15")
    train, validation, test = map(float, words)
    if min(train, validation, test) <= 0:
        raise ValueError("each of the three shares must be above 0")
    if abs(train + validation + test - 1) > ROUNDING:
        raise ValueError(f"the three shares add up to {train + validation + test:.4g} instead of 1")
    return HashSplit(text, (train, validation, test), by_key)


def _date_split(text: str, words: list[str]) -> DateSplit:
    column, validation_from, test_from = words[0].strip(), _day(words[1]), _day(words[2])
    if validation_from >= test_from:
        raise ValueError("the first test day must come after the first validation day")
    return DateSplit(text, column, validation_from, test_from)


def _day(text: str) -> date:
    if not DAY.fullmatch(text):
        raise ValueError(f"'{text}' is not a day such as 2020-11-01")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"the calendar has no {text}") from None
