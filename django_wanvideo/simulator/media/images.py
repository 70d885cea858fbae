"""Fetching and checking pictures as EvoLink does: after a request was accepted, so that a bad one fails the task."""

from __future__ import annotations

import http
import io
import re
from dataclasses import dataclass
from http.client import HTTPException

from django_wanvideo.simulator import urls

#: What an image host has to answer in, seconds; and bytes read of it at most.
FETCH_TIMEOUT = 10.0
MAX_FETCH = 32 * 1024 * 1024
_FORMATS = frozenset({"JPEG", "PNG", "BMP", "WEBP"})


@dataclass(frozen=True)
class ImageLimits:
    """What a model takes as a picture: bytes, pixels per side, and the ratio of the longer to the shorter side."""

    max_bytes: int
    min_side: int
    max_side: int
    max_ratio: float | None = None


class ImageError(Exception):
    """Why a picture fails a task: `code` and `message` of the task's error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def fetch(url: str, most: int = MAX_FETCH) -> bytes:
    """Read a picture from this machine, or any other file of `most` bytes; ImageError when that fails. No redirects, as documented for image URLs."""
    parts = urls.split_url(url)
    if parts is None or not urls.is_loopback(parts.hostname or ""):
        raise ImageError("image_processing_error", "Only pictures on this machine are fetched.")
    connection, target = urls.connect(url, FETCH_TIMEOUT)
    try:
        connection.request("GET", target, headers={"User-Agent": "evolink-simulator"})
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise ImageError("image_processing_error", f"The image URL answered HTTP {answer.status}.")
        return answer.read(most + 1)
    except (OSError, HTTPException) as error:
        reason = f"The image URL could not be read: {type(error).__name__}."
        raise ImageError("image_processing_error", reason) from error
    finally:
        connection.close()


def check(data: bytes, limits: ImageLimits) -> None:
    """ImageError when a picture is not what a model's page asks for; Pillow is loaded here."""
    from PIL import Image, UnidentifiedImageError

    if len(data) > limits.max_bytes:
        raise ImageError("invalid_parameters", f"file size exceeds {limits.max_bytes // (1024 * 1024)}MB")
    try:
        with Image.open(io.BytesIO(data)) as image:
            kind, (width, height) = image.format, image.size
            transparent = "A" in image.getbands() or "transparency" in image.info
            sides_fit = all(limits.min_side <= side <= limits.max_side for side in (width, height))
            if sides_fit:
                image.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise ImageError("image_processing_error", "The image is corrupt or of an unsupported type.") from error
    if kind not in _FORMATS:
        raise ImageError("invalid_parameters", f"unsupported file type: {kind}")
    if kind == "PNG" and transparent:
        raise ImageError("invalid_parameters", "unsupported file type: PNG with transparency")
    if not sides_fit:
        message = f"image dimensions must be between {limits.min_side} and {limits.max_side} (got {width}x{height})"
        raise ImageError("invalid_parameters", message)
    if limits.max_ratio is not None and max(width, height) > limits.max_ratio * min(width, height):
        raise ImageError("invalid_parameters", f"image aspect ratio must not exceed 1:{limits.max_ratio:g}")


def detect_type(data: bytes) -> str:
    """The media type of a file by its first bytes; `application/octet-stream` when unknown."""
    return next((kind for kind, magic in _MAGIC.items() if magic.match(data)), "application/octet-stream")


_MAGIC = {
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/bmp": re.compile(rb"BM"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}
