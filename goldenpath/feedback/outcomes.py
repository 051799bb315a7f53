"""What came of an answer: the rules of one outcome, from a file or over HTTP, and how it is written."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from pydantic_core import to_json

from goldenpath.errors import BadInput
from goldenpath.schema.contract import Contract
from goldenpath.schema.fields import FieldSpec
from goldenpath.schema.targets import QuantitySpec, TargetSpec

FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LONGEST_ID = 100  # characters; that of a request has at most 64, and a batch adds the place
MOST_DIGITS_OF_KEY = 100  # of an integer; Python parses no more than 4,300
TIME_RULE = "must be a day or a time, such as 2026-11-28 or 2026-11-28T12:30:00Z"


OUTCOME_COLUMNS = ("id", "key", "time", "outcome", "known")  # of what is stored


class OutcomeRow(NamedTuple):
    "What came of one answer, or of the answers about one key."

    id: str  # of the answer; empty if the key says which
    key: str  # as JSON; empty if the id says which answer
    time: int | None  # UTC microseconds: the last answer of the key up to here; None: all that were given
    outcome: str | None  # None: known to be unknown, which takes an older one back
    known_at: int | None  # UTC microseconds; None: when it is taken in


@dataclass(frozen=True)
class OutcomeNames:
    "The names of the columns; a contract's own names for key and outcome do as well."

    key: str
    outcome: str
    id: str = "id"
    time: str = "time"
    known_at: str = "known"

    @property
    def all(self) -> tuple[str, ...]:
        "All names."
        return (self.id, self.key, self.time, self.outcome, self.known_at)


def outcome_names(contract: Contract, columns: tuple[str, ...]) -> OutcomeNames:
    "Find the columns among these. Raises BadInput if the outcome, or both id and key, are missing."
    key, target = contract.spec.key, contract.target.column
    names = OutcomeNames(
        key="key" if "key" in columns or not key else key,
        outcome="outcome" if "outcome" in columns else target,
    )
    if names.outcome not in columns:
        raise BadInput(f"column 'outcome' (or '{target}') is missing; found {', '.join(columns)}")
    if names.id not in columns and names.key not in columns:
        raise BadInput(f"column 'id' or 'key' is missing; found {', '.join(columns)}")
    return names


def read_outcome(contract: Contract, names: OutcomeNames, values: Mapping[str, Any]) -> OutcomeRow:
    "Check one row. Raises BadInput that says which value is wrong, without repeating it."
    name = _text(values.get(names.id)) or ""
    key = values.get(names.key)
    if not name and key in (None, ""):
        raise BadInput("needs the id of an answer, or a key")
    if len(name) > LONGEST_ID:
        raise BadInput(f"id must be text of at most {LONGEST_ID} characters")
    return OutcomeRow(
        id=name,
        key="" if name else _key(contract, key),
        time=None if name else _moment(values.get(names.time), names.time),
        outcome=outcome_text(contract.target, values.get(names.outcome)),
        known_at=_moment(values.get(names.known_at), names.known_at),
    )


def outcome_text(target: TargetSpec, value: Any) -> str | None:
    "Return an outcome as text, None for an unknown one. Raises BadInput if the contract does not allow it."
    text = _text(value)
    if text is None or text in target.unknown_outcomes:
        return None
    if isinstance(target, QuantitySpec):
        return repr(_number(target.field, text, target.rule))
    if text not in target.outcomes:
        raise BadInput(f"outcome must be {target.rule}")
    return text


def _number(field: FieldSpec, text: str, rule: str) -> float:
    try:
        number = math.nan if "_" in text else float(text)
    except ValueError:
        number = math.nan
    low = -math.inf if field.lower is None else field.lower
    high = math.inf if field.upper is None else field.upper
    if not (math.isfinite(number) and low <= number <= high):
        raise BadInput(f"outcome must be {rule}")
    return number


def _text(value: Any) -> str | None:
    "Return a cell as a CSV file would hold it; None if nothing is there."
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _key(contract: Contract, value: Any) -> str:
    field = next((field for field in contract.fields if field.name == contract.spec.key), None)
    if field is None:
        raise BadInput("key cannot be used, because the contract has none: give the id of the answer")
    return key_as_json(field, value)


def key_as_json(field: FieldSpec, value: Any) -> str:
    "Return a key as answers hold it. Raises BadInput if it does not keep the rule of its field."
    text = _text(value) or ""
    if field.kind != "integer":
        if len(text) > (field.max_length or len(text)):
            raise BadInput(f"key must be {field.rule}")
        return to_json(text).decode()
    digits = text.removeprefix("-")
    if isinstance(value, bool) or not digits.isdecimal() or len(digits) > MOST_DIGITS_OF_KEY:
        raise BadInput(f"key must be {field.rule}")
    return str(int(text))


def _moment(value: Any, name: str) -> int | None:
    "Return UTC microseconds; a day counts up to its end, a time without a zone is in UTC."
    if value in (None, ""):
        return None
    try:
        moment = value if isinstance(value, date) else datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise BadInput(f"{name} {TIME_RULE}") from None
    is_day = len(str(value).strip()) == len("2026-11-28") or not isinstance(moment, datetime)
    if is_day:
        moment = datetime.combine(moment, time.max)
    assert isinstance(moment, datetime)
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - FIRST_MOMENT) // MICROSECOND


def microseconds(moment: datetime) -> int:
    "Return a moment as UTC microseconds."
    return (moment - FIRST_MOMENT) // MICROSECOND


def outcome_lines(outcomes: list[OutcomeRow], now: datetime) -> bytes:
    "Write a line of JSON for each outcome, as they are kept."
    taken = microseconds(now)
    rows = [row if row.known_at is not None else row._replace(known_at=taken) for row in outcomes]
    return b"".join(to_json(dict(zip(OUTCOME_COLUMNS, row, strict=True))) + b"\n" for row in rows)
