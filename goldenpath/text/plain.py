"""What people and files say is shown as text: no markup, no control code, no line that they made up."""

import re
import sys

# Control characters, those that turn the direction of writing or begin a line, and bytes that are not text.
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: object) -> str:
    "Escape each character, such as `\\x1b`, that a terminal would obey instead of show."
    return UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), str(text))


def one_line(text: object) -> str:
    "Escape line breaks and tabs as well, so that no text can pass for a line of its own."
    return plain(re.sub(r"[ \t]*[\r\n\t]\s*", " ", str(text)))


def say(text: object) -> None:
    "Print one line of progress, warning or error on stderr."
    print(one_line(text), file=sys.stderr, flush=True)


def put(text: object) -> None:
    "Print one line of the result on stdout."
    print(one_line(text), flush=True)
