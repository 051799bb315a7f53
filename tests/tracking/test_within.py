"""What a mirror costs a step if the server does not answer, and what it says then."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from goldenpath.programs import free_ports, is_alive
from goldenpath.runs.run import Run
from goldenpath.tracking import within
from goldenpath.tracking.address import NO_CLIENT
from tests.helpers.mlflow_server import answering
from tests.helpers.patience import wait_until
from tests.helpers.trained_run import settings_for


@contextmanager
def hanging() -> Iterator[str]:
    "Take connections, and never say anything."
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://ada:s3cret@127.0.0.1:{listener.getsockname()[1]}"


def test_without_an_address_nothing_is_said(tmp_path, capsys):
    within.mirror_within(settings_for(tmp_path), "latest")
    assert capsys.readouterr() == ("", "")


def test_a_server_that_hangs_or_refuses_is_one_line_without_its_password(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(within, "find_spec", lambda name: True)
    monkeypatch.setattr(within, "_PROBING", 0.2)
    with hanging() as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        within.mirror_within(settings_for(tmp_path), "latest")
    refusing = f"http://ada:s3cret@127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", refusing)
    monkeypatch.setattr(within, "_PROBING", 60.0)
    within.mirror_within(settings_for(tmp_path), "latest")
    hung, refused = capsys.readouterr().err.splitlines()
    assert "it did not answer in time; `goldenpath mlflow sync` makes up for it" in hung
    assert "the connection was refused; `goldenpath mlflow sync` makes up for it" in refused
    assert "s3cret" not in hung + refused


def test_a_client_that_is_not_installed_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(within, "find_spec", lambda name: None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    within.mirror_within(settings_for(tmp_path), "latest")
    assert capsys.readouterr().err == f"not mirrored: {NO_CLIENT}; {within.LATER}\n"


def test_a_fault_of_the_mirror_stops_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(within, "find_mlflow", lambda: 1 / 0)
    within.mirror_within(settings_for(tmp_path), "latest")
    assert "not mirrored: ZeroDivisionError" in capsys.readouterr().err


def test_five_seconds_are_for_all_of_it():
    assert within._PROBING < within.MIRROR_SECONDS == 5


LOADING_FOREVER = """
import os, pathlib, time
pathlib.Path(os.environ["NOTE"]).write_text(str(os.getpid()))
time.sleep(300)
"""


def test_a_client_that_is_still_being_loaded_is_ended_too(tmp_path, monkeypatch):
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "__init__.py").write_text(LOADING_FOREVER)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("NOTE", str(tmp_path / "pid"))
    with answering(200) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        monkeypatch.setattr(within, "_wait", lambda program, end: _wait_once_noted(tmp_path / "pid", program))
        fault = within.call_within(settings_for(tmp_path), "status")
    assert fault == f"MLflow at {uri}: 5 s were not enough for everything"
    assert not is_alive(int((tmp_path / "pid").read_text()))


def _wait_once_noted(note, program, wait=within._wait):
    "Let the time be over as soon as the client is being loaded, so that no clock decides."
    wait_until(lambda: note.exists() and note.read_text())
    return wait(program, 0.0)


@pytest.mark.parametrize("reply", [b"", b"what?\r\n\r\n", b"HTTP/1.1 999999\r\n\r\n"])
def test_a_server_that_speaks_no_http_is_no_traceback(reply):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(reply)

        thread = Thread(target=answer, daemon=True)
        thread.start()
        assert within.why_silent(f"http://127.0.0.1:{listener.getsockname()[1]}") == ""
        thread.join()


@pytest.mark.parametrize("code", [200, 401, 403, 404, 500, 503])
def test_a_server_that_answers_with_an_error_is_left_to_its_client(code):
    with answering(code) as uri:
        assert within.why_silent(uri) == ""


# A run whose end no step of it could mirror


@pytest.fixture
def mirrored(monkeypatch) -> list[tuple[str, ...]]:
    "Return what was mirrored in place of doing it."
    calls: list[tuple[str, ...]] = []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr(within, "_DYING", 0.0)
    monkeypatch.setattr(within, "mirror_within", lambda settings, *words: calls.append(words))
    return calls


@pytest.mark.parametrize(
    ("status", "values", "expected"),
    [
        ("running", {"host": "elsewhere"}, []),  # it may still work
        ("running", {"pid": 2**22 + 1}, [("R",)]),  # no process has such a number
        ("failed", {"reason": "ValueError: x"}, []),  # the step has done it
        ("done", {}, []),
    ],
)
def test_a_killed_step_is_mirrored_by_the_program_that_started_it(
    tmp_path, mirrored, status, values, expected
):
    with within.mirrored_end(settings_for(tmp_path), tmp_path / "R"):
        Run("R", tmp_path / "R", "05_train").note(status, **values)
    assert mirrored == expected


def test_also_if_that_program_is_interrupted(tmp_path, mirrored):
    Run("R", tmp_path / "R", "05_train").note("running", pid=2**22 + 1)
    with pytest.raises(KeyboardInterrupt), within.mirrored_end(settings_for(tmp_path), tmp_path / "R"):
        raise KeyboardInterrupt
    assert mirrored == [("R",)]


def test_without_an_address_the_end_is_not_even_looked_for(tmp_path, mirrored, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with within.mirrored_end(settings_for(tmp_path), tmp_path / "R"):
        Run("R", tmp_path / "R", "05_train").note("running", pid=2**22 + 1)
    assert mirrored == []
