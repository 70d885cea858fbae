"""Pictures opened with Pillow by our own rules, whatever the site has set Pillow to.

``Image.open`` heeds ``MAX_IMAGE_PIXELS``, and loading heeds ``LOAD_TRUNCATED_IMAGES``; both are one value for the whole
process, so they can neither be relied on nor be changed here. The readers are made directly instead, and each decoder
is asked whether it was content.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast

from django.utils.module_loading import import_string

from django_wanvideo.catalog.images.errors import CutOffPictureError, MissingDecoderError

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

    from django_wanvideo.catalog.images.containers import Layout

_STRICT = "wanvideo_strict"
_READERS = {
    "JPEG": "PIL.JpegImagePlugin.JpegImageFile",
    "PNG": "PIL.PngImagePlugin.PngImageFile",
    "BMP": "PIL.BmpImagePlugin.BmpImageFile",
    "WEBP": "PIL.WebPImagePlugin.WebPImageFile",
    "AVIF": "PIL.AvifImagePlugin.AvifImageFile",
}
#: What Pillow may have been built without.
_OPTIONAL = frozenset({"WEBP", "AVIF"})


def opened(kind: str, layout: Layout) -> ImageFile:
    """Open a picture, whose pixels are then decoded with ``load``. Raises MissingDecoderError or one of ``BROKEN``."""
    reader = reader_of(kind)
    if reader is None:
        raise MissingDecoderError(kind)
    image: ImageFile = reader((_ShortReads if kind == "WEBP" else io.BytesIO)(layout.stripped))
    return image


def load(image: ImageFile) -> None:
    """Decode every pixel. Raises CutOffPictureError or one of ``BROKEN`` unless every row is there and right."""
    if not getattr(image, "use_load_libtiff", False):
        image.tile = [type(tile)(_STRICT, tile[1], tile[2], (tile[0], tile[3])) for tile in image.tile]
    image.load()


class _ShortReads(io.BytesIO):
    """A file whose first read brings the signature only: Pillow then leaves the judging of the size to us."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(16 if self.tell() == 0 and size and size > 16 else size)


class _StrictDecoder:
    """Hands on to a decoder of Pillow's and raises what loading may be set to overlook."""

    def __init__(self, mode: str, name: str, args: Any, *config: Any) -> None:
        from PIL import Image

        self._inner = Image._getdecoder(mode, name, args, config)  # noqa: SLF001 - as ``ImageFile.load`` finds it
        self._has_ended = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def decode(self, data: bytes) -> tuple[int, int]:
        count, error = self._inner.decode(data)
        if error < 0 and (count < 0 or self.pulls_fd):
            self._has_ended = True
            raise OSError(f"the decoder stopped with error {error}")
        self._has_ended = count < 0 or self.pulls_fd
        return count, error

    def cleanup(self) -> None:
        self._inner.cleanup()
        if not self._has_ended:
            raise CutOffPictureError("the picture has fewer rows than it says")


def reader_of(kind: str) -> Any:
    """Return what opens a kind of picture, a class of Pillow's or one that relies on less; None where there is none."""
    from PIL import Image, features

    if _STRICT not in Image.DECODERS:
        Image.register_decoder(_STRICT, cast("Any", _StrictDecoder))
    if kind == "TIFF":
        return _tiff_reader()
    if kind == "HEIC":
        return _heic_reader()
    if kind not in _READERS or (kind in _OPTIONAL and kind.lower() not in features.get_supported_modules()):
        return None
    return import_string(_READERS[kind])


def _heic_reader() -> Any:
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        return None

    base: Any = HeifImageFile

    class Reader(base):  # type: ignore[misc]
        def load(self) -> Any:
            held = getattr(self, "_heif_file", None)
            if held:
                # Decoding here raises what is overlooked below where the site has told Pillow to.
                held[self.tell()].data  # noqa: B018
            return super().load()

    return Reader


def _tiff_reader() -> Any:
    from PIL import Image
    from PIL.ImageFile import ImageFile
    from PIL.TiffImagePlugin import TiffImageFile

    class Reader(TiffImageFile):
        def load_prepare(self) -> None:
            # As Pillow's, without its limit of pixels; ours was kept when the picture was opened.
            this: Any = self
            core: Any = vars(Image)["core"]
            if getattr(self, "_im", None) is None:
                this.im = core.new(self.mode, getattr(self, "_tile_size", self.size))
            ImageFile.load_prepare(self)

    return Reader
