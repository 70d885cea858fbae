"""Checking clips, sounds and documents as EvoLink does: after a request was accepted, so that a bad one fails the task."""

from __future__ import annotations

import io
from decimal import Decimal

from django_wanvideo.simulator.media.images import ImageError

#: Containers by PyAV's names, and bytes that a file may have, by kind of media.
_FORMATS = {"video": frozenset({"mov", "mp4"}), "audio": frozenset({"mp3", "wav"})}
MAX_BYTES = {"video": 100 * 1024 * 1024, "audio": 15 * 1024 * 1024, "document": 100 * 1024 * 1024}
_LONGEST = Decimal(30)


def check(data: bytes, kind: str) -> Decimal:
    """Return the length in seconds, 0 for a document; ImageError for what no model's page allows. PyAV is loaded here."""
    if len(data) > MAX_BYTES[kind]:
        raise ImageError("invalid_parameters", f"file size exceeds {MAX_BYTES[kind] // (1024 * 1024)}MB")
    if kind == "document":
        return Decimal(0)
    import av

    try:
        with av.open(io.BytesIO(data), "r") as container:
            names, length = set(container.format.name.split(",")), container.duration
            streams = container.streams.video if kind == "video" else container.streams.audio
            count = len(streams)
    except (av.FFmpegError, ValueError) as error:
        raise ImageError("image_processing_error", f"The {kind} is corrupt or of an unsupported type.") from error
    if not names & _FORMATS[kind] or not count or not length:
        raise ImageError("invalid_parameters", f"unsupported file type: {', '.join(sorted(names))}")
    seconds = (Decimal(length) / 1_000_000).quantize(Decimal("0.001"))
    if not 1 <= seconds <= _LONGEST:
        raise ImageError("invalid_parameters", "Video duration must be between 1-30 seconds")
    return seconds
