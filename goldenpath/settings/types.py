"""What a setting may hold: each text of settings.ini is parsed once, here, into the value that travels."""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from goldenpath.settings.rules import ThresholdRule, parse_floors, parse_threshold
from goldenpath.tables.split import DateSplit, HashSplit, parse_split


def _from_text(parse: Callable[[str], Any]) -> BeforeValidator:
    "Parse a text; a value that is parsed already stays as it is."
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def _comma_list(text: str) -> tuple[str, ...]:
    "Read `a, b` as a tuple. Raises ValueError for a name that is there twice."
    words = tuple(part.strip() for part in text.split(",") if part.strip())
    twice = next((word for word in words if words.count(word) > 1), None)
    if twice:
        raise ValueError(f"{twice} is there twice")
    return words


def _with_tcp_number(listen: str) -> str:
    if int(listen.rpartition(":")[2]) > 65_535:
        raise ValueError("TCP numbers end at 65535")
    return listen


def _http(address: str) -> str:
    "Check a URL. Raises ValueError if no request could be sent to it."
    parts = urlsplit(address)
    if address and not (parts.scheme in ("http", "https") and parts.hostname):
        raise ValueError("it does not begin with http:// or https:// and a host")
    _ = parts.port  # raises ValueError for anything but numbers up to 65535
    return address


Floor = Literal["roc_auc", "average_precision", "recall", "precision", "f1", "slice_recall"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=40)]
CommaList = Annotated[tuple[str, ...], _from_text(_comma_list)]
Floors = Annotated[dict[Floor, Share], _from_text(parse_floors)]
Split = Annotated[HashSplit | DateSplit, _from_text(parse_split)]
ThresholdSetting = Annotated[ThresholdRule, _from_text(parse_threshold)]
HttpUrl = Annotated[str, AfterValidator(_http)]
Listen = Annotated[
    str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5}$"), AfterValidator(_with_tcp_number)
]
