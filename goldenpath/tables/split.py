"""The setting `split`, parsed: shares for a split by hash, or the days that divide one by date.

How a row finds its split by these values is in `02_data`. A split by key keeps the rows of one person
together.
"""

import re
from dataclasses import dataclass
from datetime import date

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


@dataclass(frozen=True)
class DateSplit:
    "Rows before `validation_from` train, rows from `test_from` on test."

    text: str  # as it was written
    column: str
    validation_from: date
    test_from: date

    def __str__(self) -> str:
        return self.text


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
