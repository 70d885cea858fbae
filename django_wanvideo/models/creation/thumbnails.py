"""Small pictures for lists, made once when an input is stored."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from django_wanvideo.catalog.images import small_jpeg

if TYPE_CHECKING:
    from django.core.files.base import File

#: Pixels: twice the 96 that a list shows, for dense screens.
LONGEST_SIDE = 192

_ORIENTATION = 0x0112


def make(content: IO[bytes] | File[bytes]) -> bytes:
    """Return a small JPEG of a picture that has passed the checks; the position is put back to the start."""
    return small_jpeg(content, LONGEST_SIDE)
