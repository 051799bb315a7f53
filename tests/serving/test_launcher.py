"""The web servers as the launcher makes them, before they serve: limits, and what signals do."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from granian.server.mp import MPServer
from gunicorn.arbiter import Arbiter

from goldenpath.errors import BadInput
from serving.launcher import Draining, check_start, launch
from tests.helpers.serving_app import settings_of

Made = tuple[Any, Draining]
Make = Callable[..., Made]


@pytest.fixture
def granian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    "Return what makes a granian that does not start, and its flag."
    return maker(tmp_path, monkeypatch, MPServer, "serve")


@pytest.fixture
def gunicorn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setattr("serving.launcher.installed", lambda package: package == "gunicorn")
    return maker(tmp_path, monkeypatch, Arbiter, "run")


def maker(home: Path, monkeypatch: pytest.MonkeyPatch, kind: type, start: str) -> Make:
    def make(**settings: Any) -> Made:
        made: list[Any] = []
        monkeypatch.setattr(kind, start, lambda self, **options: made.append(self))
        draining = Draining()
        launch(settings_of(home, **settings), cast(Any, None), draining)
        return made[0], draining

    return make


def test_headers_must_arrive_in_time_and_places_and_grace_are_those_of_the_settings(granian: Make) -> None:
    server, _ = granian(workers=3, max_in_flight=5, grace_seconds=7)
    assert server.http1_settings.header_read_timeout == 10_000  # milliseconds, as docs/server.md says
    assert server.http1_settings.max_buffer_size == 32_768
    assert (server.workers, server.workers_kill_timeout) == (3, 7)
    assert server.blocking_threads > 5  # so that health answers when every place is taken
    assert server.respawn_failed_workers


def test_a_worker_that_is_stopped_while_it_starts_ends(granian: Make) -> None:
    server, draining = granian()

    def start() -> None:
        server.signal_handler_interrupt(signal.SIGTERM, None)  # as a forked process inherits it
        os._exit(7)

    worker = multiprocessing.get_context("fork").Process(target=start)
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    assert not draining()


class DeafOnce:
    "A worker that misses the first signal."

    idx = 0

    def __init__(self) -> None:
        self.signals, self.ended = 0, threading.Event()

    def is_alive(self) -> bool:
        return not self.ended.is_set()

    def terminate(self) -> None:
        self.signals += 1
        if self.signals > 1:
            self.ended.set()

    def join(self, seconds: float | None) -> None:
        self.ended.wait(seconds)

    def kill(self) -> None:
        raise AssertionError("it would have ended")


def test_a_worker_that_missed_the_signal_gets_it_again(granian: Make) -> None:
    server, _ = granian()
    worker = DeafOnce()
    server.wrks = [worker]
    server._stop_workers()
    assert worker.signals == 2


def test_a_hangup_replaces_no_worker(granian: Make) -> None:
    server, draining = granian()
    server.signal_handler_reload(signal.SIGHUP, None)
    assert not server.reload_signal
    assert not server.main_loop_interrupt.is_set()
    assert not draining()


def test_a_hangup_replaces_no_worker_of_gunicorn(gunicorn: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    reloads: list[str] = []
    monkeypatch.setattr(Arbiter, "reload", lambda self: reloads.append("reloaded"))
    server, draining = gunicorn()
    server.handle_hup()
    assert not reloads
    assert not draining()


def test_gunicorn_gets_an_ipv6_address_in_brackets(gunicorn: Make) -> None:
    server, _ = gunicorn(listen="[::1]:8080")
    assert server.cfg.address == [("::1", 8080)]


def test_ctrl_c_does_not_drain_under_gunicorn_either(gunicorn: Make) -> None:
    server, draining = gunicorn(drain_seconds=30)
    server.stop(False)
    assert draining()  # what stops it after that finds that it has drained


def test_a_server_does_not_start_open_because_a_variable_is_misspelt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path, listen="127.0.0.1:0")
    check_start(settings)
    monkeypatch.setenv("GOLDENPATH_TOKENS", str(tmp_path / "tokens"))
    with pytest.raises(BadInput, match="GOLDENPATH_TOKENS_FILE protects the server; correct its name"):
        check_start(settings)
