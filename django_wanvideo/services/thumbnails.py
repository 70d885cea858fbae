"""Small pictures for lists, made once when an input is stored."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from django.core.files.base import File

#: Pixels: twice the 96 that a list shows, for dense screens.
LONGEST_SIDE = 192


def make(content: IO[bytes] | File[bytes]) -> bytes:
    """Return a small JPEG of a picture that has passed the checks; the position is put back to the start."""
    from PIL import Image, ImageOps

    content.seek(0)
    with Image.open(content) as picture:
        picture.draft("RGB", (LONGEST_SIDE * 2, LONGEST_SIDE * 2))
        small = ImageOps.exif_transpose(picture).convert("RGB")
        small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        target = io.BytesIO()
        small.save(target, "JPEG", quality=78, optimize=True)
    content.seek(0)
    return target.getvalue()
