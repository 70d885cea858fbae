"""A connection that goes to an address that has been checked, and stops when time is up."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from django_wanvideo.http.deadlines import limit_reading

if TYPE_CHECKING:
    from django_wanvideo.downloads.urls import Target


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for each step, and the point in ``time.monotonic`` at which everything ends."""

    deadline: float
    connect_timeout: float
    read_timeout: float

    def seconds(self, at_most: float) -> float:
        """Return ``at_most``, or what is left of the total time. Raises TimeoutError when nothing is."""
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the total time for the download is used up")
        return min(remaining, at_most)


class PinnedConnection(http.client.HTTPConnection):
    """Connects to one of the given addresses and nowhere else, and proves the host's name by its certificate."""

    def __init__(self, hop: Target, addresses: list[str], limits: Limits) -> None:
        super().__init__(hop.host, hop.port)
        self._secure = hop.secure
        self._addresses = addresses
        self._limits = limits
        self.default_port = 443 if hop.secure else 80

    def connect(self) -> None:
        """Try the addresses in turn. Raises OSError."""
        trouble: OSError | None = None
        for address in self._addresses:
            try:
                seconds = self._limits.seconds(self._limits.connect_timeout)
                self.sock = socket.create_connection((address, self.port), timeout=seconds)
                break
            except OSError as error:
                trouble = error
        else:
            raise trouble or OSError("no address to connect to")
        if self._secure:
            self.sock.settimeout(self._limits.seconds(self._limits.connect_timeout))
            self.sock = _tls_context(_ca_bundle()).wrap_socket(self.sock, server_hostname=self.host)
        self.sock.settimeout(self._limits.seconds(self._limits.read_timeout))

    def response_class(  # type: ignore[override]
        self, sock: socket.socket, *args: Any, **kwargs: Any
    ) -> http.client.HTTPResponse:
        """Build the answer, in place of http.client's own class."""
        response = http.client.HTTPResponse(sock, *args, **kwargs)
        limit_reading(response, sock, self._limits.deadline, self._limits.read_timeout)
        return response


def _ca_bundle() -> str:
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH


@lru_cache(maxsize=4)
def _tls_context(bundle: str) -> ssl.SSLContext:
    if os.path.isdir(bundle):
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)
