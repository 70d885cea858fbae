"""A connection to an address that has been checked, which stops when time is up."""

from __future__ import annotations

import http.client
import os
import ssl
import time
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from django_wanvideo.http.deadlines import USER_AGENT, limit_reading

if TYPE_CHECKING:
    import socket

    from django_wanvideo.downloads.urls import DownloadUrl

_HEADERS = {
    # EvoLink's file host refuses Python's default user agent with 403.
    "User-Agent": USER_AGENT,
    "Accept": "video/*, */*;q=0.5",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for each step, and the point in ``time.monotonic`` at which everything ends."""

    deadline: float
    connect_timeout: float
    read_timeout: float

    def seconds_to_connect(self) -> float:
        """Return the seconds that connecting may take now. Raises TimeoutError when the total time is used up."""
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the total time for the download is used up")
        return min(remaining, self.connect_timeout)


def connect(url: DownloadUrl, addresses: list[str], limits: Limits) -> HTTPConnection:
    """Connect to the first of the addresses that takes it, where over TLS a certificate proves the host's name.

    Raises OSError.
    """
    trouble: BaseException = OSError("no address to connect to")
    for address in addresses:
        connection = _connection(url, address, limits.seconds_to_connect())
        try:
            connection.connect()
        except (OSError, HTTPError) as error:
            connection.close()
            # What the socket raised, without urllib3's words around it.
            trouble = error.__context__ if isinstance(error.__context__, OSError) else error
        else:
            connection.response_class = partial(_limited_response, limits)  # type: ignore[assignment]
            return connection
    raise trouble


def ask(connection: HTTPConnection, url: DownloadUrl) -> http.client.HTTPResponse:
    connection.request("GET", url.path, headers={"Host": url.netloc, **_HEADERS})
    # Not urllib3's own answer, which copies each piece of the body.
    return http.client.HTTPConnection.getresponse(connection)


def _connection(url: DownloadUrl, address: str, seconds: float) -> HTTPConnection:
    if not url.secure:
        return HTTPConnection(address, url.port, timeout=seconds)
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
    context = _tls_context(bundle)
    return HTTPSConnection(address, url.port, timeout=seconds, server_hostname=url.host, ssl_context=context)


def _limited_response(limits: Limits, sock: socket.socket, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(sock, *args, **kwargs)
    limit_reading(response, sock, limits.deadline, limits.read_timeout)
    return response


@lru_cache(maxsize=4)
def _tls_context(bundle: str) -> ssl.SSLContext:
    if os.path.isdir(bundle):
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)
