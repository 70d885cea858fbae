"""A server that takes whole requests in and then does one thing wrong, and counts the POSTs it took in."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What each fault answers after the whole request has been read; ``None`` is nothing.
_NGINX = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_ERROR = '{"error": {"code": "internal_error", "message": "Internal server error", "type": "server_error"}}'
ANSWERS: dict[str, tuple[str, str, str] | None] = {
    "answer lost": None,
    "502 of a proxy": ("502 Bad Gateway", "text/html", _NGINX),
    "500 JSON": ("500 Internal Server Error", "application/json", _ERROR),
    "read timeout": None,
}
#: Faults that keep the connection open and say nothing.
_SILENT = frozenset({"read timeout"})


class FaultServer:
    """Counts the requests that arrived whole, by method."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.posts = 0
        self.lines: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more requests, and let those go that are held."""
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            line = _read_request(connection)
            if line is None:
                return
            with self._lock:
                self.lines.append(line)
                self.posts += line.startswith("POST ")
            answer = ANSWERS[self.fault]
            if answer is not None:
                status, kind, body = answer
                head = f"HTTP/1.1 {status}\r\nServer: nginx\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                connection.sendall(f"{head}Connection: close\r\n\r\n{body}".encode())
            elif self.fault in _SILENT:
                self._closing.wait(120)


def _read_request(connection: socket.socket) -> str | None:
    """Read one whole request; returns its first line, or ``None`` when the client left in the middle of it."""
    reader = connection.makefile("rb")
    first = reader.readline().decode("latin-1").strip()
    headers = {}
    while line := reader.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "chunked" in headers.get("transfer-encoding", "").lower():
        while size := int(reader.readline().partition(b";")[0] or b"0", 16):
            reader.read(size + 2)
        reader.readline()
        return first
    length = int(headers.get("content-length") or 0)
    return first if first and len(reader.read(length)) == length else None


@contextmanager
def fault_server(fault: str) -> Iterator[FaultServer]:
    """Run a server for the block."""
    server = FaultServer(fault)
    try:
        yield server
    finally:
        server.close()
