"""A contract of three classes, with a key; in a project for a server it takes the place of `contract.py`."""

from typing import Literal

from pydantic import Field

from goldenpath.schema.contract import Classes, Contract, Record


class Bottle(Record):
    "One bottle of wine."

    bottle: str | None = Field(None, max_length=20, description="Number on the label")
    colour: Literal["red", "white", "rosé"]
    alcohol: float = Field(ge=5, le=20, description="Per cent by volume")
    sugar: float | None = Field(None, ge=0, le=200)


CONTRACT = Contract(Bottle, Classes("grape", levels=("one", "two, or so", "drei")), key="bottle")
