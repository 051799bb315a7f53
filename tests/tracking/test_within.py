"""What a mirror costs a step if the server does not answer, and what it says then."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from goldenpath.programs import free_ports
from goldenpath.tracking import within
from goldenpath.tracking.address import NO_CLIENT
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


def test_the_whole_of_it_is_at_most_five_seconds():
    assert within._PROBING + within._WORKING == 5
