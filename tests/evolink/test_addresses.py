"""Which addresses are the public internet, and which links are taken at all."""

from __future__ import annotations

import pickle
from ipaddress import ip_address

import pytest

from django_wanvideo.downloads.urls import (
    DownloadError,
    is_allowed,
    is_public,
    parse_url,
    redirect_url,
    system_resolver,
)

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
]

NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2606:4700::1111%eth0",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address):
    assert is_public(ip_address(address))
    assert is_allowed(address, allow_private=False)


@pytest.mark.parametrize("address", [*NOT_PUBLIC, "", "localhost", "300.1.1.1", "8.8.8.8 "])
def test_any_other_address_is_refused(address):
    assert not is_allowed(address, allow_private=False)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "172.20.0.5", "192.168.0.10", "::1", "fd12::1", "8.8.8.8"]
)
def test_development_may_use_private_addresses(address):
    assert is_allowed(address, allow_private=True)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "::ffff:127.0.0.1", "100.64.0.1", "64:ff9b::7f00:1"],
)
def test_not_even_development_may_reach_what_clouds_hide_there(address):
    assert not is_allowed(address, allow_private=True)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001"])
def test_odd_spellings_are_seen_as_the_addresses_they_stand_for(host):
    assert system_resolver(host, 443) == ["127.0.0.1"]


def parse(url, hosts=(), private=False):
    return parse_url(url, allowed_hosts=hosts, allow_private=private)


def test_a_link_is_taken_apart_and_nothing_signed_is_changed():
    target = parse("https://Files.Evolink.AI:8443/a%2Fb/ü c.mp4?sig=a%2Bb/=&x=[1]#part".replace(" c", "c"))
    assert (target.secure, target.host, target.port) == (True, "files.evolink.ai", 8443)
    assert target.path == "/a%2Fb/%C3%BCc.mp4?sig=a%2Bb/=&x=[1]"
    assert parse("https://h.example").path == "/"
    assert parse("https://h.example.").host == "h.example"
    assert parse("https://bücher.example/").host == "xn--bcher-kva.example"
    assert parse("https://\uff11\uff12\uff17.0.0.1/").host == "127.0.0.1"
    assert parse("https://[::1]/").host == "::1"


@pytest.mark.parametrize(
    "url",
    [
        "http://h.example/",
        "ftp://h.example/",
        "file:///etc/passwd",
        "//h.example/",
        "h.example/v.mp4",
        "gopher://h.example/",
    ],
)
def test_only_https_is_taken(url):
    with pytest.raises(DownloadError) as caught:
        parse(url)
    assert caught.value.reason in {"bad_scheme", "forbidden_host"}
    assert not caught.value.retryable


def test_plain_http_is_for_development():
    assert parse("http://h.example/", private=True).port == 80


@pytest.mark.parametrize(
    "url",
    [
        "https://user@h.example/",
        "https://user:pw@h.example/",
        "https://@h.example/",
        "https://8.8.8.8@127.0.0.1/",
        "https://h.example\\@127.0.0.1/",
        "https://h.example /",
        "https://h.example/\r\nHost: x",
        "https://h.exa\tmple/",
        "https://[fe80::1%25eth0]/",
        "https://%31%32%37.0.0.1/",
        "https:///v.mp4",
        "https://h.example:0/",
        "https://h.example:99999/",
        "https://h.example:x/",
        "https://[::1/",
        "https://a..b/",
        "https://" + "x" * 70 + ".example/",
    ],
)
def test_a_host_spelled_to_deceive_is_refused(url):
    with pytest.raises(DownloadError) as caught:
        parse(url)
    assert caught.value.reason == "forbidden_host"


@pytest.mark.parametrize(
    ("host", "pattern", "allowed"),
    [
        ("files.evolink.ai", "files.evolink.ai", True),
        ("FILES.evolink.ai", "files.EVOLINK.ai", True),
        ("files.evolink.ai.", "files.evolink.ai", True),
        ("a.files.evolink.ai", "files.evolink.ai", False),
        ("files.evolink.ai", ".evolink.ai", True),
        ("evolink.ai", ".evolink.ai", True),
        ("files.evolink.ai", "*.evolink.ai", True),
        ("evolink.ai", "*.evolink.ai", False),
        ("notevolink.ai", ".evolink.ai", False),
        ("notevolink.ai", "*.evolink.ai", False),
        ("evolink.ai.evil.example", ".evolink.ai", False),
    ],
)
def test_hosts_can_be_narrowed(host, pattern, allowed):
    if allowed:
        parse(f"https://{host}/", hosts=["other.example", pattern])
    else:
        with pytest.raises(DownloadError) as caught:
            parse(f"https://{host}/", hosts=["other.example", pattern])
        assert caught.value.reason == "forbidden_host"


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://h.example/", "bad_redirect"),
        ("https://u:p@h.example/", "bad_redirect"),
        ("https://[", "bad_redirect"),
        (None, "bad_redirect"),
        ("", "bad_redirect"),
        ("ftp://h.example/", "bad_scheme"),
        ("https://other.example/", "forbidden_host"),
    ],
)
def test_a_redirect_is_held_to_the_same_rules(location, reason):
    here = parse("https://h.example/a", private=True)
    with pytest.raises(DownloadError) as caught:
        redirect_url(here, location, allowed_hosts=["h.example"], allow_private=True)
    assert caught.value.reason == reason


def test_a_redirect_may_be_relative():
    here = parse("https://h.example/a/b?x")
    assert redirect_url(here, "../c?y", allowed_hosts=(), allow_private=False).url == "https://h.example/c?y"
    assert redirect_url(here, "//cdn.example/d", allowed_hosts=(), allow_private=False).host == "cdn.example"


def test_an_error_survives_being_stored_by_a_queue():
    error = DownloadError("http_error", "Gone", http_status=410, retryable=False)
    again = pickle.loads(pickle.dumps(error))
    assert (again.reason, again.message, again.http_status, again.retryable) == ("http_error", "Gone", 410, False)
