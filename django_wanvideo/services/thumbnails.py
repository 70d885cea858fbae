"""Small pictures for lists, made once when an input is stored."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any

from rq.timeouts import BaseTimeoutException

if TYPE_CHECKING:
    from django.core.files.base import File
    from PIL.Image import Image

#: Pixels: twice the 96 that a list shows, for dense screens.
LONGEST_SIDE = 192

_ORIENTATION = 0x0112


def make(content: IO[bytes] | File[bytes]) -> bytes:
    """Return a small JPEG of a picture that has passed the checks; the position is put back to the start.

    Raises whatever Pillow raises for a picture that it cannot make smaller.
    """
    import PIL.Image

    content.seek(0)
    try:
        with PIL.Image.open(content) as picture:
            picture.draft("RGB", (LONGEST_SIDE * 2, LONGEST_SIDE * 2))
            small = _in_colours(_turned(picture))
            small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            target = io.BytesIO()
            small.save(target, "JPEG", quality=78, optimize=True)
    finally:
        content.seek(0)
    return target.getvalue()


def _turned(picture: Image) -> Image:
    """Return the picture as people see it. Only its pixels: Pillow's own way writes the EXIF anew, which may be odd."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        turn = turns.get(picture.getexif().get(_ORIENTATION, 1))
    except BaseTimeoutException:
        raise
    except Exception:
        # Cameras and editors write EXIF that nobody can read; the picture itself is in order.
        turn = None
    return picture.transpose(turn) if turn is not None else picture.copy()


def _in_colours(picture: Image) -> Image:
    """Return the picture in the eight bits a colour that JPEG has; what is seen through becomes white."""
    import PIL.Image

    if picture.mode.startswith(("I", "F")):
        picture = _in_eight_bits(picture)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    ground = PIL.Image.new("RGBA", picture.size, "white")
    return PIL.Image.alpha_composite(ground, picture).convert("RGB")


def _in_eight_bits(picture: Image) -> Image:
    """Return greys of more than eight bits in eight; Pillow itself cuts off what is above 255."""
    greys = picture.convert("F")
    low, high = greys.getextrema()
    assert isinstance(low, float) and isinstance(high, float)  # noqa: S101, PT018 - for the type checker
    if picture.mode != "F" and low >= 0 and 255 < high <= 65535:
        scale, offset = 255 / 65535, 0.0
    elif low >= 0 and high <= 255 and not (picture.mode == "F" and high <= 1):
        scale, offset = 1.0, 0.0
    else:
        scale = 255 / (high - low) if high > low else 1.0
        offset = -low * scale
    point: Any = greys.point
    scaled: Image = point(lambda grey: grey * scale + offset)
    return scaled.convert("L")
