"""Servers that are not there, in every way in which a server can be not there."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


def free_port() -> int:
    """Returns a port of loopback on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def silent_server() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


class Gate:
    """Stands before a server, and can fail.

    Attributes:
        address: Of the gate.
        num_requests: How many came.
        fails_at: Requests of addresses with this in them fail too; empty has none fail by it.
        open_for: After so many requests it fails.
        fails_by: "refusing" breaks the connection, "hanging" never answers, "answered" does what was asked and then
            breaks the connection; a number is the status that it answers with.
    """

    def __init__(self, server: str | None):
        self.num_requests, self.open_for = 0, 1_000_000
        self.fails_at = ""
        self.fails_by: str | int = "refusing"
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self._behind = None if server is None else urlsplit(server)
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if self.raw_requestline and self.parse_request():
                    gate._answer(self)
                else:
                    self.close_connection = True

            def log_message(self, *arguments: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *arguments: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.num_requests += 1
        self.requests.append((handler.command, handler.path))
        self.headers.append(dict(handler.headers))
        fails = self.num_requests > self.open_for or (bool(self.fails_at) and self.fails_at in handler.path)
        if fails and self.fails_by == "hanging":
            time.sleep(60)
        if fails and self.fails_by in ("refusing", "hanging"):
            return
        if fails and isinstance(self.fails_by, int):
            handler.send_response(self.fails_by)
            handler.send_header("Content-Length", "2")
            handler.end_headers()
            handler.wfile.write(b"no")
            return
        assert self._behind is not None
        behind = http.client.HTTPConnection(str(self._behind.hostname), self._behind.port)
        headers = {key: value for key, value in handler.headers.items() if key.lower() != "host"}
        behind.request(handler.command, handler.path, body, headers)
        answer = behind.getresponse()
        content = answer.read()
        behind.close()
        if fails:  # "answered"
            return
        handler.send_response(answer.status)
        handler.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


@contextmanager
def gate(server: str | None = None) -> Iterator[Gate]:
    """Opens a gate before a server, or before nothing."""
    one = Gate(server)
    try:
        yield one
    finally:
        one.close()
