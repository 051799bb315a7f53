"""What settings.ini says about the evaluation, parsed once: the threshold's rule, and the floors of the gate.

With the standard library alone, because settings are read by every command.
"""

import re
from dataclasses import dataclass
from typing import Literal

_SHARE = re.compile(r"\d+\.?\d*|\.\d+", re.ASCII)


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


def parse_floors(text: str) -> dict[str, float]:
    "Read the setting `gate_floors` as {name: lowest value}. Raises ValueError that says what is wrong."
    floors: dict[str, float] = {}
    for part in filter(str.strip, text.split(",")):
        name, sign, lowest = (word.strip() for word in part.partition(">="))
        if not sign:
            raise ValueError(f"'{name}' has no >=")
        if name in floors:
            raise ValueError(f"{name} is there twice")
        floors[name] = parse_share(lowest)
    return floors


def parse_share(text: str) -> float:
    "Parse a number from 0 to 1. Raises ValueError that names the problem."
    if not _SHARE.fullmatch(text.strip()):
        raise ValueError(f"'{text.strip()}' is not a number such as 0.8")
    if not 0 <= float(text) <= 1:
        raise ValueError(f"{text.strip()} is not from 0 to 1")
    return float(text)
