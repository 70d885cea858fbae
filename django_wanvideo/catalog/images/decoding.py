"""What kind of file something is, how a picture is turned, and what goes wrong when one is decoded."""

from __future__ import annotations

import struct
import zlib
from typing import Any

#: What Pillow and its decoders raise for content that is not what it says, where a site makes errors of warnings too;
#: never MemoryError.
BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
)
#: EXIF's tag for how the picture is turned.
_ORIENTATION = 0x0112
#: EXIF's kinds of whole numbers.
_WHOLE = {3: "H", 4: "I"}
_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"hevc": "HEIC", b"hevx": "HEIC"}
_BRANDS |= {b"mif1": "HEIC", b"msf1": "HEIC", b"avif": "AVIF", b"avis": "AVIF"}
_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"BM", "BMP"),
    (b"GIF8", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
)


class CutOffPictureError(OSError):
    """The data ended before the last row."""


class MissingDecoderError(Exception):
    """This site has nothing that reads such a picture."""


def kind_of(header: bytes) -> str:
    """Return which kind of file begins so, or an empty string; 64 bytes are enough."""
    if header[4:8] == b"ftyp":
        kind = _BRANDS.get(header[8:12], "")
        return "AVIF" if kind and b"avif" in header[8:64] else kind
    if header[:4] == b"RIFF" and header[8:12] == b"WEBP":
        return "WEBP"
    return next((kind for signature, kind in _SIGNATURES if header.startswith(signature)), "")


def is_bomb(error: BaseException) -> bool:
    """Tell whether Pillow thinks that the pixels are too many."""
    from PIL import Image

    return isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning))


def orientation(exif: bytes) -> int:
    """Return how the picture is turned, 1 to 8, by its EXIF data; 1 for any that cannot be read."""
    data = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for number in range(count):
            tag, kind = struct.unpack_from(f"{order}HH", data, start + 2 + 12 * number)
            if tag == _ORIENTATION:
                (value,) = struct.unpack_from(f"{order}{_WHOLE[kind]}", data, start + 10 + 12 * number)
                return value if 1 <= value <= 8 else 1
    except (struct.error, KeyError):
        pass
    return 1


def turned(image: Any, value: int) -> Any:
    """Return the picture as EXIF's ``value`` means it to be seen."""
    from PIL.Image import Transpose

    steps = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(steps[value]) if value in steps else image
