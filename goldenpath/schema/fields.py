"""The rule of each column of a contract, as plain data."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal

from goldenpath.records import Frozen

Kind = Literal["level", "text", "number", "integer", "boolean", "date"]

EPOCH = date(1970, 1, 1)
TEXT_LENGTH = 256  # characters of a free text without its own limit, so that requests stay small
EXACT_INTEGER = 2**53 - 1  # beyond this a float64, which the model sees, cannot tell two integers apart
LEVELS_SHOWN = 20  # in a message; the rest is counted


class FieldSpec(Frozen):
    "One column: what it may hold and what it means."

    name: str  # the column's header, and the key in JSON
    kind: Kind
    levels: tuple[str, ...] = ()  # kind "level" only, in the order of the definition
    optional: bool = False  # may be empty or left out
    lower: float | None = None  # number, integer; date: days since 1970-01-01
    upper: float | None = None
    lower_open: bool = False  # True: the bound itself is not allowed
    upper_open: bool = False
    max_length: int | None = None  # characters; kind "text" only
    description: str = ""  # one sentence for the form and the API's documentation

    @property
    def is_text(self) -> bool:
        "Does the model see this column as text? All others it sees as float64."
        return self.kind in ("level", "text")

    @property
    def rule(self) -> str:
        "What a value must be, in words: the same for a record and for a frame."
        if self.kind == "level":
            return "one of " + some(repr(level) if "," in level else level for level in self.levels)
        if self.kind == "text":
            return f"text of at most {self.max_length} characters"
        noun = {"number": "a number", "integer": "an integer", "boolean": "true or false"}
        return noun.get(self.kind, "a date (YYYY-MM-DD)") + self.range_in_words

    @property
    def range_in_words(self) -> str:
        "' from 0 to below 5', ' above 2', or nothing."
        below = f" to {'below ' * self.upper_open}{self.shown(self.upper)}"
        if self.lower is None:
            return (
                "" if self.upper is None else below.replace(" to", " up to").replace("up to below", "below")
            )
        above = f" {'above' if self.lower_open else 'from'} {self.shown(self.lower)}"
        return above if self.upper is None else above + below

    def shown(self, bound: float | None) -> str:
        "Write a bound as people do."
        if bound is None:
            return ""
        return str(day(bound)) if self.kind == "date" else f"{bound:.15g}"


def some(values: Iterable[str]) -> str:
    "List the values, comma separated; of a long list the first ones and the count."
    listed = list(values)
    shown = ", ".join(listed[:LEVELS_SHOWN])
    return shown if len(listed) <= LEVELS_SHOWN else f"{shown}, ... ({len(listed)} in all)"


def day(days: float) -> date:
    "Return the date so many days after 1970-01-01."
    return EPOCH + timedelta(days=days)
