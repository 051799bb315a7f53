"""Contracts that the tests of the contract share."""

from datetime import date
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from goldenpath.schema.contract import Contract, Quantity, Record, Target

TARGET = Target(column="outcome", positive="Yes", negative="No", unknown=("Unknown",))


class Everything(Record):
    "Every kind of field, required and optional."

    level: Literal["a", "b, c", "ü"]
    level_or_nothing: Literal["x", "y"] | None = None
    number: float = Field(ge=-1, lt=1e6)
    any_number: float | None = None
    integer: int = Field(gt=0, le=2**40)
    any_integer: int | None = None
    boolean: bool
    boolean_or_nothing: bool | None = None
    day: date = Field(ge=date(2000, 1, 1), lt=date(2100, 1, 1))
    any_day: date | None = Field(None, alias="any day")
    text: str = Field(max_length=5)
    any_text: str | None = Field(None, alias="any text")


EVERYTHING = Contract(Everything, TARGET)


class Visit(Record):
    "A record with a key and an event time."

    patient: str
    day: date
    ward: Literal["north", "south"]
    born: date | None = None
    pulse: float | None = Field(None, ge=0)


VISITS = Contract(
    Visit, Quantity("stay", unit="days", lower=0), key="patient", event_time="day", weight="visits"
)
VISIT: dict[str, Any] = {
    "patient": "ada",
    "day": "2024-05-06",
    "ward": "north",
    "born": "1990-01-31",
    "pulse": 61.5,
}


GOOD: dict[str, Any] = {
    "level": "b, c",
    "level_or_nothing": "y",
    "number": 0.1,
    "any_number": -1e300,
    "integer": 2**40,
    "any_integer": -7,
    "boolean": True,
    "boolean_or_nothing": False,
    "day": "2000-01-01",
    "any day": "1500-12-31",
    "text": "abcde",
    "any text": "anything",
}


def as_text(value: Any) -> str | None:
    "Return a JSON value as a CSV file would hold it."
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else repr(value)


def text_frame(*records: dict[str, Any]) -> pd.DataFrame:
    "Return records as the strings that a CSV file would hold."
    rows = [{name: as_text(value) for name, value in record.items()} for record in records]
    return pd.DataFrame(rows, dtype=object)
