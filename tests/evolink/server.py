"""A socket server that does exactly what a test tells it, including what no honest server would do."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from tests.waiting import wait_until

if TYPE_CHECKING:
    import ssl


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Behaviour = Callable[[socket.socket, Received, "ScriptedServer"], bool]


@dataclass
class ScriptedServer:
    """Listens on loopback and lets ``behaviour`` answer. A behaviour returns True to keep the connection."""

    behaviour: Behaviour
    tls: ssl.SSLContext | None = None
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    closed: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, *details: object) -> None:
        self.stopping.set()
        # shutdown() wakes accept(); close() alone would not.
        for sock in (self._listener, *self._open):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
            finally:
                sock.close()
        for thread in self._threads:
            thread.join(5)

    def wait_closed(self, connections: int) -> None:
        """Wait until the server has closed so many connections."""
        wait_until(lambda: self.closed >= connections, f"the end of {connections} connections", 5)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
            self._open.append(sock)
            stream = sock.makefile("rb")
            while request := self._receive(sock, stream, number):
                self.requests.append(request)
                if not self.behaviour(sock, request, self):
                    break
        except OSError:
            return
        finally:
            sock.close()
            self.closed += 1

    @staticmethod
    def _receive(sock: socket.socket, stream: Any, number: int) -> Received | None:
        line = stream.readline().decode("latin-1").split()
        if len(line) != 3 or not line[2].startswith("HTTP/"):
            # The client has closed, or speaks TLS.
            return None
        headers = {}
        while (header := stream.readline().decode("latin-1").strip()) != "":
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = b""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            while size := int(stream.readline().partition(b";")[0] or b"0", 16):
                body += stream.read(size + 2)[:size]
            stream.readline()
        else:
            length = int(headers.get("content-length", 0))
            body = stream.read(length)
            if len(body) < length:
                # It left in the middle: that is no request.
                return None
        return Received(line[0], line[1], headers, body, number)


def answer(status: int, body: object = b"", **headers: str) -> Behaviour:
    """Answer properly; a body that is not bytes becomes JSON. Header names are given with underscores."""

    def behave(sock: socket.socket, request: Received, server: ScriptedServer) -> bool:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        sock.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content)
        return True

    return behave


def raw(*parts: bytes) -> Behaviour:
    """Send these bytes, whatever they are, and close."""

    def behave(sock: socket.socket, request: Received, server: ScriptedServer) -> bool:
        for part in parts:
            sock.sendall(part)
        return False

    return behave


def close(sock: socket.socket, request: Received, server: ScriptedServer) -> bool:
    """Close after the whole request has been read."""
    return False


def reset(sock: socket.socket, request: Received, server: ScriptedServer) -> bool:
    """Reset the connection after the whole request has been read."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hang(sock: socket.socket, request: Received, server: ScriptedServer) -> bool:
    """Say nothing until the test is over."""
    server.stopping.wait(30)
    return False


def drip(head: bytes, byte: bytes = b"x", pause: float = 0.02) -> Behaviour:
    """Send ``head``, then one byte after the other, until nobody listens any more."""

    def behave(sock: socket.socket, request: Received, server: ScriptedServer) -> bool:
        sock.sendall(head)
        started = time.monotonic()
        while not server.stopping.wait(pause) and time.monotonic() - started < 30:
            sock.sendall(byte)
        return False

    return behave
