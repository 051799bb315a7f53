"""A small proxy that shows a server below a path prefix, as a workbench does."""

import contextlib
import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.helpers.patience import LONG

HOP = {"connection", "transfer-encoding", "keep-alive"}


@contextlib.contextmanager
def below(prefix: str, target: str) -> Iterator[str]:  # the address of the prefixed root
    "`target` (host:port) as seen below `prefix`; whatever is asked outside of it is a 404."

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            if not self.path.startswith(prefix):
                self.send_error(404)
                return
            length = int(self.headers.get("Content-Length", 0))
            upstream = http.client.HTTPConnection(target, timeout=LONG)
            upstream.request(
                self.command,
                self.path.removeprefix(prefix) or "/",
                self.rfile.read(length),
                dict(self.headers),
            )
            reply = upstream.getresponse()
            body = reply.read()
            self.send_response(reply.status)
            for name, value in reply.getheaders():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            upstream.close()

        do_GET = do_POST = answer

        def log_message(self, *args: object) -> None:
            "Nothing."

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{prefix}/"
    finally:
        server.shutdown()
        server.server_close()
