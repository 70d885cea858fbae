"""Pictures, judged by their content: what they are, and whether a model takes them.

Pillow is loaded when the first picture is looked at, not before.
"""

from __future__ import annotations

import math
from typing import IO, TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.images import errors, readers
from django_wanvideo.catalog.images.conversion import as_uploadable
from django_wanvideo.catalog.images.files import (
    CONVERTIBLE,
    MAX_CLAIMED_PIXELS,
    MAX_PIXELS,
    SWAPPED,
    ImageFacts,
    orientation,
    read_image,
    read_layout,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_wanvideo.catalog.inputs import InputSpec

#: Pictures with more pixels are judged by their header alone, unless the model that they are for takes larger ones.
MAX_DECODED_PIXELS = 2000 * 2000


def inspect_image(fileobj: IO[bytes], *, convertible: bool = False, spec: InputSpec | None = None) -> ImageFacts:
    """Measure a picture by its content, whatever its name. The file is left open, at its beginning.

    Args:
        convertible: let AVIF, TIFF and HEIC pass, which only the fixing of inputs makes use of.
        spec: what it is for, if that is known: whatever may be sent is decoded.

    Raises ValidationError for what is no picture that can be read, is damaged or cut off, or is too large to be opened.
    """
    largest = spec.max_side if spec is not None and spec.max_side is not None else 0
    kind, data = read_image(fileobj, convertible=convertible)
    found = read_layout(kind, data)
    with errors.told(kind), readers.opened(kind, found) as image:
        width, height = image.size
        if width * height > MAX_CLAIMED_PIXELS:
            raise errors.too_many_pixels()
        has_transparency = image.has_transparency_data
        is_animated = found.is_animated or (kind in {"AVIF", "TIFF"} and bool(getattr(image, "is_animated", False)))
        is_decoded = width * height <= MAX_DECODED_PIXELS or max(width, height) <= largest
        is_decoded = is_decoded and width * height <= MAX_PIXELS
        if is_decoded:
            readers.load(image)
            width, height = image.size
        is_turned = orientation(image, kind, found) in SWAPPED
    if is_turned:
        width, height = height, width
    return ImageFacts(kind, width, height, len(data), has_transparency, is_animated, is_decoded)


def check_image(facts: ImageFacts, spec: InputSpec) -> None:
    """Raise ValidationError with all reasons why ``spec`` does not take such a picture, and the repair of each."""
    if problems := list(_problems(facts, spec)):
        raise ValidationError(problems)


def fit(fileobj: IO[bytes], facts: ImageFacts, spec: InputSpec) -> tuple[int, int]:
    """Return the width and height at which ``spec`` takes the picture as a JPEG, having made it once to be sure.

    Raises ValidationError for what no conversion repairs: too small, one side too long for the other, moving, seen
    through, damaged.
    """
    problems = [error for error in _problems(facts, spec) if error.code == "animated"]
    width, height = _scaled_down(facts.width, facts.height, spec.max_side)
    if min(width, height) < (spec.min_side or 1) or _is_too_long(width, height, spec):
        problems += _side_problems(facts, spec)
    if problems:
        raise ValidationError(problems)
    content, _type, _extension = as_uploadable(fileobj, facts, fitted=(width, height), max_bytes=spec.max_bytes)
    content.close()
    return width, height


def size_to_send(facts: ImageFacts, spec: InputSpec) -> tuple[int, int] | None:
    """Return the size at which ``fit`` would send the picture; ``None`` where it goes as it is, or not at all."""
    size = _scaled_down(facts.width, facts.height, spec.max_side)
    is_fit = not any(_problems(facts, spec))
    is_misfit = facts.is_animated or min(size) < (spec.min_side or 1) or _is_too_long(*size, spec)
    return None if is_fit or is_misfit else size


def convertible_types() -> str:
    """Return the media types of what can be made fit on this site, as the ``accept`` attribute takes them."""
    return ",".join(f"image/{kind.lower()}" for kind in CONVERTIBLE if readers.reader_of(kind))


def _problems(facts: ImageFacts, spec: InputSpec) -> Iterator[ValidationError]:
    if facts.format not in spec.formats:
        message = _("%(format)s is not taken here. Save the picture as %(formats)s and choose that.")
        yield ValidationError(message, "format", {"format": facts.format, "formats": ", ".join(spec.formats)})
    if facts.is_animated:
        yield errors.several() if facts.format == "TIFF" else errors.moving()
    if facts.has_transparency and not spec.allow_transparency:
        yield errors.transparency(format=facts.format)
    if facts.size > spec.max_bytes:
        yield errors.too_many_bytes(size=errors.megabytes(facts.size), limit=errors.megabytes(spec.max_bytes))
    sides = list(_side_problems(facts, spec))
    yield from sides
    if not facts.is_decoded and not sides:
        message = _("This picture has too many pixels to be checked. Make it smaller and choose it again.")
        yield ValidationError(message, "too_many_pixels")


def _scaled_down(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """Return the sides scaled so that none is longer than ``longest``; half a pixel is rounded up, as browsers do."""
    most = max(width, height)
    if longest is None or most <= longest:
        return width, height
    # Multiplied before divided: 2000 / 4032 * 4032 is not 2000.
    return (2 * width * longest + most) // (2 * most), (2 * height * longest + most) // (2 * most)


def _is_too_long(width: int, height: int, spec: InputSpec) -> bool:
    return spec.max_ratio is not None and max(width, height) > spec.max_ratio * min(width, height)


def _side_problems(facts: ImageFacts, spec: InputSpec) -> Iterator[ValidationError]:
    """Yield what is wrong with width and height, with the nearest size that fits."""
    sides = (facts.width, facts.height)
    low, high = spec.min_side or 1, spec.max_side or max(sides)
    if _is_too_long(*sides, spec):
        message = _("One side of this picture is more than %(limit)s times as long as the other. Crop it.")
        yield ValidationError(message, "ratio", {"limit": spec.max_ratio})
    if low <= min(sides) and max(sides) <= high:
        return
    is_large = max(sides) > high
    fitted: Any = _scaled_down(*sides, high)
    if not is_large:
        fitted = [math.ceil(side * low / max(1, min(sides))) for side in sides]
    if min(fitted) < low or max(fitted) > high:
        repair = gettext("Crop it: one side is too long for the other.")
    elif is_large:
        repair = gettext("Make it smaller, for example %(size)s.") % {"size": dimensions(*fitted)}
    else:
        repair = gettext("Choose a larger one, at least %(size)s.") % {"size": dimensions(*fitted)}
    message = _("This picture is %(size)s pixels; each side must have %(low)s to %(high)s. %(repair)s")
    params = {"size": dimensions(*sides), "low": low, "high": high, "repair": repair}
    params |= {"width": facts.width, "height": facts.height}
    yield ValidationError(message, "sides", params)


def dimensions(width: int, height: int) -> str:
    """Return width and height as people write them."""
    return f"{width} \N{MULTIPLICATION SIGN} {height}"
