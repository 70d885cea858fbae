"""Text from outside, made harmless: bounded, printable, without secrets."""

from __future__ import annotations

import re
from urllib.parse import quote

MAX_TEXT = 2_000
REDACTED = "[redacted]"
_LINE_END = re.compile("\r\n?|[\x85\u2028\u2029]")
#: C0 without tab and line feed, C1, and what hides in a text or turns its direction round.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_KEY_SHAPE = re.compile(r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_*.-]{6,}")
_BEARER = re.compile(r"(?i)\bbearer\s+[^\s\"',;]+")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Secret:
    """The API key, for taking it out of texts. It does not show itself, not even among a traceback's local variables."""

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value

    def __repr__(self) -> str:
        return "<Secret>"

    def get(self) -> str:
        """Return the key itself, for the header that it is sent in."""
        return self._value

    def redact(self, value: str) -> str:
        """Return ``value`` without the key."""
        return value.replace(self._value, REDACTED) if self._value else value

    def redact_all(self, value: str) -> str:
        """Return ``value`` without the key and without anything that looks like one."""
        return _KEY_SHAPE.sub(REDACTED, _BEARER.sub(f"Bearer {REDACTED}", self.redact(value)))


NO_SECRET = Secret()


def clean_text(value: object, limit: int = MAX_TEXT, *, secret: Secret = NO_SECRET) -> str:
    """Return ``value`` as text of at most ``limit`` characters that any database takes; "" for what is no text."""
    if isinstance(value, str) and value.isascii() and value.isprintable():
        # Nothing of what is taken out below can be in it.
        return secret.redact(value).strip()[:limit]
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    if isinstance(value, int) and value.bit_length() > 1_000:
        return ""
    # PostgreSQL refuses NUL, and a lone surrogate cannot be encoded at all.
    plain = _LINE_END.sub("\n", str(value).encode("utf-8", "ignore").decode("utf-8"))
    # Before cutting: half a key at the end would not be found.
    return secret.redact(_CONTROL.sub("", plain)).strip()[:limit]


def one_line(value: object, limit: int = MAX_TEXT, *, secret: Secret = NO_SECRET) -> str:
    """Return ``clean_text(value)`` on one line: what EvoLink says must not begin a line of its own in a log or on a page."""
    return " ".join(clean_text(value, 2 * limit, secret=secret).split())[:limit]


def percent_encoded(part: str | bytes, *, safe: str = "") -> str:
    """Return a part of a URL with all that is not legal there encoded; ``safe`` are the delimiters that it may hold."""
    kept = quote(part, safe="!$%&'()*+,/:;=@~" + safe, **({"errors": "ignore"} if isinstance(part, str) else {}))
    return _STRAY_PERCENT.sub("%25", kept)
