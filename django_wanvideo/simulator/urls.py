"""Which addresses a simulator may be asked to call, and how it calls them."""

from __future__ import annotations

import http.client
import ipaddress
import socket
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

MAX_LENGTH = 2048


def split_url(url: object) -> SplitResult | None:
    """An http or https URL in its parts; None when it is none, or without a host, or with a port that is no number."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or any(char.isspace() for char in url):
        return None
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by name or address; only the usual spellings count."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(name).is_loopback
    return False


def is_private(host: str) -> bool:
    """Whether a host is visibly inside some network: a local name, or an address, in any spelling, that is not global."""
    name = host.rstrip(".").lower()
    if is_loopback(name) or name.endswith((".local", ".internal")):
        return True
    with suppress(ValueError):
        return not ipaddress.ip_address(name.partition("%")[0]).is_global
    with suppress(OSError, ValueError):
        # Decimal, octal, hexadecimal and shortened addresses: 2130706433, 0x7f.1, 127.1.
        return not ipaddress.ip_address(socket.inet_aton(name)).is_global
    return False


def connect(url: str, timeout: float) -> tuple[http.client.HTTPConnection, str]:
    """A connection to a URL's host, not yet open, and what to ask it for; `timeout` in seconds."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return kind(parts.hostname or "", parts.port, timeout=timeout), target
