"""Habits to drop in prose: phrases that pages, messages, help, docstrings and comments do not contain."""

import re

import pytest

from tests.helpers.prose import Passage, of_source, passages

# Each habit with the plain English in its place.
HABITS = {
    r"(who|what|which)ever": "name the callers, users, processes or things",
    r"(no|some|any|every)body": "name the callers, users or processes",
    r"(?<!there )(is|are|was|were) no(ne)?(?! longer| more)": "negate the verb: is not a, does not",
    r"(stands?|stood|lies?|lay) (in(?! for)|on|beside|behind|there)": "be in, be listed in, be stored in",
    r"way out": "fix",
    r"be had": "exist, be restored",
    r"go(es)? on": "continue, keep serving",
    r"told": "return, report, show",
    r"so late": "give the delay",
}
WRONG = re.compile("|".join(rf"\b(?:{habit})\b" for habit in HABITS), re.IGNORECASE)

# What a habit's pattern also matches without being one; this list only shrinks.
EXEMPT = (
    "is None",  # Python's value
    "is none",  # Jinja's
)


def wrong(passage: Passage) -> list[str]:
    "Return the phrases of a passage that are habits to drop."
    text = passage.text
    for exempt in EXEMPT:
        text = re.sub(rf"\b{exempt}\b", "", text)
    return [match[0] for match in WRONG.finditer(" ".join(text.split()))]


def test_no_habit_is_left():
    found = {passage.place: habits for passage in passages() if (habits := wrong(passage))}
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        '"Whoever asks."',
        "# nobody knows",
        'raise BadInput(f"{path} is no bundle: {reason}")',
        '"The settings stand\\nin the file."',
        '"Each with the way out."',
    ],
)
def test_a_habit_is_found_in_strings_and_comments(text: str):
    assert [habit for passage in of_source("module.py", text) for habit in wrong(passage)] != []


@pytest.mark.parametrize(
    "text", ['"There is no step."', "# it is no longer used", '"It stands in for a volume."', "nobody = None"]
)
def test_plain_english_and_names_pass(text: str):
    assert [habit for passage in of_source("module.py", text) for habit in wrong(passage)] == []
