"""How messages show what somebody gave, and which known name was meant."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_stubs_ext import StrOrPromise

#: Longer names and values are cut in messages.
SHOWN_CHARACTERS = 60
#: Larger whole numbers are described, not written out; Python refuses to print very large ones.
SHOWN_BITS = 128

SURROGATE = re.compile("[\ud800-\udfff]")


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
