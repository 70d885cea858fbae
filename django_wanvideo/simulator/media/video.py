"""Draws a video: the picture, slowly zoomed, with the prompt's first words; H.264 in MP4, with AAC when wanted.

Needs PyAV: the extra `django-wanvideo[simulator]`.
"""

from __future__ import annotations

import hashlib
import io
import math
import unicodedata
from array import array
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from django_wanvideo.simulator.script import without_script

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

MISSING_AV = (
    "Drawing videos needs PyAV, which is not installed. Install it with: pip install 'django-wanvideo[simulator]'"
)
#: What the qualities mean in pixels, whatever the picture's ratio.
AREAS = {"480p": 832 * 480, "720p": 1280 * 720, "1080p": 1920 * 1080}
#: How much larger the picture is at the end.
ZOOM = 0.08
RATE = 48_000
_BLOCK = 1024
#: Whole waves per AAC block (5 * 48000 / 1024 = 234 Hz), so that every block is the same.
_WAVES = 5
_VOLUME = 0.01

#: Tried in turn, by file name, where the system keeps its fonts; Pillow's own font comes first and knows Latin only.
FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansSC-Regular.otf",
    "wqy-zenhei.ttc",
    "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "Arial Unicode.ttf",
    "msyh.ttc",
    "arial.ttf",
)
_MAX_LETTERS = 60
#: A code point that no font has: its picture is the font's sign for "missing".
_NO_LETTER = "\U0010fffe"


class DrawingUnavailableError(RuntimeError):
    """PyAV is not installed; the message says how to get it."""


@dataclass(frozen=True)
class Scene:
    """What to draw: `seconds` long, `fps` frames/s; `picture` as bytes of an image file, or None for a placeholder.

    quality: `480p`, `720p` or `1080p`; scale: a factor for width and height; ratio: width/height of a placeholder.
    """

    seconds: int
    quality: str
    audio: bool
    caption: str
    ratio: float
    scale: float
    fps: int
    picture_digest: str

    @property
    def digest(self) -> str:
        """The same for the same video."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def frame_size(width: int, height: int, quality: str, scale: float = 1.0) -> tuple[int, int]:
    """Width and height in pixels, both even: the picture's own ratio at the area that `quality` means."""
    area = AREAS[quality] * scale * scale
    ratio = width / height
    wide = math.sqrt(area * ratio)
    return max(2 * round(wide / 2), 16), max(2 * round(wide / ratio / 2), 16)


def available() -> bool:
    try:
        import av  # noqa: F401  (asked for, not used)
    except ImportError:
        return False
    return True


def draw(scene: Scene, picture: bytes | None, target: Path) -> None:
    """Write the video of `scene` to `target`; DrawingUnavailableError without PyAV."""
    try:
        import av
    except ImportError as error:
        raise DrawingUnavailableError(MISSING_AV) from error
    first = _open_picture(picture, scene)
    size = frame_size(first.width, first.height, scene.quality, scene.scale)
    still = first.convert("RGB").resize(size)
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream: Any = container.add_stream("libx264", rate=scene.fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.time_base = Fraction(1, scene.fps)
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "28"}
        sound: Any = container.add_stream("aac", rate=RATE, layout="mono") if scene.audio else None
        _draw_frames(container, stream, still, scene)
        if sound is not None:
            _play(container, sound, scene.seconds)


def _draw_frames(container: Any, stream: Any, still: Image, scene: Scene) -> None:
    """Zoom into the picture, below the caption, which stays where it is."""
    import av
    from PIL import Image

    to_frame: Any = av.VideoFrame.from_image
    strip = draw_caption(scene.caption, *still.size)
    count = scene.seconds * scene.fps
    for index in range(count):
        factor = 1 / (1 + ZOOM * index / count)
        left, top = still.width * (1 - factor) / 2, still.height * (1 - factor) / 2
        box = (left, top, still.width - left, still.height - top)
        moved = still.resize(still.size, Image.Resampling.BILINEAR, box=box)
        if strip is not None:
            moved.paste(strip, (0, still.height - strip.height), strip)
        frame = to_frame(moved)
        frame.pts = index
        for packet in stream.encode(frame):
            container.mux(packet)
    for packet in stream.encode(None):
        container.mux(packet)


