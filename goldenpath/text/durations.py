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


def seconds_in_words(seconds: float) -> str:
    "Return a length of time that is about right: 12 s, 3 min, 2 h 5 min."
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
