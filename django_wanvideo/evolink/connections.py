"""Sessions that send nothing twice; their connections know whether the request left, and when time is up."""

from __future__ import annotations

import http.client
import os
import time
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.util.retry import Retry

from django_wanvideo.evolink.secrets import StandIns
from django_wanvideo.http.deadlines import limit_reading

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

#: Seconds that a system's proxy settings are taken to stay as they are.
KNOWN_SECONDS = 5.0
#: The environment's variables that say something about proxies and certificates.
_HEEDED = (
    *(name for kind in ("http", "https", "all", "no") for name in (f"{kind}_proxy", f"{kind}_proxy".upper())),
    "REQUEST_METHOD",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)


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


class WatchedAdapter(HTTPAdapter):
    """Never sends anything twice, and uses connections that tell whether the request left."""

    def __init__(self, pool_size: int) -> None:
        super().__init__(pool_connections=pool_size, pool_maxsize=pool_size, max_retries=Retry(0, read=False))

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        watch_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        watch_pools(manager)
        return manager


class Session(requests.Session):
    """A session of ours: without headers, parameters and cookies of its own, so that nothing has to be merged."""

    def __init__(self, pool_size: int) -> None:
        super().__init__()
        self.headers.clear()
        for prefix in ("https://", "http://"):
            self.mount(prefix, WatchedAdapter(pool_size))
        self._known: dict[str, tuple[tuple[object, ...], float, Any]] = {}

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Do what requests does, without what a session of ours does not have."""
        prepared = requests.PreparedRequest()
        prepared.prepare_method(request.method)
        prepared.prepare_url(request.url, request.params)
        prepared.prepare_headers(request.headers)
        prepared.prepare_body(request.data, None)
        prepared.prepare_auth(request.auth, request.url or "")
        prepared.prepare_hooks(None)
        return prepared

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Return proxies and certificates for an address, as the environment has them now.

        requests looks through the whole environment twice for each request; here it is done anew when one of the
        variables that it heeds has changed, and every ``KNOWN_SECONDS`` for settings that are no variables.
        """
        origin = "/".join(url.split("/", 3)[:3])
        now = time.monotonic()
        variables = tuple(map(os.environ.get, _HEEDED))
        state = (*variables, len(os.environ), self.trust_env, self.verify, self.cert, *self.proxies.items())
        known = self._known.get(origin)
        if known is None or known[0] != state or now >= known[1]:
            found = super().merge_environment_settings(url, proxies, stream, verify, cert)
            known = state, now + KNOWN_SECONDS, found
            self._known[origin] = known
        return known[2]


def new_session(like: requests.Session | None = None, *, pool_size: int = 10) -> Session:
    """Return a session that sends nothing twice; certificates and proxies are taken over from ``like``."""
    session = Session(pool_size)
    if like is not None:
        session.verify, session.cert, session.trust_env = like.verify, like.cert, like.trust_env
        session.proxies = dict(like.proxies)
    return session


_sessions: dict[int, Session] = {}


def process_session() -> Session:
    """Return this process's session. A forked worker gets its own: two processes must not read one socket."""
    pid = os.getpid()
    session = _sessions.get(pid)
    if session is None:
        # No lock: a fork could copy it locked, and two threads at worst build a session too many.
        session = _sessions.setdefault(pid, new_session())
        for other in [known for known in list(_sessions) if known != pid]:
            _sessions.pop(other, None)
    return session
