"""Files of pictures, read whole: which kind they are, and what they consist of."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from django_wanvideo.catalog.images import containers, decoding, errors

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
        kind = decoding.kind_of(fileobj.read(_HEADER_BYTES))
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
