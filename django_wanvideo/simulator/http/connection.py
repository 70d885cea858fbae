"""One connection: requests read, answers sent, also those that go wrong on purpose."""

from __future__ import annotations

import http.server
import secrets
import selectors
import socket
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ApiError, file_error
from .journal import logger
from .redaction import headers as redacted_headers
from .wire import Drop, Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .server import Server

#: Bytes of a request's body at most; EvoLink documents no limit, its clients keep under 100 MB.
MAX_BODY = 110 * 1024 * 1024
CHUNK = 64 * 1024
#: An idle connection is closed after this many seconds.
IDLE = 75.0
#: How often a waiting connection looks whether it should still wait, seconds.
_STEP = 0.05
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
        """Serve any method.

        What the client can see of an exchange comes last: once it has its answer, the journal has the request, and its
        `Idempotency-Key` is no longer busy.
        """
        started, request = time.perf_counter(), Request(self.command, self.path, self.headers, self._read_body)
        answer: Response | Drop | None = None
        written = False

        def write() -> None:
            nonlocal written
            written = True
            for call in request.when_over:
                call()
            self._write_journal(request, answer, (time.perf_counter() - started) * 1000)

        try:
            answer = self._answer(request)
            self._wait(answer.seconds if isinstance(answer, Drop) else answer.delay)
            if isinstance(answer, Drop) or not answer.takes_time:
                write()
            if isinstance(answer, Drop):
                self._drop(answer)
            else:
                self._send(request, answer)
        except _GONE as error:
            self.close_connection = True
            request.note = f"{request.note or ''} client left: {type(error).__name__}".strip()
        finally:
            if not written:
                write()
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
        size = answer.size
        if request.unread:
            # Closing on unread bytes would reset the connection before the client has read its answer.
            with suppress(ApiError):
                request.read_body()
        if answer.close or answer.cut is not None or answer.declared is not None or answer.endless:
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

    def _drop(self, drop: Drop) -> None:
        self.close_connection = True
        if drop.reset:
            # Closing with a linger time of zero sends RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    def _wait(self, seconds: float) -> None:
        """Let the client wait, no longer than it does."""
        if not seconds:
            return
        deadline, sim = time.monotonic() + seconds, self.server.sim
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0 and not sim.stopping.is_set():
                if selector.select(min(_STEP, left)):
                    if not self.connection.recv(1, socket.MSG_PEEK):
                        return
                    sim.stopping.wait(min(_STEP, left))

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

    def _write_journal(self, request: Request, answer: Response | Drop | None, ms: float) -> None:
        if request.endpoint == "control":
            return
        sim, note = self.server.sim, request.note
        if isinstance(answer, Drop):
            note = f"{note or ''} no answer, connection {'reset' if answer.reset else 'closed'}".strip()
        text = None
        if isinstance(answer, Response) and isinstance(answer.body, bytes):
            kind = answer.headers.get("Content-Type", "")
            if kind.startswith(("application/json", "text/")):
                text = sim.scrub(answer.body[: sim.options.body_limit].decode("utf-8", "replace"))
        sim.journal.add(
            kind="request",
            at=sim.clock.now(),
            method=request.method,
            path=sim.scrub(request.target),
            endpoint=request.endpoint,
            status=answer.status if isinstance(answer, Response) else 0,
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
