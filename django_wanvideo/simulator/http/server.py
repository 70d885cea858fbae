"""The listening socket: one thread per connection, none of which outlives the simulator."""

from __future__ import annotations

import http.server
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .connection import Handler
from .journal import logger

if TYPE_CHECKING:
    from .core import Simulator


class Server(http.server.ThreadingHTTPServer):
    """Accepts connections and knows them, so that none outlives the simulator."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], sim: Simulator) -> None:
        self.sim = sim
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Bind without asking a name server for the host's name, as the base class does."""
        super(http.server.HTTPServer, self).server_bind()
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection and serve it in a thread."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection and close it."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Close every connection that is still open, whatever it is doing."""
        with self._lock:
            connections = tuple(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is no error; anything else is logged with its traceback."""
        logger.exception("The simulator failed to serve %s", client_address)
