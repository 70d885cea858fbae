"""Fetching and checking pictures as EvoLink does: after a request was accepted, so that a bad one fails the task."""

from __future__ import annotations

import http.client
import io
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from . import addresses

if TYPE_CHECKING:
    from .rules import PictureLimits

#: What an image host has to answer in, seconds; and bytes read of it at most.
FETCH_TIMEOUT = 10.0
MAX_FETCH = 32 * 1024 * 1024
_FORMATS = frozenset({"JPEG", "PNG", "BMP", "WEBP"})


class Problem(Exception):  # noqa: N818  (becomes the `error` of a failed task)
    """Why a picture fails a task: `code` and `message` of the task's error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def fetch(url: str) -> bytes:
    """Read a picture from this machine; Problem when that fails. No redirects, as documented for image URLs."""
    parts = urlsplit(url)
    if parts.hostname is None or not addresses.is_loopback(parts.hostname):
        raise Problem("image_processing_error", "Only pictures on this machine are fetched.")
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.hostname, parts.port, timeout=FETCH_TIMEOUT)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"User-Agent": "evolink-simulator"})
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise Problem("image_processing_error", f"The image URL answered HTTP {answer.status}.")
        data = answer.read(MAX_FETCH + 1)
    except (OSError, http.client.HTTPException) as error:
        raise Problem("image_processing_error", f"The image URL could not be read: {type(error).__name__}.") from error
    finally:
        connection.close()
    return data


def check(data: bytes, limits: PictureLimits) -> None:
    """Problem when a picture is not what a model's page asks for; Pillow is loaded here."""
    from PIL import Image, UnidentifiedImageError

    if len(data) > limits.max_bytes:
        raise Problem("invalid_parameters", f"file size exceeds {limits.max_bytes // (1024 * 1024)}MB")
    try:
        with Image.open(io.BytesIO(data)) as image:
            kind, (width, height) = image.format, image.size
            transparent = "A" in image.getbands() or "transparency" in image.info
            sides_fit = all(limits.min_side <= side <= limits.max_side for side in (width, height))
            if sides_fit:
                image.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise Problem("image_processing_error", "The image is corrupt or of an unsupported type.") from error
    if kind not in _FORMATS:
        raise Problem("invalid_parameters", f"unsupported file type: {kind}")
    if kind == "PNG" and transparent:
        raise Problem("invalid_parameters", "unsupported file type: PNG with transparency")
    if not sides_fit:
        raise Problem(
            "invalid_parameters",
            f"image dimensions must be between {limits.min_side} and {limits.max_side} (got {width}x{height})",
        )
    if limits.max_ratio is not None and max(width, height) > limits.max_ratio * min(width, height):
        raise Problem("invalid_parameters", f"image aspect ratio must not exceed 1:{limits.max_ratio:g}")


def judge(data: bytes, limits: PictureLimits) -> Problem | None:
    """The problem of a picture, or None for a good one."""
    try:
        check(data, limits)
    except Problem as problem:
        return problem
    return None


def sniff(data: bytes) -> str:
    """The media type of a file by its first bytes; `application/octet-stream` when unknown."""
    for magic, mime_type in _MAGIC:
        if data.startswith(magic):
            return mime_type
    if data[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(data[8:12], "application/octet-stream")
    return "video/mp4" if data[4:8] == b"ftyp" else "application/octet-stream"


_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
)
