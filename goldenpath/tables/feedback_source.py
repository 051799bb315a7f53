"""A source that adds answered records: `feedback` alone, or `rows.csv + feedback`."""

import re

FEEDBACK = "feedback"
BESIDE_FILE = re.compile(rf"\s*\+\s*{FEEDBACK}\s*$")


def without_feedback(source: str) -> tuple[str, bool]:
    "Return what is read from elsewhere (`feedback` if nothing is), and whether answered records are added."
    if source.strip() == FEEDBACK:
        return FEEDBACK, True
    return BESIDE_FILE.sub("", source), bool(BESIDE_FILE.search(source))
