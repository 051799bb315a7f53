"""The ports that programs listen on."""

import socket

import pytest

from goldenpath import programs


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
