"""One HTTP call to EvoLink: sent at most once, read within limits, never followed elsewhere."""

from __future__ import annotations

import http.client
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests
import urllib3
from requests.auth import AuthBase

from django_wanvideo.evolink.connections import Exchange, SendAborted, WatchedAdapter, before_request, current_exchange
from django_wanvideo.evolink.secrets import HiddenText
from django_wanvideo.http.deadlines import USER_AGENT
from django_wanvideo.http.text import Secret, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_ANSWER_BYTES = 4 * 1024 * 1024
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
            request.headers["Authorization"] = f"Bearer {exchange.stand_ins.of(HiddenText(self._secret.get()))}"
        else:
            request.headers["Authorization"] = HiddenText(f"Bearer {self._secret.get()}")
        return request


@dataclass(frozen=True, slots=True)
class HttpResult:
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
class TransportFailure:
    """There is no status. ``sent`` is True unless it is certain that no byte of the request left."""

    sent: bool
    #: Our word for it, used as an error's ``code``.
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Call:
    """What to ask EvoLink."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] | None = field(default=None, repr=False)
    params: Mapping[str, Any] | None = None


def perform(
    session: requests.Session, call: Call, auth: Bearer, timeout: tuple[float, float], exchange: Exchange | None = None
) -> HttpResult | TransportFailure:
    """Send ``call`` once and read the answer. ``timeout``: seconds to connect, seconds for the whole answer.

    Exceptions that are not the connection's own (a job's time limit, those of ``before_send``) pass unchanged.
    """
    exchange = exchange or Exchange(before_request.get())
    headers = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "identity", **call.headers}
    token = current_exchange.set(exchange)
    trouble: TransportFailure | None = None
    try:
        adapter = session.get_adapter(call.url)
        exchange.is_watched = isinstance(adapter, WatchedAdapter)
        request = requests.Request(
            call.method, call.url, headers=headers, data=call.body, params=dict(call.params or {}), auth=auth
        )
        prepared = session.prepare_request(request)
        settings: Any = session.merge_environment_settings(prepared.url, {}, True, None, None)
        # Not session.send(): it keeps cookies, and reads a redirect's body without limit to work out where it leads.
        return _read(adapter.send(prepared, timeout=timeout, **settings))
    except SendAborted:
        refusal = exchange.refusal
    except _CONNECTION_TROUBLE as error:
        code = "connection_failed" if not exchange.sent else "no_answer" if _timed_out(error) else "connection_lost"
        refusal, trouble = None, TransportFailure(exchange.sent, code, _describe(error))
    finally:
        current_exchange.reset(token)
    # Raised and returned out here so that no exception drags the libraries' frames, which hold the key, along.
    if refusal is not None:
        raise refusal
    assert trouble is not None  # noqa: S101 - for the type checker
    return trouble


def _read(response: requests.Response) -> HttpResult:
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
    return HttpResult(response.status_code, response.headers, bytes(received), broken)


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
