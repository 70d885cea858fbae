"""One form for what people write, so that the same words have the same length; and how messages show it."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_stubs_ext import StrOrPromise

#: Characters without any effect but on counting. Joiners and marks of direction stay: writing systems need them.
_WITHOUT_EFFECT = re.compile("[\u200b\u2060\ufeff]")
_LINE_END = re.compile("\r\n?")
#: What is taken off both ends. ``static/wanvideo/js/counter.js`` has the same list.
_BLANK = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B)))
_BLANK += "\u2028\u2029\u202f\u205f\u3000"

#: Longer names and values are cut in messages.
SHOWN_CHARACTERS = 60
#: Larger whole numbers are described, not written out; Python refuses to print very large ones.
SHOWN_BITS = 128

SURROGATE = re.compile("[\ud800-\udfff]")


def plain(value: object) -> object:
    """Return a lazy translation as the text that it is now; anything else as it is."""
    return str(value) if isinstance(value, Promise) else value


def normalised(text: str) -> str:
    """Return ``text`` with line ends as LF, without blank ends and without characters that nobody sees."""
    return _LINE_END.sub("\n", _WITHOUT_EFFECT.sub("", text)).strip(_BLANK)


def lines(text: str) -> list[str]:
    """Return the lines that are not blank, without their blank ends; only a line end (LF, CR LF, CR) ends a line."""
    return [line for part in _LINE_END.sub("\n", text).split("\n") if (line := normalised(part))]


def printable(text: str) -> str:
    """Return ``text`` so that it can stand in a message: cut, and encodable in UTF-8."""
    cut = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", cut).replace("\x00", "\N{REPLACEMENT CHARACTER}")


def describe_value(value: object) -> str:
    """Return a few words for any JSON-like value, in the reader's language."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return gettext("the text “%(text)s”") % {"text": printable(value)}
    if isinstance(value, int):
        return str(value) if value.bit_length() <= SHOWN_BITS else gettext("a very large number")
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return gettext("a list")
    if isinstance(value, dict):
        return gettext("an object")
    return type(value).__name__


def wrong_kind(message: StrOrPromise, value: object) -> ValidationError:
    """Return the error for a ``value`` of another kind than was asked for; ``message`` has a place for it."""
    return ValidationError(message, "invalid", {"value": describe_value(value)})


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` most likely stands for, or None."""
    names = list(known)
    # Cut first: comparing costs the product of both lengths, and names come from outside.
    matches = get_close_matches(name[:SHOWN_CHARACTERS].casefold(), names, n=1, cutoff=0.5)
    return matches[0] if matches else None
