"""What each column becomes in the contract: its kind and limits, or why it is left out."""

import keyword
import math
import re
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from pydantic import BaseModel

from goldenpath.adopt.survey import Column
from goldenpath.schema.fields import EXACT_INTEGER, FieldSpec, day

MOST_LEVELS = 50
UNIQUE = 0.95  # share of different values from which a column of text or numbered rows names its row
NEARLY = 0.9  # share of numbers from which the other values of a column are worth a word
OTHERS_SHOWN = 3
_TYPES = {"Field", "Literal", "bool", "date", "float", "int", "str"}  # what a record's class is written with
TAKEN = _TYPES | {name for name in dir(BaseModel) if not name.startswith("__")}  # and what it has already


@dataclass(frozen=True)
class Proposal:
    "What becomes of one column."

    column: str
    field: FieldSpec | None  # None: left out
    reason: str
    doubt: str = ""  # what a person should look at; empty: nothing

    @property
    def attribute(self) -> str:
        "The field's name in Python; where it differs from the column, the column is its alias."
        name = re.sub(r"\W+", "_", self.column.strip(), flags=re.ASCII).strip("_").lower() or "field"
        name = f"field_{name}" if name[0].isdigit() else name
        taken = keyword.iskeyword(name) or name in TAKEN or name.startswith("model_")
        return self.column if self._is_fit else f"{name}_" * taken or name

    @property
    def _is_fit(self) -> bool:
        name = self.column
        fit = name.isidentifier() and name.isascii() and not name.startswith("_")
        return fit and not (keyword.iskeyword(name) or name in TAKEN or name.startswith("model_"))


def propose(column: Column) -> Proposal:
    "Read a column as what its values are."
    if not column.filled:
        return Proposal(column.name, None, "it is empty")
    if len(column.counts) == 1 and not column.missing:
        return Proposal(column.name, None, f"every row has the same value, {column.texts[0]!r}")
    field = FieldSpec(
        name=column.name, kind="text", optional=column.missing > 0, description=name_in_words(column.name)
    )
    if column.is_boolean:
        return Proposal(column.name, field.model_copy(update={"kind": "boolean"}), "true and false")
    if column.is_date:
        return _date(column, field)
    if column.is_numeric:
        return _number(column, field)
    return _text(column, field)


def name_in_words(name: str) -> str:
    "Describe a column at first: by its name in words."
    return " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])|[_\W]+", " ", name).split()).capitalize() or name


def _date(column: Column, field: FieldSpec) -> Proposal:
    first, last = day(column.days.min()), day(column.days.max())
    lower = (date(first.year, 1, 1) - day(0)).days
    field = field.model_copy(update={"kind": "date", "lower": float(lower)})
    return Proposal(column.name, field, f"dates from {first} to {last}; allowed from {day(lower)}")


def _number(column: Column, field: FieldSpec) -> Proposal:
    low, high = float(column.numbers.min()), float(column.numbers.max())
    if column.is_integer and _names_its_row(column) and high - low < 2 * column.filled:
        return Proposal(column.name, None, "every row has a number of its own: it numbers the rows")
    lower, upper = widened(low, high)
    kind = "integer" if column.is_integer and max(-lower, upper) <= EXACT_INTEGER else "number"
    field = field.model_copy(update={"kind": kind, "lower": lower, "upper": upper})
    doubt = ""
    if kind == "integer" and 2 < len(column.counts) <= 10 and not (low == 0 and high <= 1):
        doubt = f"only {len(column.counts)} different numbers; if they are codes, make them levels"
    span = f"from {low:.15g} to {high:.15g}; allowed from {lower:.15g} to {upper:.15g}"
    return Proposal(
        column.name, field, f"{'whole numbers' if kind == 'integer' else 'numbers'} {span}", doubt
    )


def widened(low: float, high: float) -> tuple[float, float]:
    "Widen a range by half on both sides, to round numbers; what is never negative stays so."
    step = 10.0 ** math.floor(math.log10(max(high - low, abs(high), 1e-9)))
    lower, upper = (
        math.floor((low - (high - low) / 2) / step) * step,
        math.ceil((high + (high - low) / 2) / step) * step,
    )
    return (0.0 if low >= 0 else float(f"{lower:.6g}")), float(f"{upper:.6g}")


def _text(column: Column, field: FieldSpec) -> Proposal:
    levels, doubt = column.texts, _other_values(column) or _other_dates(column)
    if len(levels) <= MOST_LEVELS and len(levels) < column.filled:
        field = field.model_copy(update={"kind": "level", "levels": tuple(sorted(levels))})
        return Proposal(column.name, field, f"{len(levels)} different values", doubt)
    if _names_its_row(column):
        return Proposal(
            column.name,
            None,
            "nearly every row has a text of its own: it names the row, or is free text",
            _other_dates(column),
        )
    longest = max(map(len, levels))
    field = field.model_copy(update={"max_length": max(40, 20 * math.ceil(longest / 10))})
    doubt = (
        doubt
        or f"{len(levels):,} different values: the frequent ones count one by one, the rare ones together"
    )
    return Proposal(column.name, field, f"text of up to {longest} characters", doubt)


def _other_values(column: Column) -> str:
    "Explain which values keep a column from being numbers."
    if column.share_of_numbers < NEARLY:
        return ""
    others = [
        text for text in column.texts if not np.isfinite(column.numbers[column.distinct.texts == text]).all()
    ]
    shown = ", ".join(map(repr, others[:OTHERS_SHOWN]))
    return f"numbers but for {shown}: empty those cells to have numbers"


def _other_dates(column: Column) -> str:
    "Explain how dates in another form become dates of the contract."
    if not column.is_date_in_another_form:
        return ""
    return f"dates such as {column.texts[0]!r} stay text: write them as YYYY-MM-DD to have dates"


def _names_its_row(column: Column) -> bool:
    return column.filled > MOST_LEVELS and len(column.counts) >= UNIQUE * column.filled


def distinct_attributes(proposals: list[Proposal]) -> dict[str, Proposal]:
    "Give each proposal a name of its own in Python: two columns may differ by a blank alone."
    named: dict[str, Proposal] = {}
    for proposal in proposals:
        name, number = proposal.attribute, 2
        while name in named:
            name, number = f"{proposal.attribute}_{number}", number + 1
        named[name] = replace(proposal)
    return named
