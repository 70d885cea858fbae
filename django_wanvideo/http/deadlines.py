"""Who we say we are, and a point in time at which reading ends."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from django_wanvideo import __version__

if TYPE_CHECKING:
    import http.client
    import socket

USER_AGENT = f"django-wanvideo/{__version__}"


class DeadlineReader(io.RawIOBase):
    """Reads a socket until a point in time, however slowly the bytes drip. ``deadline`` is of ``time.monotonic``."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: float, read_timeout: float) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = deadline
        self._read_timeout = read_timeout
        self._set: float | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there, waiting at most until the deadline. Raises TimeoutError after it."""
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the total time for the answer is used up")
        seconds = min(remaining, self._read_timeout)
        if seconds != self._set:
            # Far from the deadline it stays what it is.
            self._sock.settimeout(seconds)
            self._set = seconds
        # What the socket's own file does, without its detours.
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        """Close the socket's file too."""
        try:
            self._raw.close()
        finally:
            super().close()


def limit_reading(
    response: http.client.HTTPResponse, sock: socket.socket, deadline: float, read_timeout: float
) -> None:
    """Make ``response`` stop at ``deadline``, from its status line to the end of its body."""
    raw = response.fp.detach()
    response.fp = io.BufferedReader(DeadlineReader(raw, sock, deadline, read_timeout), 8_192)
