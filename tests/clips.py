"""Small videos and sounds; the moments of a video can be told apart: one colour a second."""

from __future__ import annotations

import array
import io
import wave

import av
from PIL import Image


def clip(*colours: str, size: tuple[int, int] = (320, 180), fps: int = 10, kind: str = "mp4") -> bytes:
    """Return an MP4 or MOV in H.264 that shows each colour for a second."""
    target = io.BytesIO()
    with av.open(target, "w", format=kind) as container:
        stream = container.add_stream("h264", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for colour in colours:
            frame = av.VideoFrame.from_image(Image.new("RGB", size, colour))
            for _number in range(fps):
                container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return target.getvalue()


def sounding(colour: str, *, rate: int, layout: str) -> bytes:
    """Return an MP4 of a second, of which a tone is heard for a quarter and nothing after that."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        picture, sound = container.add_stream("h264", rate=10), container.add_stream("aac", rate=rate)
        picture.width, picture.height, picture.pix_fmt = 480, 360, "yuv420p"
        sound.layout = layout
        for _number in range(10):
            container.mux(picture.encode(av.VideoFrame.from_image(Image.new("RGB", (480, 360), colour))))
        channels = sound.layout.nb_channels
        tone = [20_000 if at // (rate // 880) % 2 else -20_000 for at in range(rate // 4)]
        frame = av.AudioFrame(format="s16", layout=layout, samples=len(tone))
        frame.planes[0].update(array.array("h", [value for value in tone for _channel in range(channels)]).tobytes())
        frame.sample_rate = rate
        container.mux(sound.encode(frame))
        container.mux([*picture.encode(), *sound.encode()])
    return target.getvalue()


def heard_of(video: bytes) -> list[bool]:
    """Tell of each tenth of a second of a video whether something is heard in it."""
    loudest: dict[int, int] = {}
    with av.open(io.BytesIO(video)) as container:
        mono = av.AudioResampler(format="s16", layout="mono", rate=8000)
        at = 0
        for frame in container.decode(audio=0):
            for part in mono.resample(frame):
                values = array.array("h", bytes(part.planes[0])[: 2 * part.samples])
                for value in values:
                    loudest[at // 800] = max(loudest.get(at // 800, 0), abs(value))
                    at += 1
    return [loudest[tenth] > 2_000 for tenth in sorted(loudest)]


def silence(seconds: float, kind: str = "wav") -> bytes:
    """Return a sound as WAV or MP3 in which nothing is heard."""
    target = io.BytesIO()
    left = round(seconds * 8000)
    if kind == "wav":
        with wave.open(target, "wb") as written:
            written.setparams((1, 2, 8000, 0, "NONE", ""))
            written.writeframes(bytes(2 * left))
        return target.getvalue()
    with av.open(target, "w", format=kind) as container:
        stream = container.add_stream("libmp3lame", rate=8000, layout="mono")
        while left > 0:
            frame = av.AudioFrame(format="s16p", layout="mono", samples=min(576, left))
            frame.sample_rate = 8000
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            container.mux(stream.encode(frame))
            left -= 576
        container.mux(stream.encode(None))
    return target.getvalue()


def colour_of(picture: bytes) -> str:
    """Return which of red, green and blue a picture is."""
    with Image.open(io.BytesIO(picture)) as opened:
        pixel = opened.convert("RGB").getpixel((opened.width // 2, opened.height // 2))
    return max(zip(pixel, ("red", "green", "blue"), strict=True))[1]
