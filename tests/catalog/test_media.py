"""Limits of clips, sounds and documents, held against what was measured of them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from django_wanvideo import catalog
from django_wanvideo.catalog import media
from django_wanvideo.catalog.inputs import MEGABYTE, MediaFacts
from django_wanvideo.catalog.media import Unchecked

CLIP = MediaFacts("MP4", 5 * MEGABYTE, 1280, 720, Decimal("4.5"))
REFERENCE = catalog.get("wan3.0-reference-video")
CONTINUATION = catalog.get("wan2.7-image-to-video")


def clip(**changes):
    values = {name: getattr(CLIP, name) for name in ("format", "size", "width", "height", "seconds")}
    return MediaFacts(**values | changes)


def codes(spec, inputs, parameters=None):
    try:
        media.check(spec, inputs, parameters or {})
    except ValidationError as error:
        return {role: [found.code for found in errors] for role, errors in error.error_dict.items()}
    return {}


def test_what_fits_is_checked_whole():
    assert media.check(REFERENCE, {"reference_videos": [CLIP]}, {}) == []


def test_what_nobody_measured_is_named_and_not_guessed():
    sound = MediaFacts("MP3", 1 * MEGABYTE)
    found = media.check(
        REFERENCE,
        {"reference_videos": [CLIP, MediaFacts()], "audio": [sound], "document": [MediaFacts("PDF", 100)]},
        {},
    )
    assert found == [
        *(Unchecked("reference_videos", 1, fact) for fact in ("format", "size", "sides", "seconds")),
        Unchecked("audio", 0, "seconds"),
        Unchecked("document", 0, "pages"),
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"format": "WEBM"}, "format"),
        ({"size": 100 * MEGABYTE + 1}, "too_many_bytes"),
        ({"width": 239}, "sides"),
        ({"height": 4097}, "sides"),
        ({"width": 4096, "height": 500}, "ratio"),
        ({"seconds": Decimal("0.9")}, "seconds"),
        ({"seconds": Decimal("15.1")}, "seconds"),
    ],
)
def test_each_limit_has_its_own_words(changes, code):
    found = codes(REFERENCE, {"reference_videos": [clip(**changes)]})
    assert code in found["reference_videos"]


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "MOV"},
        {"size": 100 * MEGABYTE},
        {"width": 4096, "height": 512},
        {"width": 240, "height": 240},
        {"seconds": Decimal(1)},
        {"seconds": Decimal(15)},
    ],
)
def test_limits_are_inclusive(changes):
    assert codes(REFERENCE, {"reference_videos": [clip(**changes)]}) == {}


@pytest.mark.parametrize(
    ("lengths", "duration", "expected"),
    [
        (["8", "7"], 15, []),
        (["8", "8"], 5, ["total_seconds"]),
        (["12", None], 30, ["total_seconds_with_video"]),
        (["10"], 20, []),
        (["10"], 21, ["total_seconds_with_video"]),
        # How long it becomes is not known, so nothing is said of both together.
        (["10"], -1, []),
    ],
)
def test_clips_are_limited_together_and_with_the_video(lengths, duration, expected):
    clips = [clip(seconds=Decimal(length) if length else None) for length in lengths]
    found = codes(REFERENCE, {"reference_videos": clips}, {"duration": duration})
    assert found.get("reference_videos", []) == expected


@pytest.mark.parametrize(("seconds", "duration", "is_right"), [("8", 8, True), ("8.04", 8, False), ("3", 15, True)])
def test_a_continuation_is_not_shorter_than_its_clip(seconds, duration, is_right):
    found = codes(CONTINUATION, {"source_video": [clip(seconds=Decimal(seconds))]}, {"duration": duration})
    assert (found == {}) is is_right


def test_a_document_has_a_limit_of_pages():
    assert codes(REFERENCE, {"document": [MediaFacts("PDF", 1, pages=51)]}) == {"document": ["pages"]}
    assert codes(REFERENCE, {"document": [MediaFacts("ZIP", 1, pages=50)]}) == {"document": ["format"]}
