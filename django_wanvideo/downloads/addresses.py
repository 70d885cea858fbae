"""Which addresses a download may connect to. The list is our own: what ``is_global`` means changed between Pythons."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

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
