"""Links that EvoLink cannot read are refused when they are given, however their address is written."""

from __future__ import annotations

import socket

import pytest
from django.core.exceptions import ValidationError

from django_wanvideo.models.creation.links import check_public


def fullwidth(host: str) -> str:
    """Spell a name with letters and digits of another block, which resolvers read as the plain ones."""
    return "".join(chr(ord(character) + 0xFEE0) if character != "." else character for character in host)


PRIVATE = [
    "localhost",
    "LOCALHOST.",
    "me.localhost",
    "printer",
    "printer.",
    "nas.local",
    "nas.LOCAL.",
    "wiki.internal",
    "wiki.corp",
    "box.lan",
    "box.home.arpa",
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0X7F.1",
    "0177.0.0.1",
    "017700000001",
    "0x7f.0.0x0.01",
    "0",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "255.255.255.255",
    fullwidth("127.0.0.1"),
    "127。0。0。1",
    "①②⑦.0.0.1",
    fullwidth("localhost"),
    "%6c%6fcalhost",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:8.8.8.8]",
    "[::7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fc00::1]",
    "[ff02::1]",
    "[2001:db8::1]",
]


@pytest.fixture(autouse=True)
def no_lookups(monkeypatch):
    def look_up(*args, **kwargs):
        raise AssertionError("A name was looked up.")

    for name in ("getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, look_up)


@pytest.mark.fault("K9.links-to-private-addresses")
@pytest.mark.parametrize("port", ["", ":8000"])
@pytest.mark.parametrize("host", PRIVATE)
def test_this_machine_and_private_networks_are_refused(host, port):
    with pytest.raises(ValidationError) as caught:
        check_public(f"http://{host}{port}/cat.png")
    assert caught.value.code == "private_host"
    assert "Upload the file" in caught.value.messages[0]


@pytest.mark.fault("K9.links-to-private-addresses")
@pytest.mark.parametrize(
    "host", ["256.1.1.1", "1.2.3.4.5", "0x", "1.2.3.0x1ffff", "099.1", "a..b", "a b", "99999999999", "é..a"]
)
def test_what_is_no_address_at_all_is_refused(host):
    with pytest.raises(ValidationError) as caught:
        check_public(f"http://{host}/cat.png")
    assert caught.value.code in {"host", "private_host"}


@pytest.mark.fault("K9.links-to-private-addresses")
@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "example.com.",
        "8.8.8.8",
        "134744072",
        "[2606:4700::1111]",
        "bücher.example",
        "my-site_1.example.co.uk",
        "local.example",
        "localhost.example",
        "10.example",
    ],
)
def test_public_sites_pass(host):
    assert check_public(f"https://{host}/cat.png") is None


@pytest.mark.fault("K9.links-to-private-addresses")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "nas.local", "[::1]"])
def test_a_site_in_development_may_have_them(settings, host):
    settings.WANVIDEO = {**settings.WANVIDEO, "ALLOW_PRIVATE_HOSTS": True}
    assert check_public(f"http://{host}:8000/cat.png") is None
