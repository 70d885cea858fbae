"""One form for what people write, wherever it comes from: the same words are the same text with the same length."""

from __future__ import annotations

import re

from django.utils.functional import Promise

#: Characters without any effect but on counting. Joiners and marks of direction stay: writing systems need them.
_WITHOUT_EFFECT = re.compile("[\u200b\u2060\ufeff]")
_LINE_END = re.compile("\r\n?")
#: What is taken off both ends. ``static/wanvideo/js/counter.js`` has the same list.
_BLANK = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B)))
_BLANK += "\u2028\u2029\u202f\u205f\u3000"


def plain(value: object) -> object:
    """Return a lazy translation as the text that it is now; anything else as it is."""
    return str(value) if isinstance(value, Promise) else value


def normalised(text: str) -> str:
    """Return ``text`` with line ends as LF, without blank ends and without characters that nobody sees."""
    return _LINE_END.sub("\n", _WITHOUT_EFFECT.sub("", text)).strip(_BLANK)


def lines(text: str) -> list[str]:
    """Return the lines that are not blank, without their blank ends; only a line end (LF, CR LF, CR) ends a line."""
    return [line for part in _LINE_END.sub("\n", text).split("\n") if (line := normalised(part))]
