"""The time of a request to a deployed server: what stands at its address may be another program."""

import socket
import threading

import pytest

from goldenpath.measure.endpoint import time_endpoint
from tests.helpers.serving_app import settings_of


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b"[]", b'"1.0.0"'])
def test_what_is_not_a_goldenpath_server_leaves_a_note_instead_of_times(body: bytes, tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            caller, _ = listener.accept()
            with caller:
                caller.recv(4096)
                caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

        threading.Thread(target=answer, daemon=True).start()
        settings = settings_of(tmp_path, server_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        times = time_endpoint(settings, "1.0.0-x", [b"{}"], requests=1, within=1.0)
    assert times.one is None
    assert "http_s: " in times.notes[1]
    assert "answered with something else than a prediction" in times.notes[1]
