from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from django_wanvideo.catalog.urls import MAX_URL_LENGTH, check_url, sendable


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/cat.png",
        "http://example.com",
        "HTTPS://Example.com:8443/a%20b.png?x=1&y=[2]#part",
        "https://[2001:db8::1]/cat.png",
        "http://127.0.0.1:8000/cat.png",
        "https://example.com/кот.png",
        "https://example.com/@user/cat.png",
        "https://example.com/" + "a" * (MAX_URL_LENGTH - 20),
    ],
)
def test_addresses_that_can_be_passed_on_are_taken(url):
    assert check_url(url) is None


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "required"),
        (None, "invalid"),
        (5, "invalid"),
        (["https://example.com"], "invalid"),
        ("cat.png", "scheme"),
        ("//example.com/cat.png", "scheme"),
        ("example.com/cat.png", "scheme"),
        ("ftp://example.com/cat.png", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("data:image/png;base64,AAAA", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("https://", "host"),
        ("https:///cat.png", "host"),
        ("https://:443/", "host"),
        ("https://./cat.png", "host"),
        ("https:example.com", "host"),
        ("https://example.com:0/", "host"),
        ("https://example.com:99999/", "invalid"),
        ("https://example.com:port/", "invalid"),
        ("https://[::1/", "invalid"),
        ("https://user@example.com/", "credentials"),
        ("https://user:secret@example.com/", "credentials"),
        ("https://@example.com/", "credentials"),
        (" https://example.com/", "invalid_characters"),
        ("https://example.com/a b.png", "invalid_characters"),
        ("https://example.com/\ncat.png", "invalid_characters"),
        ("https://exam\tple.com/", "invalid_characters"),
        ("https://example.com\\@other.example/", "invalid_characters"),
        ("https://example.com/\x00", "invalid_characters"),
        ("https://example.com/\ud800", "invalid_characters"),
        ("https://example.com/" + "a" * (MAX_URL_LENGTH - 19), "max_length"),
    ],
)
def test_addresses_that_cannot_be_passed_on_are_refused(url, code):
    with pytest.raises(ValidationError) as caught:
        check_url(url)
    assert caught.value.code == code


def test_no_message_repeats_a_password():
    with pytest.raises(ValidationError) as caught:
        check_url("https://user:hunter2@example.com/")
    assert "hunter2" not in str(caught.value)


@pytest.mark.fault("K9.link-with-a-space")
@pytest.mark.parametrize("space", [" ", "\u00a0", "\u2003", "\u3000", "\u2028"])
def test_a_space_is_told_as_a_space(space):
    with pytest.raises(ValidationError) as caught:
        check_url(f"https://example.com/a{space}b.png")
    (message,) = caught.value.messages
    assert message == "The link contains a space, at character 22. Copy it again: in a link a space is %20."


@pytest.mark.fault("K9.invisible-characters-in-links")
@pytest.mark.parametrize(
    "character",
    [
        "\u200b",
        "\u200d",
        "\ufeff",
        "\u2060",
        "\u00ad",
        "\u202e",
        "\u2066",
        "\u200f",
        "\u115f",
        "\u3164",
        "\u2800",
        "\U000e0041",
    ],
)
@pytest.mark.parametrize(
    "place", ["https://exam{}ple.com/a.png", "https://example.com/a{}.png", "{}https://example.com/"]
)
def test_what_cannot_be_seen_is_refused_by_its_number(character, place):
    with pytest.raises(ValidationError, match="cannot be seen") as caught:
        check_url(place.format(character))
    assert caught.value.code == "invalid_characters"
    assert f"U+{ord(character):04X}" in caught.value.messages[0]


@pytest.mark.fault("K9.links-beyond-ascii")
@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("https://bücher.example/кот.png", "https://xn--bcher-kva.example/%D0%BA%D0%BE%D1%82.png"),
        ("https://straße.example/", "https://xn--strae-oqa.example/"),
        ("https://例え.テスト:8443/猫?q=猫#猫", "https://xn--r8jz45g.xn--zckzah:8443/%E7%8C%AB?q=%E7%8C%AB#%E7%8C%AB"),
        ("https://BÜCHER.example/%D0%BA/é", "https://xn--bcher-kva.example/%D0%BA/%C3%A9"),
        ("https://i❤.example/", "https://xn--i-7iq.example/"),
        ("https://a.example/?sig=%2F+%20&é", "https://a.example/?sig=%2F+%20&%C3%A9"),
        ("https://A.example/a|b^c?d={e}", "https://A.example/a|b^c?d={e}"),
    ],
)
def test_a_link_beyond_ascii_is_sent_as_machines_read_it(given, sent):
    check_url(given)
    assert sendable(given) == sent
    assert sendable(sent) == sent


@pytest.mark.fault("K9.links-beyond-ascii")
def test_the_length_is_that_of_what_is_sent():
    check_url("https://example.com/" + "é" * 300)
    with pytest.raises(ValidationError) as caught:
        check_url("https://example.com/" + "é" * 400)
    assert caught.value.code == "max_length"


@pytest.mark.fault("K9.links-beyond-ascii")
@pytest.mark.parametrize("host", ["é" * 64 + ".example", "é..example"])
def test_a_name_that_no_site_can_have_is_refused(host):
    with pytest.raises(ValidationError) as caught:
        check_url(f"https://{host}/")
    assert caught.value.code == "host"
