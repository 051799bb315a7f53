"""What a setting may hold: each text of settings.ini is parsed once, here, into the value that travels."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from goldenpath.tables.split import SHARE, DateSplit, HashSplit, parse_split
from goldenpath.text.spelling import nearest

HOST = re.compile(r"\[[0-9a-fA-F:]+\]|[\w.-]+")
TCP_NUMBER = re.compile(r"\d{1,5}", re.ASCII)


@dataclass(frozen=True)
class ThresholdRule:
    "How the decision threshold is chosen on the validation rows."

    text: str  # as it was written
    kind: Literal["best_f1", "recall", "precision", "fixed"]
    value: float = 0.0  # the floor of recall or precision, or the fixed threshold; 0 to 1

    def __str__(self) -> str:
        return self.text


def parse_threshold(text: str) -> ThresholdRule:
    "Read the setting `threshold`. Raises ValueError that says what is wrong."
    text = text.strip()
    if text == "best_f1":
        return ThresholdRule(text, "best_f1")
    metric, sign, floor = text.partition(">=")
    if not sign:
        return ThresholdRule(text, "fixed", parse_share(text))
    match metric.strip():
        case "recall" | "precision" as kind:
            return ThresholdRule(text, kind, parse_share(floor))
    raise ValueError(f"'{metric.strip()}' is neither recall nor precision")


@dataclass(frozen=True)
class ChoiceRule:
    "How one of several candidates is chosen."

    text: str  # as it was written
    margin: float = 0.0  # how far below the best a faster candidate may be
    name: str = ""  # of the candidate, if one is named

    def __str__(self) -> str:
        return self.text


def parse_choice(text: str) -> ChoiceRule:
    "Read the setting `choose`. Raises ValueError that says what is wrong."
    text = text.strip()
    if text == "best":
        return ChoiceRule(text)
    if fastest := re.fullmatch(r"fastest within (\S+) of the best", text):
        return ChoiceRule(text, margin=parse_share(fastest[1]))
    if not text.isidentifier():
        raise ValueError("it is neither `best`, nor `fastest within 0.01 of the best`, nor a name")
    return ChoiceRule(text, name=text)


AT_LEAST = {  # metrics of each task from 0 to 1 of which more is better
    "binary": ("roc_auc", "average_precision", "recall", "precision", "f1", "specificity", "slice_recall"),
    "classes": (
        *("roc_auc_ovr", "balanced_accuracy", "accuracy", "slice_accuracy"),
        *("f1_macro", "precision_macro", "recall_macro"),
    ),
    "quantity": ("r2", "coverage"),
}
AT_MOST = {  # and of which less is better
    "binary": ("brier", "log_loss"),
    "classes": ("log_loss",),
    "quantity": ("mae", "rmse", "median_error", "slice_mae"),
}
LOWEST = tuple(name for names in AT_LEAST.values() for name in names)
HIGHEST = tuple(name for names in AT_MOST.values() for name in names)
AMOUNT = re.compile(r"\d+\.?\d*|\.\d+", re.ASCII)


def parse_floors(text: str) -> dict[str, float]:
    "Read the setting `gate_floors` as {name: limit}. Raises ValueError that names the problem."
    limits: dict[str, float] = {}
    for part in filter(str.strip, text.split(",")):
        name, limit = _parse_limit(part.strip())
        if name in limits:
            raise ValueError(f"{name} is there twice")
        limits[name] = limit
    return limits


def _parse_limit(part: str) -> tuple[str, float]:
    sign = "<=" if "<=" in part else ">="
    name, written, limit = (word.strip() for word in part.partition(sign))
    if not written:
        raise ValueError(f"'{name}' has no >= (or <=, if less is better)")
    if name not in LOWEST + HIGHEST:
        raise ValueError(f"'{name}' is not a metric{nearest(name, LOWEST + HIGHEST)}")
    right = ">=" if name in LOWEST else "<="
    if sign != right:
        better = "more" if name in LOWEST else "less"
        raise ValueError(f"of {name}, {better} is better: write {name}{right}{limit}")
    return name, parse_share(limit) if name in LOWEST else parse_amount(limit)


def metric_names() -> str:
    "List the metrics of each task that a limit may name."
    return "; ".join(f"{task}: {', '.join([*AT_LEAST[task], *AT_MOST[task]])}" for task in AT_LEAST)


def parse_amount(text: str) -> float:
    "Parse a number that is not negative. Raises ValueError that names the problem."
    if not AMOUNT.fullmatch(text.strip()):
        raise ValueError(f"'{text.strip()}' is not a number such as 12.5")
    return float(text)


def parse_share(text: str) -> float:
    "Parse a number from 0 to 1. Raises ValueError that names the problem."
    if not SHARE.fullmatch(text.strip()):
        raise ValueError(f"'{text.strip()}' is not a number such as 0.8")
    if not 0 <= float(text) <= 1:
        raise ValueError(f"{text.strip()} is not from 0 to 1")
    return float(text)


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


@dataclass(frozen=True)
class Address:
    "Where a server listens."

    text: str  # as it was written
    host: str  # without the brackets of an IPv6 address
    port: int

    def __str__(self) -> str:
        return self.text


def parse_listen(text: str) -> Address:
    "Read the setting `listen`. Raises ValueError that says what is wrong."
    host, _, port = text.rpartition(":")
    if not HOST.fullmatch(host) or not TCP_NUMBER.fullmatch(port):
        raise ValueError("it does not have the form ADDRESS:NUMBER")
    if int(port) > 65_535:
        raise ValueError("TCP numbers end at 65535")
    return Address(text, host.strip("[]"), int(port))


def _http(address: str) -> str:
    "Check a URL. Raises ValueError if no request could be sent to it."
    parts = urlsplit(address)
    if address and not (parts.scheme in ("http", "https") and parts.hostname):
        raise ValueError("it does not begin with http:// or https:// and a host")
    _ = parts.port  # raises ValueError for anything but numbers up to 65535
    return address


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=40)]
CommaList = Annotated[tuple[str, ...], _from_text(_comma_list)]
Floors = Annotated[dict[str, float], _from_text(parse_floors)]
Split = Annotated[HashSplit | DateSplit, _from_text(parse_split)]
ThresholdSetting = Annotated[ThresholdRule, _from_text(parse_threshold)]
Choice = Annotated[ChoiceRule, _from_text(parse_choice)]
HttpUrl = Annotated[str, AfterValidator(_http)]
Listen = Annotated[Address, _from_text(parse_listen)]
