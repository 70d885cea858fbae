"""Connections that know two things the libraries do not tell: whether the request left, and when time is up."""

from __future__ import annotations

import http.client
import time
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection

from django_wanvideo.evolink.secrets import StandIns
from django_wanvideo.http.deadlines import limit_reading

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable


class SendAborted(Exception):  # noqa: N818 - not an error of the connection
    """``before_send`` refused. Deliberately no OSError: urllib3 would take some of those for a closed connection."""


class Exchange:
    """One request. ``sent`` turns True right before its first byte is given to the socket.

    ``stand_ins`` holds what must not be seen in frames; ``is_watched`` says whether our own connection, which puts it in
    its place, is used.
    """

    def __init__(self, before_send: Callable[[], None] | None = None) -> None:
        self.before_send = before_send
        self.sent = False
        self.refusal: Exception | None = None
        self.stand_ins = StandIns()
        self.is_watched = False

    def begin(self) -> None:
        """Ask ``before_send``, then take note that the request is leaving."""
        if self.before_send is not None:
            try:
                self.before_send()
            except Exception as error:
                self.refusal = error
                raise SendAborted from error
        self.sent = True


current_exchange: ContextVar[Exchange | None] = ContextVar("wanvideo_exchange", default=None)
#: The ``before_send`` of all requests of a thread that have none of their own.
before_request: ContextVar[Callable[[], None] | None] = ContextVar("wanvideo_before_request", default=None)


class TimedResponse(http.client.HTTPResponse):
    """An answer whose headers and body together take at most the socket's read timeout."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        seconds = sock.gettimeout()
        if seconds:
            limit_reading(self, sock, time.monotonic() + seconds, seconds)


class _Watched(HTTPConnection):
    """Connects first, then tells the current exchange that its bytes are about to leave."""

    response_class = TimedResponse
    _in_request = False

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            # Plain HTTP would connect only while sending; a proxy's CONNECT must not count as sending either.
            self.connect()
        self._in_request = True
        try:
            super().request(*args, **kwargs)
        finally:
            self._in_request = False

    def send(self, data: Any) -> None:
        exchange = current_exchange.get()
        if self._in_request and exchange is not None:
            if not exchange.sent:
                exchange.begin()
            data = exchange.stand_ins.replaced(data)
        super().send(data)


def watch_pools(manager: Any) -> None:
    """Make ``manager``, any of urllib3's, a SOCKS proxy's included, open connections with the two habits of this module."""
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _watched_pool(pool) for scheme, pool in pools.items()}


@lru_cache(maxsize=32)
def _watched_pool(pool: type[Any]) -> type[Any]:
    base = pool.ConnectionCls
    if issubclass(base, _Watched):
        return pool
    connection = type(f"Watched{base.__name__}", (_Watched, base), {})
    return type(f"Watched{pool.__name__}", (pool,), {"ConnectionCls": connection})
