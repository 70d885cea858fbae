"""One picture of a video, decoded in a process of its own: ``python frames.py [SECONDS [SIDE]] < video > picture``.

What decodes may be hung, killed or taken over by a hostile file. So it runs beside the worker, with limits, and knows
nothing of the site; the worker only imports this for the limits.
"""

from __future__ import annotations

import io
import sys
from typing import IO, Any

from django_wanvideo import processes

#: Pixels of a poster's longer side.
LONGEST_SIDE = 960
#: Pixels of a video's frame: more than 4K has.
MAX_PIXELS = 16_000_000
#: Seconds of the processor, and bytes of memory.
CPU_SECONDS, MEMORY = 30, 2 * 1024**3
QUALITY = 85
#: Of a picture that a video is made from, which nobody shall see the difference of.
BEST_QUALITY = 95
#: Moments are kept in whole milliseconds, and frames' times are not whole.
_TOLERANCE = 0.0006


def jpeg(video: IO[bytes], seconds: float | None = None, side: int = LONGEST_SIDE) -> bytes:
    """Return the frame that a player shows at ``seconds`` as JPEG, by default that in the middle.

    Beyond the end it is the last one. Its longer side has at most ``side`` pixels; with 0 it is as large as the video.
    Raises ValueError for what has no frame that may be decoded, and errors of PyAV's.
    """
    import av

    # Named, so that nothing is tried that opens other files.
    with av.open(video, "r", format="mp4") as container:
        stream = picture_of(container)
        base = float(stream.time_base or 1)
        start, length = (stream.start_time or 0) * base, (stream.duration or 0) * base
        at = start + (length / 2 if seconds is None else seconds)
        if at > start:
            container.seek(int(min(at, start + length) / base), stream=stream)
        shown: Any = None
        for frame in container.decode(stream):
            if shown is not None and frame.time is not None and frame.time > at + _TOLERANCE:
                break
            shown = frame
        if shown is None:
            raise ValueError("it has no frame")
        scale = min(1.0, side / max(shown.width, shown.height)) if side else 1.0
        width, height = (max(1, round(length * scale)) for length in (shown.width, shown.height))
        target = io.BytesIO()
        options = {"quality": QUALITY} if side else {"quality": BEST_QUALITY, "subsampling": 0}
        shown.to_image(width=width, height=height, interpolation="AREA").save(target, "JPEG", **options)
        return target.getvalue()


def picture_of(container: Any) -> Any:
    """Return the stream of pictures of an open video. Raises ValueError where there is none that may be decoded."""
    if not container.streams.video:
        raise ValueError("there is no picture in it")
    stream = container.streams.video[0]
    codec = stream.codec_context
    if not 0 < codec.width * codec.height <= MAX_PIXELS:
        raise ValueError(f"{codec.width} × {codec.height} pixels")
    # A stream may say something else further on.
    codec.options = {"max_pixels": str(MAX_PIXELS)}
    return stream


def limit() -> None:
    """Bound the time and the memory of this process, where the system can; the time is kept by the worker as well."""
    processes.limit(CPU_SECONDS, MEMORY)


def main() -> None:
    limit()
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else None
    side = int(sys.argv[2]) if len(sys.argv) > 2 else LONGEST_SIDE
    sys.stdout.buffer.write(jpeg(sys.stdin.buffer, seconds, side))


if __name__ == "__main__":
    main()
