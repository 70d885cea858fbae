"""What is uploaded of a picture: turned upright, in the colours of the web, and without anything but the picture.

The same file gives the same picture each time, so what was looked at before is what is sent later.
"""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any

from django_wanvideo.catalog.images import errors, readers
from django_wanvideo.catalog.images.files import (
    MAX_PIXELS,
    MAX_READ_BYTES,
    SWAPPED,
    orientation,
    read_image,
    read_layout,
    turned,
)

if TYPE_CHECKING:
    from django_wanvideo.catalog.images.containers import Layout
    from django_wanvideo.catalog.images.files import ImageFacts

MEDIA_TYPES = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png"), "WEBP": ("image/webp", "webp")}
#: JPEG qualities from the best on, until the file is small enough.
_QUALITIES = (95, 92, 88, 80, 70, 55)
#: Below this one, colours have half the resolution, as is usual.
_FULL_COLOUR = 88


def as_uploadable(
    fileobj: IO[bytes], facts: ImageFacts, *, fitted: tuple[int, int] | None = None, max_bytes: int | None = None
) -> tuple[IO[bytes], str, str]:
    """Return the file to upload, its media type, and its extension without a dot.

    A picture that stands upright, in the colours of the web and alone in its file is returned as it is, at its
    beginning; where only other data stand beside it, they are left out and its pixels are not touched. What is turned,
    or has other colours, is encoded anew; a BMP becomes a PNG, because EvoLink's file service refuses BMP. The caller
    closes a new file.

    Args:
        facts: what the file was found to be.
        fitted: width and height in pixels of a JPEG to be made of it, whatever it is.
        max_bytes: how large a file that is encoded anew may be.

    Raises ValidationError for a picture that cannot be decoded, or that is to become a JPEG and can be seen through.
    """
    from PIL.Image import Resampling

    kind = facts.format
    fileobj.seek(0)
    data = fileobj.read(MAX_READ_BYTES)
    fileobj.seek(0)
    found = read_layout(kind, data)
    with errors.told(kind), readers.opened(kind, found) as image:
        profile, way = _profile_and_way(image, kind, found)
        is_plain = way == 1 and image.mode != "CMYK" and not _is_foreign(profile, image.mode)
        if fitted is None and is_plain and kind in MEDIA_TYPES:
            return fileobj if found.stripped == data else io.BytesIO(found.stripped), *MEDIA_TYPES[kind]
        if fitted is not None and way in SWAPPED:
            fitted = (fitted[1], fitted[0])
        picture = _decoded(image, kind, profile, drafted=fitted)
    if fitted is not None:
        if picture.mode == "RGBA":
            raise errors.transparency(format=facts.format)
        picture = picture.resize(fitted, Resampling.LANCZOS)
    picture = turned(picture, way)
    # Pillow writes some of what a picture came with into the next file.
    picture.info = {}
    becomes = "JPEG" if fitted is not None else _best_kind(kind, found, picture.mode)
    return _encoded(picture, becomes, max_bytes)


def small_jpeg(fileobj: IO[bytes], longest: int) -> bytes:
    """Return the picture as people see it, as a JPEG whose longer side has at most ``longest`` pixels.

    What can be seen through is white. Raises ValidationError for a picture that cannot be decoded.
    """
    from PIL import Image

    kind, data = read_image(fileobj)
    found = read_layout(kind, data)
    with errors.told(kind), readers.opened(kind, found) as image:
        profile, way = _profile_and_way(image, kind, found)
        # Twice the size, so that a difference of the sides to the decoder's eighths is not seen.
        picture = _decoded(image, kind, profile, drafted=(2 * longest, 2 * longest))
    picture.thumbnail((longest, longest))
    if picture.mode == "RGBA":
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        picture = white
    target = io.BytesIO()
    picture = turned(picture.convert("RGB"), way)
    picture.info = {}
    picture.save(target, "JPEG", quality=78, optimize=True)
    return target.getvalue()


