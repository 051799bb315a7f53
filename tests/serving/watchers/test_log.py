"""The log of requests: errors always, good ones by share, and what did not fit is counted."""

from pathlib import Path

import pytest

from goldenpath.settings import Settings
from serving.observing import Observer
from serving.trace import Seen
from serving.watchers import log
from serving.watchers.log import lines_written, request_log
from tests.helpers.serving_app import models_of


def seen(status: int) -> Seen:
    return Seen(0.0, "one", "POST", "/predict", status, 0.001, None, "")


@pytest.mark.parametrize(("share", "lines"), [(0.0, 2), (1.0, 3)])
def test_errors_get_a_line_whatever_the_share_of_good_requests(share: float, lines: int) -> None:
    waiting = lines_written()
    sink = request_log(waiting, share)
    for status in (200, 422, 500):
        sink(seen(status))
    assert len(waiting) == lines


def test_a_server_that_logs_no_good_requests_still_logs_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    observer = Observer(Settings(log_sample=0, metrics=False), models_of(tmp_path))
    for sink in observer.sinks:
        sink(seen(200))
        sink(seen(503))
    observer._queues[0].drain()
    [line] = capsys.readouterr().out.splitlines()
    assert '"status":503' in line


def test_lines_that_did_not_fit_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "WAITING", 0)
    observer = Observer(Settings(metrics=False), models_of(tmp_path))
    observer.sinks[0](seen(200))
    assert [(queue.name, queue.dropped) for queue in observer._queues if queue.name == "log"] == [("log", 1)]
