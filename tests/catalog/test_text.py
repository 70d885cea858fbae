"""The same words are the same text with the same length, wherever they come from."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.utils.functional import lazystr

from django_wanvideo import catalog
from django_wanvideo.catalog import json_values, text

FLASH = catalog.get("wan2.6-image-to-video-flash")


@pytest.mark.fault("K9.normalising")
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        (" \t\u00a0\u3000a b\x85\u2028\n", "a b"),
        ("\ufeffa\u200bb\u2060", "ab"),
        (" \ufeff a \u200b ", "a"),
        ("\r\n\r\n", ""),
        ("👩‍👩‍👧 می‌خواهم", "👩‍👩‍👧 می‌خواهم"),
        ("a\u2028b\x0bc\x0cd\x85e", "a\u2028b\x0bc\x0cd\x85e"),
    ],
)
def test_a_text_has_one_form(given, kept):
    assert text.normalised(given) == kept
    assert text.normalised(kept) == kept


@pytest.mark.fault("K9.variations-split-at-line-ends-only")
def test_only_a_line_end_ends_a_line():
    assert text.lines("one\r\n\r\n two\u2028still two\x0b\x0c\x85\x1c\u2029two \rthree\n") == [
        "one",
        "two\u2028still two\x0b\x0c\x85\x1c\u2029two",
        "three",
    ]


@pytest.mark.fault("K9.normalising")
def test_a_prompt_is_measured_as_it_is_kept():
    inputs = {"first_frame": ["https://a.example/"]}
    written = "x" * 740 + "\r\n" * 10 + "y" * 750
    catalog.clean(FLASH, prompt=f"  {written}\r\n", inputs=inputs)
    catalog.clean(FLASH, prompt=lazystr(written), inputs=inputs, parameters={"quality": lazystr("1080p")})
    with pytest.raises(ValidationError, match="has 1501 characters"):
        catalog.clean(FLASH, prompt=f"  {written}z\r\n", inputs=inputs)


def deep(levels, make):
    found = 1
    for _level in range(levels):
        found = make(found)
    return found


@pytest.mark.fault("K9.metadata")
def test_any_json_object_comes_back_as_the_database_gives_it():
    given = {"a": (1, 2), 3: lazystr("drei"), "b": {"c": [None, True, 1.5, "ü🎹"]}}
    assert json_values.clean(given) == {"a": [1, 2], "3": "drei", "b": {"c": [None, True, 1.5, "ü🎹"]}}
    assert json_values.clean(None) == {}
    assert json_values.clean(deep(80, lambda inner: {"a": inner}))


CIRCLE: dict[str, object] = {}
CIRCLE |= {"a": CIRCLE, "b": CIRCLE, "c": [CIRCLE, CIRCLE]}
BAD = {
    "a list": ["a"],
    "equal names": {1: "a", "1": "b"},
    "equal names further in": {"x": [{True: 1, "true": 2}]},
    "half a character": {"a": "\ud83d"},
    "half a character in a name": {"\udc00": 1},
    "a NUL": {"a": "b\x00"},
    "infinite": {"a": float("inf")},
    "no number": {"a": [float("nan")]},
    "a number of 5,000 digits": {"a": 10**5000},
    "an object": {"a": object()},
    "bytes": {"a": b"b"},
    "a set": {"a": {1}},
    "a name that is none": {(1, 2): 3},
    "3,000 levels": deep(3000, lambda inner: {"a": inner}),
    "100,000 levels of lists": {"a": deep(100_000, lambda inner: [inner])},
    "a circle": CIRCLE,
}


@pytest.mark.fault("K9.metadata")
@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
def test_what_some_database_refuses_is_an_error_that_can_be_shown(value):
    with pytest.raises(ValidationError) as caught:
        json_values.clean(value)
    (message,) = caught.value.messages
    message.encode()
