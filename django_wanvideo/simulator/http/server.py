"""The listening socket: one thread per connection, none of which outlives the simulator."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from django_wanvideo.simulator.journal import logger

from .messages import CLIENT_LEFT

if TYPE_CHECKING:
    from collections.abc import Callable

    from .app import App

#: An idle connection is closed after this many seconds.
IDLE = 75.0


class Handler(WSGIRequestHandler):
    """One connection, kept open between requests as EvoLink's are, which the base class never does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Headers and a small body leave in one packet.
    wbufsize = 64 * 1024
    timeout = IDLE
    server: Server

    def run_wsgi(self) -> None:
        """Answer one request; the application has read all of its body."""
        body = self.server.app(self.make_environ(), self._start_response)
        try:
            for data in body:
                self.wfile.write(data)
                self.wfile.flush()
        except CLIENT_LEFT:
            self.close_connection = True
        finally:
            body.close()

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        code, _, reason = status.partition(" ")
        self.send_response_only(int(code), reason)
        self.send_header("Server", "evolink-simulator")
        self.send_header("Date", self.date_time_string())
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in headers:
            # A "Connection: close" among them ends the connection after this answer.
            self.send_header(name, value)
        self.end_headers()
        return self.wfile.write

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  (the base class's name)
        """Silent: the journal says it better."""

    def finish(self) -> None:
        with suppress(*CLIENT_LEFT, ValueError):
            super().finish()


class Server(ThreadedWSGIServer):
    """Accepts connections and knows them, so that none outlives the simulator; OSError when the port is taken."""

    block_on_close = False
    app: App

    def __init__(self, host: str, port: int, app: App) -> None:
        self._open: set[socket.socket] = set()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family, backlog=256) as listener:
            # Given an address, the base class would print a text and end the process when the port is taken.
            super().__init__(host, port, app, Handler, fd=listener.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """Stop accepting, and close every connection that is still open, whatever it is doing."""
        with suppress(OSError):
            # Wakes the accepting thread, which would else look up after its poll interval only.
            self.socket.shutdown(socket.SHUT_RDWR)
        self.shutdown()
        self.server_close()
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log with its traceback what is an error; a client that left is none."""
        logger.exception("The simulator failed to serve %s", client_address)
