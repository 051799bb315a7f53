"""Small records that several packages share, and the base of all of them."""

from typing import Any, Literal

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

# (n,) by column: object (str, "" = missing) or float64 (NaN = missing)
Columns = dict[str, NDArray[Any]]


class Frozen(BaseModel):
    "A value that travels between functions and into JSON: immutable, unknown keys refused."

    model_config = ConfigDict(frozen=True, extra="forbid")


class Layout(Frozen):
    "The columns that the fitted pipeline takes, in order: one text tensor and one number tensor."

    text: tuple[str, ...]
    number: tuple[str, ...]


class Latency(Frozen):
    "Percentiles of single calls, in seconds."

    p50: float
    p95: float
    p99: float


class FastPathRecord(Frozen):
    "What is known of the compiled model, and why."

    status: Literal["proven", "unproven", "refused", "absent"]
    reason: str  # one line; "" where proven
    rows: int = 0  # held-out rows on which both paths were compared
    max_difference: float | None = None  # largest difference of probability on them