def _play(container: Any, stream: Any, seconds: int) -> None:
    import av

    wave = [_VOLUME * math.sin(2 * math.pi * _WAVES * n / _BLOCK) for n in range(_BLOCK)]
    left, at = seconds * RATE, 0
    while left > 0:
        length = min(_BLOCK, left)
        frame: Any = av.AudioFrame(format="fltp", layout="mono", samples=length)
        data = array("f", wave[:length]).tobytes()
        plane = frame.planes[0]
        plane.update(data.ljust(plane.buffer_size, b"\0"))
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
        for packet in stream.encode(frame):
            container.mux(packet)
        left, at = left - length, at + length
    for packet in stream.encode(None):
        container.mux(packet)


def _open_picture(picture: bytes | None, scene: Scene) -> Image:
    from PIL import Image, ImageOps

    if picture is not None:
        image = Image.open(io.BytesIO(picture))
        return ImageOps.exif_transpose(image).convert("RGB")
    # A placeholder: two colours of the digest's choosing, blended from top left to bottom right.
    width, height = frame_size(int(1000 * scene.ratio), 1000, "480p")
    colours = [tuple(40 + byte * 150 // 255 for byte in bytes.fromhex(scene.picture_digest)[n : n + 3]) for n in (0, 3)]
    ramp = Image.linear_gradient("L").resize((width, height))
    mask = Image.blend(ramp, ramp.transpose(Image.Transpose.ROTATE_90).resize((width, height)), 0.5)
    return Image.composite(
        Image.new("RGB", (width, height), colours[0]), Image.new("RGB", (width, height), colours[1]), mask
    )


def first_words(prompt: str) -> str:
    """The start of a prompt without the simulator's own `[...]` words and control characters, one line."""
    text = " ".join("".join(char if char.isprintable() else " " for char in without_script(prompt)).split())
    if len(text) <= _MAX_LETTERS:
        return text
    head = text[:_MAX_LETTERS]
    if " " in head[_MAX_LETTERS // 2 :]:
        head = head.rpartition(" ")[0]
    return head.rstrip(" ,.;:") + "…"


def draw_caption(text: str, width: int, height: int) -> Image | None:
    """A translucent strip of `width` pixels with `text`, for a picture `height` pixels high; None for no text.

    Letters that no font here has are left out; when none is left, there is no strip.
    """
    from PIL import Image, ImageDraw

    if not text:
        return None
    size = max(int(height * 0.045), 8)
    font, text = _choose_font(text, size)
    while text and font.getlength(text) > width * 0.94:
        text = text[:-2].rstrip() + "…" if len(text) > 2 else ""
    if not text.strip(" …"):
        return None
    strip = Image.new("RGBA", (width, size * 2), (0, 0, 0, 110))
    ImageDraw.Draw(strip).text((width / 2, strip.height / 2), text, font=font, fill=(255, 255, 255, 255), anchor="mm")
    return strip


def _choose_font(text: str, size: int) -> tuple[Any, str]:
    """The font that has the most letters of a text, and the text in the letters it has."""
    from PIL import ImageFont

    best: tuple[Any, str] = (ImageFont.load_default(size=size), "")
    for name in (None, *FONTS):
        try:
            font: Any = ImageFont.load_default(size=size) if name is None else ImageFont.truetype(name, size)
        except OSError:
            continue
        known = _known_letters(text, font)
        if len(known) > len(best[1]):
            best = (font, known)
        if len(known) == len(text):
            break
    return best


def _known_letters(text: str, font: Any) -> str:
    missing = bytes(font.getmask(_NO_LETTER))
    known: dict[str, bool] = {}
    for char in set(text):
        plain = char.isspace() or unicodedata.category(char) in ("Mn", "Cf")
        known[char] = plain or bytes(font.getmask(char)) != missing
    return "".join(char for char in text if known[char])
