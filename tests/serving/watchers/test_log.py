"""The log of requests: errors always, good ones by share, and what did not fit is counted."""

from pathlib import Path

import pytest

from serving.trace import Exchange
from serving.watchers import log
from serving.watchers.log import lines_written
from tests.helpers.serving_app import worker


def exchange(status: int) -> Exchange:
    return Exchange(0.0, "one", "POST", "/predict", status, 0.001, None, "")


@pytest.mark.parametrize(("share", "lines"), [(0.0, 2), (1.0, 3)])
def test_errors_get_a_line_whatever_the_share_of_good_requests(
    share: float, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = lines_written(share)
    for status in (200, 422, 500):
        waiting.offer(exchange(status))
    waiting.drain()
    assert len(capsys.readouterr().out.splitlines()) == lines


def test_a_server_that_logs_no_good_requests_still_logs_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = worker(tmp_path, log_sample=0.0).lines
    lines.offer(exchange(200))
    lines.offer(exchange(503))
    lines.drain()
    [line] = capsys.readouterr().out.splitlines()
    assert '"status":503' in line


def test_lines_that_did_not_fit_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "WAITING", 0)
    lines = worker(tmp_path, log_sample=1.0).lines
    lines.offer(exchange(200))
    assert (lines.name, lines.dropped) == ("log", 1)
