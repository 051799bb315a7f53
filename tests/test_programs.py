"""The ports that programs listen on."""

import os
import signal
import socket
from pathlib import Path

import pytest

from goldenpath import programs
from tests.helpers.patience import wait_until


def test_a_client_never_gets_a_port_that_was_offered_to_a_program() -> None:
    low, high = map(int, programs._CLIENT_PORTS.read_text().split())
    ports = programs.free_ports(50)
    assert len(set(ports)) == 50
    assert not [port for port in ports if low <= port <= high]


def test_a_port_that_is_in_use_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    [taken, free] = programs.free_ports(2)
    monkeypatch.setattr(programs, "_listening", lambda: [taken, free])
    monkeypatch.setattr(programs, "_ENOUGH", 2)
    with socket.create_server(("127.0.0.1", taken)):
        assert programs.free_ports(1) == [free]


def test_a_program_that_does_not_end_when_asked_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_ENDS_WITHIN", 0.1)
    stubborn = 'trap "" TERM; sleep 300 & echo $!; wait'
    log = tmp_path / "log"
    with (
        log.open("wb") as output,
        programs.running(["sh", "-c", stubborn], tmp_path, os.environ, output) as program,
    ):
        child = int(wait_until(log.read_text))
        assert is_alive(child)
    assert program.returncode == -signal.SIGKILL
    wait_until(lambda: not is_alive(child))


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_the_last_line_is_the_last_that_is_not_blank() -> None:
    assert programs.last_line("one\n two \n\n  \n") == "two"
    assert programs.last_line(" \n") == "it printed nothing"
