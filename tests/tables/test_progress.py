"""Long work says how far it is."""

import io
import sys

import pytest

from goldenpath.tables import progress
from goldenpath.tables.progress import counted


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
