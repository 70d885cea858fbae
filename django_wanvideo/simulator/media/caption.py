"""The prompt's first words as a strip to lay over a picture, in whatever font has their letters."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from django_wanvideo.simulator.script import without_script

if TYPE_CHECKING:
    from PIL.Image import Image

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
