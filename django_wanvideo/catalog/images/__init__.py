"""What a picture is, whether a model takes it, and how it is made fit and stripped of all that is not the picture."""

from __future__ import annotations

from django_wanvideo.catalog.images.conversion import as_uploadable, small_jpeg
from django_wanvideo.catalog.images.files import MAX_READ_BYTES, ImageFacts
from django_wanvideo.catalog.images.inspection import (
    check_image,
    convertible_types,
    dimensions,
    fit,
    inspect_image,
    size_to_send,
)

__all__ = [
    "MAX_READ_BYTES",
    "ImageFacts",
    "as_uploadable",
    "check_image",
    "convertible_types",
    "dimensions",
    "fit",
    "inspect_image",
    "size_to_send",
    "small_jpeg",
]
