"""Sessions of requests that send nothing twice, one for each process."""

from __future__ import annotations

import os
import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from django_wanvideo.evolink.connections import watch_pools

#: Seconds that a system's proxy settings are taken to stay as they are.
KNOWN_SECONDS = 5.0
#: The environment's variables that say something about proxies and certificates.
_HEEDED = (
    *(name for kind in ("http", "https", "all", "no") for name in (f"{kind}_proxy", f"{kind}_proxy".upper())),
    "REQUEST_METHOD",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)


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
        state = (
            *map(os.environ.get, _HEEDED),
            len(os.environ),
            self.trust_env,
            self.verify,
            self.cert,
            *self.proxies.items(),
        )
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
