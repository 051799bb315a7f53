"""A contract of an amount, with key and event time; in a project for a server it is `contract.py`."""

from datetime import date
from typing import Literal

from pydantic import Field

from goldenpath.schema.contract import Contract, Quantity, Record


class Stay(Record):
    "One stay in a hospital."

    patient: int = Field(ge=1, le=10**12)
    admitted: date = Field(ge=date(2020, 1, 1), lt=date(2030, 1, 1))
    ward: Literal["north", "south"] | None = None
    age: int = Field(ge=0, le=120)
    pulse: float | None = Field(None, ge=20, le=250)
    planned: bool


CONTRACT = Contract(
    Stay, Quantity("stay", unit="days", lower=0), key="patient", event_time="admitted", log_key=True
)
