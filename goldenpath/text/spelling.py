"""The known word that a mistyped one was probably meant to be."""

import difflib
from collections.abc import Iterable


def nearest_word(word: str, choices: Iterable[str]) -> str | None:
    "Return the closest known word, or None; capitals and outer blanks do not count."
    words = {_folded(name): name for name in reversed(list(choices))}
    close = difflib.get_close_matches(_folded(word), list(words), n=1)
    return words[close[0]] if close else None


def nearest(word: str, choices: Iterable[str]) -> str:
    "Return `; did you mean 'x'?` for the closest known word, or nothing."
    close = nearest_word(word, choices)
    return "" if close is None else f"; did you mean '{close}'?"


def _folded(word: str) -> str:
    return word.strip().casefold()
