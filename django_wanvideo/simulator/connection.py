"""One connection: requests read, answers sent, also those that go wrong on purpose."""

from __future__ import annotations

import http.server
import secrets
import socket
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import file_error
from .journal import logger
from .redaction import headers as redacted_headers
from .wire import Drop, Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .core import Simulator
    from .server import Server

#: Bytes of a request's body at most; EvoLink documents no limit, its clients keep under 100 MB.
MAX_BODY = 110 * 1024 * 1024
CHUNK = 64 * 1024
#: An idle connection is closed after this many seconds.
IDLE = 75.0
_GONE = (ConnectionError, TimeoutError)


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Headers and a small body leave in one packet.
    wbufsize = CHUNK
    timeout = IDLE
    server: Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's name)
        """Silent: the journal says it better."""

    def version_string(self) -> str:
        """The `Server` header."""
        return "evolink-simulator"

    def handle(self) -> None:
        """Serve until the connection ends; a client that leaves is no error."""
        with suppress(*_GONE):
            super().handle()

    def finish(self) -> None:
        """Flush, unless the connection is gone."""
        with suppress(*_GONE, ValueError):
            super().finish()

    def do_GET(self) -> None:
        """Serve any method."""
        started, sim = time.perf_counter(), self.server.sim
        request = Request(self.command, self.path, self.headers, self._read_body)
        status = 0
        answer: Response | Drop | None = None
        try:
            answer = self._answer(request)
            if isinstance(answer, Drop):
                self._drop(answer, sim)
            else:
                status = answer.status
                self._send(request, answer)
        except _GONE as error:
            self.close_connection = True
            request.note = f"{request.note or ''} client left: {type(error).__name__}".strip()
        finally:
            for call in request.when_over:
                call()
            ms = (time.perf_counter() - started) * 1000
            self._write_journal(request, answer, status, ms)
            if answer is not None and answer.after is not None:
                answer.after()

    do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_GET  # noqa: N815  (names of the base class)

    def _answer(self, request: Request) -> Response | Drop:
        try:
            return self.server.sim.router.handle(request)
        except _GONE:
            raise
        except Exception as error:
            # A defect of the simulator must not look like EvoLink's own 500.
            logger.exception("The simulator failed at %s %s", request.method, request.path)
            request.note = f"simulator defect: {type(error).__name__}: {error}"
            body = {"simulator_defect": f"{type(error).__name__}: {error}"}
            return json_response(body, 599)

    def _send(self, request: Request, answer: Response) -> None:
        self._wait(answer.delay, self.server.sim)
        size = answer.size
        odd = answer.cut is not None or answer.declared is not None or answer.endless
        if answer.close or odd or request.unread:
            self.close_connection = True
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if not answer.endless:
            self.send_header("Content-Length", str(size if answer.declared is None else answer.declared))
        self.send_header("X-Request-Id", secrets.token_hex(16))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if request.method != "HEAD":
            self._send_body(answer)
        self.wfile.flush()

    def _send_body(self, answer: Response) -> None:
        left = answer.size if answer.cut is None else min(answer.cut, answer.size)
        step, pause = answer.drip or (CHUNK, 0.0)
        while True:
            for chunk in _read(answer, step, left):
                self.wfile.write(chunk)
                if pause:
                    self.wfile.flush()
                    if self.server.sim.stopping.wait(pause):
                        return
            if not answer.endless or self.server.sim.stopping.is_set():
                return

    def _drop(self, drop: Drop, sim: Simulator) -> None:
        self.close_connection = True
        self._wait(drop.seconds, sim)
        if drop.reset:
            # Closing with a linger time of zero sends RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    def _wait(self, seconds: float, sim: Simulator) -> None:
        """Let the client wait, no longer than it does."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not sim.stopping.wait(min(0.1, deadline - time.monotonic())):
            with suppress(BlockingIOError):
                if not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                    return

    def _read_body(self) -> bytes:
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            return self._read_chunked()
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY:
            self.close_connection = True
            raise file_error(413)
        data = self.rfile.read(length) if length else b""
        if len(data) < length:
            raise ConnectionResetError("The client left in the middle of its request.")
        return data

    def _read_chunked(self) -> bytes:
        parts: list[bytes] = []
        total = 0
        while True:
            line = self.rfile.readline(1024).partition(b";")[0].strip()
            try:
                size = int(line, 16)
            except ValueError:
                raise ConnectionResetError("The client sent a broken chunk.") from None
            total += size
            if total > MAX_BODY:
                self.close_connection = True
                raise file_error(413)
            if size == 0:
                while self.rfile.readline(1024).strip():
                    continue
                return b"".join(parts)
            parts.append(self.rfile.read(size))
            self.rfile.readline(4)

    def _write_journal(self, request: Request, answer: Response | Drop | None, status: int, ms: float) -> None:
        sim = self.server.sim
        note = request.note
        if isinstance(answer, Drop):
            note = f"{note or ''} no answer, connection {'reset' if answer.reset else 'closed'}".strip()
        text = None
        if isinstance(answer, Response) and isinstance(answer.body, bytes):
            kind = answer.headers.get("Content-Type", "")
            if kind.startswith(("application/json", "text/")) and request.endpoint != "control":
                text = sim.scrub(answer.body[: sim.options.body_limit].decode("utf-8", "replace"))
        if request.endpoint == "control":
            return
        sim.journal.add(
            kind="request",
            at=sim.clock.now(),
            method=request.method,
            path=sim.scrub(request.target),
            endpoint=request.endpoint,
            status=status,
            ms=round(ms, 1),
            headers={name: sim.scrub(value) for name, value in redacted_headers(request.headers.items()).items()},
            body=sim.presentable(request.seen_body),
            answer=text,
            fault=request.fault,
            note=note,
        )


def _read(answer: Response, step: int, left: int) -> Iterator[bytes]:
    """Up to `left` bytes of an answer's body, `step` at a time."""
    first = answer.span[0] if answer.span is not None else 0
    if not isinstance(answer.body, Path):
        for at in range(0, left, step):
            yield answer.body[first + at : first + min(at + step, left)]
        return
    with answer.body.open("rb") as file:
        file.seek(first)
        while left > 0:
            chunk = file.read(min(step, left))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk
