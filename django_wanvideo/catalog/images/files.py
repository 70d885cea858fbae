"""Files of pictures, read whole: which kind they are, what they consist of, and how the picture is turned."""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from django_wanvideo.catalog.images import containers, errors

if TYPE_CHECKING:
    from django_wanvideo.catalog.images.containers import Layout

#: What any model can take.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
#: What can be made into one of them.
CONVERTIBLE = ("AVIF", "TIFF", "HEIC")
#: Larger files, in bytes, are refused unread: no model takes them, and files are read into memory to be opened.
MAX_READ_BYTES = 50_000_000
#: Pictures with more pixels are not even made smaller. A JPEG is decoded at a fraction of its size, others are not.
MAX_PIXELS = 64_000_000
#: Files that claim more pixels are refused at once; the largest phones have 200 million.
MAX_CLAIMED_PIXELS = 210_000_000

_HEADER_BYTES = 64
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
#: EXIF's ways to turn a picture that swap width and height.
SWAPPED = frozenset({5, 6, 7, 8})


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What was measured. Width and height, in pixels, are those of the picture as it is shown, turned by its EXIF."""

    format: str
    width: int
    height: int
    #: Bytes.
    size: int
    #: Whether there is an alpha channel or a transparent colour, used or not.
    has_transparency: bool
    is_animated: bool = False
    #: Whether every pixel has been decoded without an error.
    is_decoded: bool = True


def read_image(fileobj: IO[bytes], *, convertible: bool = True) -> tuple[str, bytes]:
    """Return the kind of a picture and its bytes. Raises ValidationError for what no picture can be made of."""
    fileobj.seek(0, os.SEEK_END)
    size = fileobj.tell()
    fileobj.seek(0)
    if not size:
        raise errors.empty()
    if size > MAX_READ_BYTES:
        raise errors.unread(size=errors.megabytes(size))
    try:
        kind = kind_of(fileobj.read(_HEADER_BYTES))
        if not kind:
            raise errors.not_an_image()
        if kind not in FORMATS and not (convertible and kind in CONVERTIBLE):
            raise errors.unusable(format=kind)
        fileobj.seek(0)
        return kind, fileobj.read(MAX_READ_BYTES + 1)
    finally:
        fileobj.seek(0)


def read_layout(kind: str, data: bytes) -> Layout:
    """Return what the file consists of. Raises ValidationError for a damaged one, and for one too large to open."""
    with errors.told(kind):
        found = containers.layout(kind, data)
    # The room for all pixels of a WebP is taken when it is opened.
    if kind == "WEBP" and found.size and math.prod(found.size) > MAX_PIXELS:
        raise errors.too_many_pixels()
    return found


def kind_of(header: bytes) -> str:
    """Return which kind of file begins so, or an empty string; 64 bytes are enough."""
    if header[4:8] == b"ftyp":
        kind = _BRANDS.get(header[8:12], "")
        return "AVIF" if kind and b"avif" in header[8:64] else kind
    if header[:4] == b"RIFF" and header[8:12] == b"WEBP":
        return "WEBP"
    return next((kind for signature, kind in _SIGNATURES if header.startswith(signature)), "")


def orientation(image: Any, kind: str, layout: Layout) -> int:
    """Return how an opened picture is turned, 1 to 8, by its EXIF data; 1 for any that cannot be read."""
    exif: bytes = image.info.get("exif", b"") if kind == "AVIF" else layout.exif
    data = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for number in range(count):
            tag, size = struct.unpack_from(f"{order}HH", data, start + 2 + 12 * number)
            if tag == _ORIENTATION:
                (value,) = struct.unpack_from(f"{order}{_WHOLE[size]}", data, start + 10 + 12 * number)
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
