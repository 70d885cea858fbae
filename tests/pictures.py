"""Pictures that tests give to the site and to EvoLink."""

from __future__ import annotations

import io
import os
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image


def saved(image: Image.Image, kind: str, **options: Any) -> io.BytesIO:
    """A picture as a file; ``kind`` and ``options`` as Pillow names them."""
    target = io.BytesIO()
    image.save(target, kind, **options)
    target.seek(0)
    return target


def drawn(
    kind: str = "JPEG",
    size: tuple[int, int] = (640, 480),
    mode: str = "RGB",
    *,
    color: Any = "teal",
    is_half: bool = False,
    **options: Any,
) -> bytes:
    """A picture of one colour, sides in pixels; ``is_half`` leaves the right half dark."""
    image = Image.new(mode, size, color)
    if is_half:
        image.paste(Image.new(mode, (size[0] - size[0] // 2, size[1])), (size[0] // 2, 0))
    return saved(image, kind, **options).getvalue()


def noise(kind: str = "PNG", size: tuple[int, int] = (640, 480), mode: str = "RGB", **options: Any) -> io.BytesIO:
    """A picture of noise, so that a cut leaves pixels missing."""
    bands = [Image.frombytes("L", size, os.urandom(size[0] * size[1])) for _ in Image.new(mode, (1, 1)).getbands()]
    return saved(Image.merge(mode, bands) if len(bands) > 1 else bands[0].convert(mode), kind, **options)


def picture(kind: str = "JPEG", *args: Any, name: str = "", **options: Any) -> SimpleUploadedFile:
    """A picture as a browser uploads it; the rest as ``drawn`` takes it."""
    return SimpleUploadedFile(name or f"picture.{kind.lower()}", drawn(kind, *args, **options), f"image/{kind.lower()}")