def _profile_and_way(image: Any, kind: str, found: Layout) -> tuple[bytes, int]:
    """Return the colour profile, or nothing, and how EXIF says that the picture is turned."""
    return found.profile or image.info.get("icc_profile") or b"", orientation(image, kind, found)


def _decoded(image: Any, kind: str, profile: bytes, drafted: tuple[int, int] | None) -> Any:
    """Return the pixels, not turned yet; those of a JPEG perhaps fewer, but no fewer than ``drafted``."""
    if drafted is not None and kind == "JPEG":
        # Decoded at a half, a quarter or an eighth: a fraction of the time and the memory.
        image.draft(image.mode, drafted)
    if image.size[0] * image.size[1] > MAX_PIXELS:
        raise errors.too_many_pixels()
    readers.load(image)
    return _in_web_colours(image, profile)


def _in_web_colours(image: Any, profile: bytes) -> Any:
    """Return the picture in eight bits, sRGB or grey; with an alpha channel only where something can be seen through."""
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        alpha = seen.getchannel("A")
        colours = _from_profile(seen.convert("RGB"), profile)
        if alpha.getextrema()[0] == 255:
            return colours
        colours.putalpha(alpha)
        return colours
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bits(image)
    if image.mode in {"1", "L"}:
        return image.convert("L")
    return _from_profile(image if image.mode == "CMYK" else image.convert("RGB"), profile)


def _eight_bits(image: Any) -> Any:
    """Return a grey picture of more bits, or of fractions, in eight."""
    wide = image.convert("F")
    brightest = wide.getextrema()[1]
    white = 65535 if brightest > 255 or image.mode.startswith("I;16") else 255 if brightest > 1 else 1
    return wide.point(lambda value: value * (255 / white) + 0).convert("L")


def _is_foreign(profile: bytes, mode: str) -> bool:
    """Tell whether the colours mean something else than those of the web."""
    if not profile or mode in {"1", "L", "LA", "I", "I;16", "F"}:
        return False
    cms = _cms()
    if cms is None:
        return False
    try:
        return "srgb" not in str(cms.getProfileDescription(cms.ImageCmsProfile(io.BytesIO(profile)))).lower()
    except (cms.PyCMSError, *errors.BROKEN):
        return False


def _from_profile(picture: Any, profile: bytes) -> Any:
    """Return the colours as the profile means them; a profile that cannot be used counts as none."""
    cms = _cms()
    if _is_foreign(profile, picture.mode) and cms is not None:
        try:
            given = cms.ImageCmsProfile(io.BytesIO(profile))
            return cms.profileToProfile(picture, given, cms.createProfile("sRGB"), outputMode="RGB")
        except (cms.PyCMSError, *errors.BROKEN):
            pass
    return picture.convert("RGB")


def _cms() -> Any:
    """Return Pillow's colour management, where it was built with it."""
    from PIL import features

    if not features.check("littlecms2"):
        return None
    from PIL import ImageCms

    return ImageCms


def _best_kind(kind: str, found: Layout, mode: str) -> str:
    """Return what a picture that is not fitted becomes: JPEG where it had lost detail already."""
    is_lossy = kind == "JPEG" or (kind == "WEBP" and b"VP8L" not in found.stripped[:64])
    return "JPEG" if is_lossy and mode != "RGBA" else "PNG"


def _encoded(picture: Any, kind: str, max_bytes: int | None) -> tuple[IO[bytes], str, str]:
    target = io.BytesIO()
    if kind == "PNG":
        picture.save(target, "PNG")
        if max_bytes is None or target.tell() <= max_bytes or picture.mode == "RGBA":
            target.seek(0)
            return target, *MEDIA_TYPES["PNG"]
    for quality in _QUALITIES:
        target = io.BytesIO()
        picture.save(target, "JPEG", quality=quality, subsampling=0 if quality >= _FULL_COLOUR else 2)
        if max_bytes is None or target.tell() <= max_bytes:
            break
    else:
        raise errors.too_many_bytes(size=errors.megabytes(target.tell()), limit=errors.megabytes(max_bytes or 0))
    target.seek(0)
    return target, *MEDIA_TYPES["JPEG"]
