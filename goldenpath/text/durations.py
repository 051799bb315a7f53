"""Lengths of time as people write them: 7d, 12h, 30m."""

from datetime import timedelta

MOST_DIGITS = 5  # 99999d are 273 years
DURATION_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def parse_duration(text: str) -> timedelta:
    "Read days, hours or minutes. Raises ValueError that says what is wrong."
    unit = DURATION_UNITS.get(text[-1:])
    if unit is None or not (text[:-1].isascii() and text[:-1].isdigit()):
        raise ValueError(f"{text!r} is not a time such as 7d, 12h or 30m")
    digits = text[:-1].lstrip("0") or "0"
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"{text!r} is longer than a time may be; at most {'9' * MOST_DIGITS}{text[-1]}")
    return timedelta(**{unit: int(digits)})
