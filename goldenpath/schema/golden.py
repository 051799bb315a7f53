"""Golden rows: records made from the contract alone that prove a model by scikit-learn's own answers.

They are drawn, never copied from people, so they may travel with a version.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from goldenpath.errors import BadInput
from goldenpath.records import Frozen
from goldenpath.schema.fields import EXACT_INTEGER, TEXT_LENGTH, FieldSpec, day
from goldenpath.schema.spec import ContractSpec
from goldenpath.schema.targets import Decide, TargetSpec

JsonValue = str | bool | int | float | None  # values of JSON

POOL = 5_000  # records to choose from
KEPT = 96  # golden rows of a version: proven again at every load, in about a millisecond
SPAN = 2_000.0  # a number with an open end is drawn this far from the other; with two, around 0
YEARS = (10_957.0, 21_915.0)  # a date without bounds: 2000-01-01 to 2030-01-01
_EMPTY = 0.1  # share of the drawn values of an optional field that are empty
CLOSE = 1e-5  # of the threshold: rounding alone could turn such a label, on another machine
INSIDE = 1e-6  # of the range: how far an excluded bound is kept away from
WORDS = ("a", "some words", "ÄÖÜ é ß", "0", " ", "-")


class Golden(Frozen):
    """Records, and scikit-learn's answers to them: the content of a version's `golden.json`.

    Scores are raw, before any calibration; labels are those that the version answers. One of `probability`,
    `probabilities` and `values` is filled, by the task; the file leaves the others out.
    """

    records: list[dict[str, JsonValue]]
    probability: list[float] = Field([])  # of the positive class, one for each record
    label: list[bool] = Field([])  # True: positive
    probabilities: list[list[float]] = Field([])  # of each class
    values: list[float] = Field([])

    @property
    def scores(self) -> NDArray[np.float64]:
        "Return what scikit-learn answered: (n,), or (n, k) for classes."
        return np.array(self.probability or self.probabilities or self.values, dtype=np.float64)

    def fits(self, target: TargetSpec) -> bool:
        "Check that each record has one answer of the target's task, and nothing else is stored."
        stored = {name: value for name, value in dict(self).items() if value and name != "records"}
        rows = [len(answers) for answers in stored.values()]
        widths = {len(answer) for answer in self.probabilities}
        return (
            tuple(stored) == target.golden and set(rows) == {len(self.records)} and widths <= {target.width}
        )

    @model_serializer(mode="wrap")
    def _without_empty(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in dump(self).items() if value or name == "records"}


@dataclass(frozen=True)
class Pool:
    "Records to choose golden rows from."

    target: TargetSpec
    records: list[dict[str, JsonValue]]
    corners: int  # so many at the start hold every level and border of the contract


def pool(spec: ContractSpec, n: int = POOL, seed: int = 0) -> Pool:
    "Generate valid records: first every category and border, then n random ones; the same for one seed."
    rng = np.random.default_rng(seed)
    edges = {field.name: corners(field) for field in spec.fields}
    most = max(map(len, edges.values()))
    columns = {
        field.name: turned(edges[field.name], most, rng) + draw(field, n, rng) for field in spec.fields
    }
    rows = zip(*columns.values(), strict=True)
    return Pool(spec.target, [dict(zip(columns, row, strict=True)) for row in rows], most)


def turned(values: list[JsonValue], count: int, rng: np.random.Generator) -> list[JsonValue]:
    "Repeat the values from a random start, so that corners of different fields meet by chance."
    start = int(rng.integers(len(values)))
    return [values[(start + place) % len(values)] for place in range(count)]


def corners(field: FieldSpec) -> list[JsonValue]:
    "Every level, both ends of a range, the shortest and longest text, and nothing where that is allowed."
    nothing: list[JsonValue] = [None] if field.optional else []
    if field.kind == "level":
        return [*field.levels, *nothing]
    if field.kind == "text":
        return [*words(field), *nothing]
    if field.kind == "boolean":
        return [False, True, *nothing]
    return [json_number(field, end) for end in number_ends(field)] + nothing


def words(field: FieldSpec) -> list[str]:
    "Return a few texts within the field's length."
    longest = field.max_length or TEXT_LENGTH
    return [*(word for word in WORDS if len(word) <= longest), "x" * longest]


def draw(field: FieldSpec, n: int, rng: np.random.Generator) -> list[JsonValue]:
    "n values of one field: levels evenly; numbers over the whole range, half of them near its start."
    if field.kind in ("level", "text", "boolean"):
        values = [value for value in corners(field) if value is not None]
        drawn: list[JsonValue] = [values[place] for place in rng.integers(len(values), size=n)]
    else:
        low, high = number_ends(field)
        share = rng.random(n) ** np.where(np.arange(n) % 2, 4, 1)
        numbers = np.clip(low + share * (high - low), low, high)
        drawn = [json_number(field, float(number)) for number in numbers]
    empty = rng.random(n) < (_EMPTY if field.optional else 0)
    return [None if gone else value for value, gone in zip(drawn, empty, strict=True)]


def number_ends(field: FieldSpec) -> tuple[float, float]:
    "Return the first and the last number to generate: the bounds, a little inside if they are excluded."
    low, high = outer_ends(field)
    if field.kind == "number":
        step = (high - low) * INSIDE
        return low + step * field.lower_open, high - step * field.upper_open
    first = np.floor(low) + 1 if field.lower_open else np.ceil(low)
    last = np.ceil(high) - 1 if field.upper_open else np.floor(high)
    return float(max(first, -EXACT_INTEGER)), float(min(last, EXACT_INTEGER))


def outer_ends(field: FieldSpec) -> tuple[float, float]:
    "Return the bounds, with a plausible number for a missing one."
    if field.lower is not None:
        return field.lower, field.lower + SPAN if field.upper is None else field.upper
    if field.upper is not None:
        return field.upper - SPAN, field.upper
    return YEARS if field.kind == "date" else (-SPAN / 2, SPAN / 2)


def json_number(field: FieldSpec, number: float) -> JsonValue:
    "Return a random number as JSON contains it, with at most six digits, as in people's tables."
    if field.kind == "date":
        return day(round(number)).isoformat()
    if field.kind == "integer":
        return round(number)
    low, high = number_ends(field)
    return float(min(max(float(f"{number:.6g}"), low), high))


def golden_of(
    pool: Pool,
    chosen: list[int],  # positions of the records
    scores: NDArray[np.float64],  # scikit-learn's, one (or k for classes) for each record of the pool
    threshold: float | None,  # of a binary target
    decide: Decide,  # the model's own
    decisive: NDArray[np.float64] | None = None,  # the pool's calibrated scores; None: the same
) -> Golden:
    "Keep the chosen records with their answers. Raises BadInput without any: nothing could verify the model."
    if not chosen:
        raise BadInput(
            f"the model answers every record with {undecided(threshold)}, so nothing could prove it "
            "when it is loaded; train on rows that tell the outcomes apart"
        )
    codes = pool.target.decide((scores if decisive is None else decisive)[chosen], threshold, decide)
    stored = pool.target.stored(scores[chosen], codes)
    return Golden(records=[pool.records[place] for place in chosen], **stored)


def undecided(threshold: float | None) -> str:
    "Name the answer that decides nothing."
    return "equal probabilities" if threshold is None else f"its threshold ({threshold:.6g})"


def largest_difference(scores: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    "Return the largest difference of each record's scores: (n,)."
    return np.asarray(np.abs(scores - others).reshape(len(scores), -1).max(axis=1))
