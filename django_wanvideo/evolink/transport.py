"""One HTTP call to EvoLink: sent at most once, read within limits, never followed elsewhere."""

from __future__ import annotations

import http.client
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util.retry import Retry

from django_wanvideo.evolink.connections import Exchange, RequestWithheld, before_request, current_exchange, watch_pools
from django_wanvideo.evolink.secrets import HiddenText
from django_wanvideo.http.deadlines import USER_AGENT
from django_wanvideo.http.text import Secret, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_ANSWER_BYTES = 4 * 1024 * 1024
#: Seconds that a system's proxy settings are taken to stay as they are.
KNOWN_SECONDS = 5.0
#: The environment's variables that say something about proxies and certificates.
_HEEDED = (
    *(name for kind in ("http", "https", "all", "no") for name in (f"{kind}_proxy", f"{kind}_proxy".upper())),
    "REQUEST_METHOD",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)

#: What requests, urllib3 and the socket raise by themselves. ValueError: host names that cannot be encoded, odd chunks.
_CONNECTION_TROUBLE = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)


class Bearer(AuthBase):
    """Sets the key's header, or what stands in for it. As an auth object it keeps a ``.netrc`` from replacing it."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        exchange = current_exchange.get()
        if exchange is not None and exchange.is_watched:
            request.headers["Authorization"] = f"Bearer {exchange.stand_ins.of(HiddenText(self._secret.reveal()))}"
        else:
            request.headers["Authorization"] = HiddenText(f"Bearer {self._secret.reveal()}")
        return request


class _Adapter(HTTPAdapter):
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


class _Session(requests.Session):
    """A session of ours: without headers, parameters and cookies of its own, so that nothing has to be merged."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, tuple[tuple[object, ...], float, dict[str, Any]]] = {}

    def prepare(self, call: Call, headers: Mapping[str, str], auth: AuthBase) -> requests.PreparedRequest:
        """Do what ``prepare_request`` does, without what a session of ours does not have."""
        prepared = requests.PreparedRequest()
        prepared.prepare_method(call.method)
        prepared.prepare_url(call.url, dict(call.params or {}))
        prepared.prepare_headers(headers)
        prepared.prepare_body(call.body, None)
        prepared.prepare_auth(auth, call.url)
        prepared.prepare_hooks(None)
        return prepared

    def settings_for(self, url: str) -> dict[str, Any]:
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
            found: Any = self.merge_environment_settings(url, {}, True, None, None)
            known = state, now + KNOWN_SECONDS, found
            self._known[origin] = known
        return known[2]


def new_session(like: requests.Session | None = None, *, pool_size: int = 10) -> requests.Session:
    """Return a session that sends nothing twice; certificates and proxies are taken over from ``like``."""
    session = _Session()
    session.headers.clear()
    for prefix in ("https://", "http://"):
        session.mount(prefix, _Adapter(pool_size))
    if like is not None:
        session.verify, session.cert, session.trust_env = like.verify, like.cert, like.trust_env
        session.proxies = dict(like.proxies)
    return session


_sessions: dict[int, requests.Session] = {}


def process_session() -> requests.Session:
    """Return this process's session. A forked worker gets its own: two processes must not read one socket."""
    pid = os.getpid()
    session = _sessions.get(pid)
    if session is None:
        # No lock: a fork could copy it locked, and two threads at worst build a session too many.
        session = _sessions.setdefault(pid, new_session())
        for other in [known for known in list(_sessions) if known != pid]:
            _sessions.pop(other, None)
    return session


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with headers and body. ``broken`` says why the body is not whole, "" if it is."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    broken: str = ""

    @property
    def request_id(self) -> str:
        """EvoLink's id of the request, for its support."""
        return one_line(self.headers.get("x-request-id") or self.headers.get("x-oneapi-request-id"), 200)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """There is no status. ``sent`` is True unless it is certain that no byte of the request left."""

    sent: bool
    timed_out: bool
    reason: str

    @property
    def code(self) -> str:
        """Our word for it, used as an error's ``code``."""
        if not self.sent:
            return "connection_failed"
        return "no_answer" if self.timed_out else "connection_lost"


@dataclass(frozen=True, slots=True)
class Call:
    """What to ask EvoLink."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] | None = field(default=None, repr=False)
    params: Mapping[str, Any] | None = None


def perform(
    session: requests.Session,
    call: Call,
    auth: Bearer,
    timeout: tuple[float, float],
    exchange: Exchange | None = None,
) -> Answer | NoAnswer:
    """Send ``call`` once and read the answer. ``timeout``: seconds to connect, seconds for the whole answer.

    Exceptions that are not the connection's own (a job's time limit, those of ``before_send``) pass unchanged.
    """
    exchange = exchange or Exchange(before_request.get())
    headers = {
        "User-Agent": USER_AGENT,
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        **call.headers,
    }
    token = current_exchange.set(exchange)
    trouble: NoAnswer | None = None
    try:
        adapter = session.get_adapter(call.url)
        exchange.is_watched = isinstance(adapter, _Adapter)
        settings: Any
        if isinstance(session, _Session):
            prepared = session.prepare(call, headers, auth)
            settings = session.settings_for(prepared.url or "")
        else:
            prepared = _prepare(session, call, headers, auth)
            settings = session.merge_environment_settings(prepared.url, {}, True, None, None)
        # Not session.send(): it keeps cookies, and reads a redirect's body without limit to work out where it leads.
        return _read(adapter.send(prepared, timeout=timeout, **settings))
    except RequestWithheld:
        refusal = exchange.refusal
    except _CONNECTION_TROUBLE as error:
        refusal, trouble = None, NoAnswer(exchange.sent, _timed_out(error), _describe(error))
    finally:
        current_exchange.reset(token)
    # Raised and returned out here so that no exception drags the libraries' frames, which hold the key, along.
    if refusal is not None:
        raise refusal
    assert trouble is not None  # noqa: S101 - for the type checker
    return trouble


def _prepare(
    session: requests.Session, call: Call, headers: Mapping[str, str], auth: AuthBase
) -> requests.PreparedRequest:
    """Let a session that the site gave us add what it has of its own."""
    params = dict(call.params or {})
    return session.prepare_request(
        requests.Request(call.method, call.url, headers=headers, data=call.body, params=params, auth=auth)
    )


def _read(response: requests.Response) -> Answer:
    received = bytearray()
    broken = ""
    # JSON shows by itself whether it is whole, and what came before a break may be the id that was paid for.
    response.raw.enforce_content_length = False
    try:
        for chunk in response.raw.stream(65_536, decode_content=True):
            received += chunk
            if len(received) > MAX_ANSWER_BYTES:
                broken = "the answer is larger than 4 MiB"
                break
    except _CONNECTION_TROUBLE as error:
        broken = _describe(error)
    finally:
        response.close()
    return Answer(response.status_code, response.headers, bytes(received), broken)


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 20:
        item = waiting.pop(0)
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            waiting += [getattr(item, "reason", None), *item.args, item.__cause__]
    return found


def _timed_out(error: BaseException) -> bool:
    kinds = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
    refused = urllib3.exceptions.NewConnectionError  # a TimeoutError by name only
    return any(isinstance(cause, kinds) and not isinstance(cause, refused) for cause in _causes(error))


def _describe(error: BaseException) -> str:
    innermost = _causes(error)[-1]
    return one_line(f"{type(innermost).__name__}: {innermost}", 300)
