"""Long work says how far it is."""

import io
import sys

import pytest

from goldenpath.tables import progress
from goldenpath.tables.progress import Pace, Standing, counted, shown_files
from goldenpath.text.durations import seconds_in_words


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_that_takes_names_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert list(counted(range(3), "reading the versions of [bold]\x1b")) == [0, 1, 2]
    shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "reading the versions of [bold]\\x1b" in shown
    assert "3/3" in shown


def test_a_log_gets_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 60, 4))  # seconds
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    assert len(list(counted(range(8), "deleting"))) == 8
    assert capsys.readouterr().err.splitlines() == ["deleting: 2 of 8", "deleting: 5 of 8"]


def test_nothing_to_do_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(counted([], "deleting")) == []
    assert capsys.readouterr().err == ""


def test_files_in_parallel_are_shown_by_bytes_with_speed_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 1000, 15))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    results = [(2, 600), (0, 100), (1, 300)]  # place and rows
    assert list(shown_files(iter(results), "scoring", [10, 30, 60], lambda rows: rows)) == results
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first.startswith("scoring 1 of 3 files: 60%, 600 rows, ")
    assert "/s, " in first
    assert first.endswith(" s left")
    assert last.startswith("scoring 3 of 3 files: 100%, 1,000 rows, ")
    assert last.endswith(", 0 s left")


def test_the_time_left_is_that_of_the_file_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 10.0, 20.0, 60.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(moments))
    pace = Pace()
    assert pace.after(Standing("a", "a", 0.5, 1_000)) == "1,000 rows, 100/s, 10 s left in this file"
    assert pace.after(Standing("a", "a", 0.9, 1_000)) == "2,000 rows, 100/s, 2 s left in this file"
    assert pace.after(Standing("b", "b", 0.25, 1_000)) == "3,000 rows, 50/s, 2 min left in this file"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (5_900, "98 min"), (7_500, "2 h 5 min")],
)
def test_lengths_of_time_in_words(seconds: float, words: str) -> None:
    assert seconds_in_words(seconds) == words
