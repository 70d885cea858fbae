from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from django_wanvideo.catalog.links import MAX_URL_LENGTH, check_url


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
