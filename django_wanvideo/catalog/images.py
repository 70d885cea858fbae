"""Pictures, judged by their content: what they are, whether a model takes them, and how they are uploaded.

Pillow is loaded when the first picture is looked at, not before.
"""

from __future__ import annotations

import math
import os
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

    from django_wanvideo.catalog.spec import InputSpec

#: What any model can take. Pillow is told to try no other decoder, whatever the content claims to be.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
#: Larger files, in bytes, are refused unread: no model takes them, and WebP is read into memory to be opened.
MAX_READ_BYTES = 50_000_000
#: Pictures with more pixels are judged by their header alone. No model in the catalogue takes them.
MAX_DECODED_PIXELS = 2000 * 2000
#: Converted pictures up to this size, in bytes, stay in memory.
SPOOL_BYTES = 1_000_000

_HEADER_BYTES = 16
#: EXIF's tag for how the picture is turned, and its values that swap width and height.
_ORIENTATION = 0x0112
_TURNED = {5, 6, 7, 8}
_EXTENSIONS = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png"), "WEBP": ("image/webp", "webp")}
_SIGNATURES = ((b"GIF8", "GIF"), (b"II*\x00", "TIFF"), (b"MM\x00*", "TIFF"), (b"%PDF", "PDF"), (b"<svg", "SVG"))
_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"avif": "AVIF", b"avis": "AVIF"}


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


def inspect_image(fileobj: IO[bytes]) -> ImageFacts:
    """Measure a picture by its content, whatever its name. The file is left open, at its beginning.

    Raises ValidationError for what is no JPEG, PNG, WebP or BMP, is damaged or cut off, or is too large to be opened.
    """
    fileobj.seek(0, os.SEEK_END)
    size = fileobj.tell()
    fileobj.seek(0)
    if not size:
        raise ValidationError(_("The file is empty. Choose another one."), "empty")
    if size > MAX_READ_BYTES:
        message = _("This file has %(size)s, more than any model takes. Save the picture smaller, as JPEG.")
        raise ValidationError(message, "max_bytes", {"size": megabytes(size)})
    try:
        _refuse_other_kinds(fileobj.read(_HEADER_BYTES))
        return _measure(fileobj, size)
    finally:
        fileobj.seek(0)


def check_image(facts: ImageFacts, spec: InputSpec) -> None:
    """Raise ValidationError with all reasons why ``spec`` does not take such a picture, and the repair of each."""
    if problems := list(_problems(facts, spec)):
        raise ValidationError(problems)


def as_uploadable(fileobj: IO[bytes], facts: ImageFacts) -> tuple[IO[bytes], str, str]:
    """Return the file to upload, its media type, and its extension without a dot.

    BMP becomes PNG, in a temporary file that the caller closes, because EvoLink's file service refuses BMP; every
    other picture is returned as it is, at its beginning.
    """
    fileobj.seek(0)
    if facts.format != "BMP":
        return fileobj, *_EXTENSIONS[facts.format]
    import PIL.Image

    target = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - handed to the caller
    try:
        with PIL.Image.open(fileobj, formats=["BMP"]) as image:
            image.save(target, "PNG")
    except BaseException:
        target.close()
        raise
    finally:
        fileobj.seek(0)
    target.seek(0)
    return target, *_EXTENSIONS["PNG"]


def megabytes(size: int) -> str:
    """Return ``size`` bytes in MB, rounded up so that a file over a limit never reads like one at it."""
    hundredths = math.ceil(size / 10_000)
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".") + "\N{NO-BREAK SPACE}MB"


