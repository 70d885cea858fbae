"""What files are called that people take home."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from django.utils.text import slugify

if TYPE_CHECKING:
    from django_wanvideo.models import Film, VideoTask

#: Characters of what a file shows.
LENGTH = 60
#: Letters that are no other letter with an accent.
_SPELLED = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d",
     "Ð": "D", "þ": "th", "Þ": "TH", "ł": "l", "Ł": "L", "\N{LATIN SMALL LETTER DOTLESS I}": "i", "ä": "ae", "Ä": "Ae", "ö": "oe", "Ö": "Oe", "ü": "ue",
     "Ü": "Ue"}
)  # fmt: skip


def of_video(task: VideoTask) -> str:
    """What a downloaded video is called: the words of its prompt, and enough of its id to tell it from others."""
    return f"{slug(task.prompt, 'video')}-{task.pk.hex[:8]}.mp4"


def of_film(film: Film, task: VideoTask) -> str:
    """What a downloaded film is called: the words of one of its parts, and enough of its id to tell it from others."""
    return f"{slug(task.prompt, 'film')}-film-{film.pk.hex[:8]}.mp4"


def slug(text: str, otherwise: str) -> str:
    """Return words that are safe as a name on every system, of at most ``LENGTH`` characters; never an empty name.

    Latin letters are spelled without accents; what has letters of another script keeps all of its letters.
    """
    text = text[: 4 * LENGTH].translate(_SPELLED)
    words = _kept(text) if any(_is_foreign(letter) for letter in text) else slugify(text) or _kept(text)
    if len(words) > LENGTH:
        words = words[: LENGTH + 1].rpartition("-")[0] or words[:LENGTH]
    return re.sub("-+", "-", words).strip("-_") or otherwise


def _is_foreign(letter: str) -> bool:
    return letter.isalpha() and "LATIN" not in unicodedata.name(letter, "")


def _kept(text: str) -> str:
    """Return the letters, their marks and the digits; Django's own function takes the vowels out of Hindi and Thai."""
    found = ""
    for letter in unicodedata.normalize("NFC", text).lower():
        kind = unicodedata.category(letter)[0]
        is_part = kind in "LN" or (kind == "M" and found[-1:] not in {"", "-"})
        found += letter if is_part else "-"
    return re.sub("-+", "-", found).strip("-")
