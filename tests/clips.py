"""Small videos whose moments can be told apart: one colour a second."""

from __future__ import annotations

import io

import av
from PIL import Image


def clip(*colours: str, size: tuple[int, int] = (320, 180), fps: int = 10) -> bytes:
    """Return an MP4 in H.264 that shows each colour for a second."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("h264", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for colour in colours:
            frame = av.VideoFrame.from_image(Image.new("RGB", size, colour))
            for _number in range(fps):
                container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return target.getvalue()


def colour_of(picture: bytes) -> str:
    """Return which of red, green and blue a picture is."""
    with Image.open(io.BytesIO(picture)) as opened:
        pixel = opened.convert("RGB").getpixel((opened.width // 2, opened.height // 2))
    return max(zip(pixel, ("red", "green", "blue"), strict=True))[1]
