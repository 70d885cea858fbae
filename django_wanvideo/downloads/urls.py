"""Where a download goes: links and addresses, checked before anything is connected.

The list of addresses is our own: what ``is_global`` means changed between Pythons.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urljoin, urlsplit

from django_wanvideo.exceptions import WanVideoError
from django_wanvideo.http.text import percent_encoded

if TYPE_CHECKING:
    from collections.abc import Iterable

Reason = Literal[
    "forbidden_address",
    "forbidden_host",
    "bad_scheme",
    "bad_redirect",
    "too_large",
    "truncated",
    "not_a_video",
    "timeout",
    "connection",
    "http_error",
    "encoded",
    "disk",
]
#: The link is refused for what it is or leads to; the same link will be refused again.
_FINAL_REASONS = frozenset(
    {"forbidden_address", "forbidden_host", "bad_scheme", "bad_redirect", "too_large", "encoded"}
)
#: Before a link's path, its query or its fragment.
_ODD_IN_HOST = re.compile(r"([^/?#]*://)?[^/?#]*[\x20\\]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|[0-9a-f:.]+")

#: Given a host name and a port, return its addresses as text. Raises OSError if there are none.
Resolver = Callable[[str, int], Sequence[str]]

#: IANA's special-purpose registries (IPv4 and IPv6), multicast and reserved space.
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
#: Public IPv6 is inside this one, so mapped (::ffff:0:0/96) and NAT64 (64:ff9b::/96) addresses, loopback, link-local,
#: unique-local and multicast are outside.
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
#: Inside it, but no host's own: protocol assignments with Teredo, documentation, 6to4 (which embeds an IPv4 address).
_NOT_PUBLIC_V6 = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
#: What development and tests may reach besides. Link-local addresses, where clouds keep credentials, are not among them.
_PRIVATE: tuple[IPv4Network | IPv6Network, ...] = (
    IPv4Network("127.0.0.0/8"),
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("::1/128"),
    IPv6Network("fc00::/7"),
)


class DownloadError(WanVideoError):
    """A file was not downloaded; what has been written to the target is worthless.

    ``reason`` is one of a fixed list of codes. ``retryable`` says whether the same link may work later.
    ``http_status`` is set for ``http_error``. The text never holds the link, whose query may be a credential.
    """

    def __init__(
        self, reason: Reason, message: str, *, http_status: int | None = None, retryable: bool | None = None
    ) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message
        self.http_status = http_status
        self.retryable = reason not in _FINAL_REASONS if retryable is None else retryable

    def __reduce__(self) -> tuple[object, ...]:
        rebuild = partial(type(self), http_status=self.http_status, retryable=self.retryable)
        return rebuild, (self.reason, self.message)


@dataclass(frozen=True, slots=True)
class DownloadUrl:
    """Where one request of a download goes."""

    secure: bool
    host: str
    port: int
    path: str = field(repr=False)
    url: str = field(repr=False)

    @property
    def netloc(self) -> str:
        """Host and port, as the ``Host`` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse_url(url: str, *, allowed_hosts: Iterable[str], allow_private: bool) -> DownloadUrl:
    """Return where ``url`` leads. Raises DownloadError ``bad_scheme`` or ``forbidden_host``."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
        if ":" not in host:
            host = host.encode("idna").decode("ascii").lower()
    except ValueError:
        raise DownloadError("forbidden_host", "The link has no host that could be asked.") from None
    if parts.scheme not in {"https", "http"} or (parts.scheme == "http" and not allow_private):
        raise DownloadError("bad_scheme", "The link does not begin with https://.")
    # A zone id ("%") would choose a network interface; a user name is how one host is made to look like another.
    odd = _CONTROL.search(url) or _ODD_IN_HOST.match(url)
    if odd or "@" in parts.netloc or not _HOST.fullmatch(host) or port == 0:
        raise DownloadError("forbidden_host", "The link's host is spelled in a way that is not accepted.")
    patterns = [pattern.strip().lower().rstrip(".") for pattern in allowed_hosts]
    if patterns and not any(_matches(host, pattern) for pattern in patterns):
        raise DownloadError("forbidden_host", f"The host {host} is not among RESULT_HOSTS.")
    secure = parts.scheme == "https"
    # Nothing that is legal is touched: the link may be signed.
    path = percent_encoded(parts.path or "/")
    if parts.query:
        path = f"{path}?{percent_encoded(parts.query, safe='?[]')}"
    return DownloadUrl(secure, host, port or (443 if secure else 80), path, url)


def redirect_url(
    here: DownloadUrl, location: str | None, *, allowed_hosts: Iterable[str], allow_private: bool
) -> DownloadUrl:
    """Return where a redirect from ``here`` leads. Raises DownloadError, as ``parse_url`` or with ``bad_redirect``."""
    if not location:
        raise DownloadError("bad_redirect", f"{here.host} redirects, but does not say where to.")
    try:
        url = urljoin(here.url, _as_sent(location.strip()))
        user_info = "@" in urlsplit(url).netloc
    except ValueError:
        raise DownloadError("bad_redirect", f"{here.host} redirects to a link that cannot be read.") from None
    if user_info:
        raise DownloadError("bad_redirect", f"{here.host} redirects to a link with a user name in it.")
    target = parse_url(url, allowed_hosts=allowed_hosts, allow_private=allow_private)
    if here.secure and not target.secure:
        raise DownloadError("bad_redirect", f"{here.host} redirects from https to http.")
    return target


def _as_sent(location: str) -> str:
    """Return a header's link with the bytes that the server sent, which http.client has read as Latin-1."""
    try:
        return quote(location.encode("latin-1"), safe=_PRINTABLE)
    except UnicodeEncodeError:
        return location


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    if pattern.startswith("."):
        return host.endswith(pattern) or host == pattern[1:]
    return host == pattern


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Say whether ``address`` belongs to a host on the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if address.scope_id or address not in _GLOBAL_UNICAST_V6:
        return False
    return not any(address in network for network in _NOT_PUBLIC_V6)


def is_allowed(address: str, *, allow_private: bool) -> bool:
    """Say whether a download may connect to ``address``, an address as text."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return is_public(parsed) or (allow_private and any(parsed in network for network in _PRIVATE))


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the system. Odd spellings (decimal, octal, hexadecimal) come out as the addresses they stand for."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