def _measure(fileobj: IO[bytes], size: int) -> ImageFacts:
    """Open and decode with Pillow; its many errors all mean that the content is not what it says."""
    import PIL.Image

    try:
        fileobj.seek(0)
        with PIL.Image.open(fileobj, formats=FORMATS) as image:
            name = "JPEG" if image.format == "MPO" else str(image.format)
            # The further pictures of an MPO are depth maps and the like; the first one stands still.
            is_animated = name != "JPEG" and bool(getattr(image, "is_animated", False))
            has_transparency = image.has_transparency_data
            width, height = image.size
            is_decoded = width * height <= MAX_DECODED_PIXELS
            if is_decoded:
                image.load()
                width, height = _as_shown(image)
        if name == "PNG" and is_decoded:
            # Decoding forgives a missing end and wrong checksums; EvoLink need not.
            fileobj.seek(0)
            with PIL.Image.open(fileobj, formats=["PNG"]) as image:
                image.verify()
    except MemoryError:
        raise
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        message = _("This picture has too many pixels to be opened. Make it smaller and choose it again.")
        raise ValidationError(message, "too_many_pixels") from error
    except PIL.UnidentifiedImageError as error:
        message = _("This file is no picture that can be used. Choose a JPEG, PNG, WebP or BMP.")
        raise ValidationError(message, "not_an_image") from error
    except Exception as error:
        message = _("This picture is damaged or incomplete. Open it, save it anew as JPEG, and choose that.")
        raise ValidationError(message, "damaged") from error
    return ImageFacts(name, width, height, size, has_transparency, is_animated, is_decoded)


def _as_shown(image: Image) -> tuple[int, int]:
    """Return the width and height of a decoded picture as people see it."""
    width, height = image.size
    return (height, width) if image.getexif().get(_ORIENTATION) in _TURNED else (width, height)


def _refuse_other_kinds(header: bytes) -> None:
    """Raise ValidationError that calls a well-known kind of file by its name."""
    kind = next((name for signature, name in _SIGNATURES if header.startswith(signature)), None)
    if header[4:8] == b"ftyp":
        kind = _BRANDS.get(header[8:12])
    if kind:
        message = _("%(format)s cannot be used. Save the picture as JPEG, PNG, WebP or BMP and choose that.")
        raise ValidationError(message, "format", {"format": kind})


def _problems(facts: ImageFacts, spec: InputSpec) -> Iterator[ValidationError]:
    """Yield each reason why ``spec`` does not take such a picture."""
    if facts.format not in spec.formats:
        message = _("%(format)s is not taken here. Save the picture as %(formats)s and choose that.")
        yield ValidationError(message, "format", {"format": facts.format, "formats": ", ".join(spec.formats)})
    if facts.is_animated:
        yield ValidationError(_("This picture moves. Save one frame of it, as JPEG, and choose that."), "animated")
    if facts.has_transparency and not spec.allow_transparency:
        message = _(
            "This picture has transparency (an alpha channel). Save it as JPEG, or as PNG without transparency, and "
            "choose that."
        )
        yield ValidationError(message, "transparency")
    if facts.size > spec.max_bytes:
        message = _("This picture has %(size)s; at most %(limit)s are taken. Save it smaller, for example as JPEG.")
        yield ValidationError(message, "max_bytes", {"size": megabytes(facts.size), "limit": megabytes(spec.max_bytes)})
    sides = list(_side_problems(facts, spec))
    yield from sides
    if not facts.is_decoded and not sides:
        message = _("This picture has too many pixels to be checked. Make it smaller and choose it again.")
        yield ValidationError(message, "too_many_pixels")


def _side_problems(facts: ImageFacts, spec: InputSpec) -> Iterator[ValidationError]:
    """Yield what is wrong with width and height, with the nearest size that fits."""
    sides = (facts.width, facts.height)
    low, high = spec.min_side or 1, spec.max_side or max(sides)
    if low <= min(sides) and max(sides) <= high:
        return
    is_large = max(sides) > high
    # Multiplied before divided: 2000 / 4032 * 4032 is not 2000.
    fitted = [
        round(side * high / max(sides)) if is_large else math.ceil(side * low / max(1, min(sides))) for side in sides
    ]
    if min(fitted) < low or max(fitted) > high:
        repair = gettext("Crop it: one side is too long for the other.")
    elif is_large:
        repair = gettext("Make it smaller, for example %(size)s.") % {"size": _dimensions(*fitted)}
    else:
        repair = gettext("Choose a larger one, at least %(size)s.") % {"size": _dimensions(*fitted)}
    message = _("This picture is %(size)s pixels; each side must have %(low)s to %(high)s. %(repair)s")
    params = {"size": _dimensions(*sides), "low": low, "high": high, "repair": repair}
    yield ValidationError(message, "sides", params)


def _dimensions(width: int, height: int) -> str:
    """Return width and height as people write them."""
    return f"{width} \N{MULTIPLICATION SIGN} {height}"
