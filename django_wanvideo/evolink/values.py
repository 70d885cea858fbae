"""Tolerant readers for what arrives from outside: nothing here raises for an odd value."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

MAX_TEXT = 2_000
MAX_URL = 4_096
MAX_ID = 128
REDACTED = "[redacted]"

#: 1 credit is 10,000 of EvoLink's accounting units, so four decimals are exact.
CREDIT_STEP = Decimal("0.0001")
MAX_CREDITS = Decimal(10) ** 9
_MOST = MAX_CREDITS * 10_000
#: Not the thread's own, which the site may have made coarser.
_CONTEXT = Context(prec=40, rounding=ROUND_HALF_EVEN)

_LINE_END = re.compile("\r\n?|[\x85\u2028\u2029]")
#: C0 without tab and line feed, C1, and what hides in a text or turns its direction round.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_KEY_SHAPE = re.compile(r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_*.-]{6,}")
_BEARER = re.compile(r"(?i)\bbearer\s+[^\s\"',;]+")
#: The part of a link that says who is asked: up to the path, the query or the fragment.
_AUTHORITY = re.compile(r"(https?)://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_NOT_IN_HOST = re.compile(r"[\x00-\x20\x7f@\\\"<>^`{|}]")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Secret:
    """The API key, for taking it out of texts. It does not show itself, not even among a traceback's local variables."""

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value

    def __repr__(self) -> str:
        return "<Secret>"

    def reveal(self) -> str:
        """Return the key itself, for the header that it is sent in."""
        return self._value

    def hide(self, value: str) -> str:
        """Return ``value`` without the key."""
        return value.replace(self._value, REDACTED) if self._value else value

    def hide_all(self, value: str) -> str:
        """Return ``value`` without the key and without anything that looks like one."""
        return _KEY_SHAPE.sub(REDACTED, _BEARER.sub(f"Bearer {REDACTED}", self.hide(value)))


NO_SECRET = Secret()


def text(value: object, limit: int = MAX_TEXT, *, secret: Secret = NO_SECRET) -> str:
    """Return ``value`` as text of at most ``limit`` characters that any database takes; "" for what is no text."""
    if isinstance(value, str) and value.isascii() and value.isprintable():
        # Nothing of what is taken out below can be in it.
        return secret.hide(value).strip()[:limit]
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    if isinstance(value, int) and value.bit_length() > 1_000:
        return ""
    # PostgreSQL refuses NUL, and a lone surrogate cannot be encoded at all.
    plain = _LINE_END.sub("\n", str(value).encode("utf-8", "ignore").decode("utf-8"))
    # Before cutting: half a key at the end would not be found.
    return secret.hide(_CONTROL.sub("", plain)).strip()[:limit]


def one_line(value: object, limit: int = MAX_TEXT, *, secret: Secret = NO_SECRET) -> str:
    """Return ``text(value)`` on one line: what EvoLink says must not begin a line of its own in a log or on a page."""
    return " ".join(text(value, 2 * limit, secret=secret).split())[:limit]


def scrub(value: object, secret: Secret = NO_SECRET, *, depth: int = 12, items: int = 500) -> Any:
    """Return a copy of decoded JSON that can be stored anywhere: bounded, finite numbers, clean texts, no ``secret``."""
    if isinstance(value, str):
        # Twice a link's limit, so that a longer link is seen to be too long and not taken for a shorter one.
        return text(value, 2 * MAX_URL, secret=secret)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth <= 0:
        return None
    if isinstance(value, Mapping):
        pairs = list(value.items())[:items]
        return {scrub(str(key), secret)[:200]: scrub(item, secret, depth=depth - 1) for key, item in pairs}
    if isinstance(value, (list, tuple)):
        return [scrub(item, secret, depth=depth - 1) for item in value[:items]]
    return None


def integer(value: object, minimum: int, maximum: int) -> int | None:
    """Return a whole number between the two limits, or None. A boolean is no number."""
    number = decimal(value)
    if number is None or not minimum <= number <= maximum:
        return None
    return int(number)


def decimal(value: object) -> Decimal | None:
    """Return a finite number of sane size rounded to four decimals, or None. Floats go through their shortest text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, int) and value.bit_length() > 128:
        return None
    if isinstance(value, str) and len(value) > 40:
        return None
    try:
        number = Decimal(str(value).strip())
        if not number.is_finite() or number.copy_abs() > _MOST:
            return None
        return number.quantize(CREDIT_STEP, context=_CONTEXT)
    except (InvalidOperation, ValueError):
        return None


def credits_amount(value: object) -> Decimal | None:
    """Return an amount of credits (not negative, below a thousand million), or None."""
    number = decimal(value)
    return number if number is not None and 0 <= number <= MAX_CREDITS else None


def moment(value: object) -> datetime | None:
    """Return an aware UTC time from Unix seconds, Unix milliseconds, ISO 8601 or an HTTP date, or None.

    A time without a zone is taken as UTC.
    """
    if isinstance(value, str) and not re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
        return _moment_from_text(value.strip())
    number = decimal(value)
    if number is None or number <= 0:
        return None
    seconds = float(number / 1000 if number > 10**11 else number)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _moment_from_text(value: str) -> datetime | None:
    if not value or len(value) > 64:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        try:
            found = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError):
            return None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def web_link(value: object) -> str:
    """Return an ``http`` or ``https`` URL with a host, what is not legal in it percent-encoded; "" if it is none.

    Nothing that is legal is touched: the link may be signed. A host with a user name or odd characters is refused.
    """
    if not isinstance(value, str) or len(value) > MAX_URL:
        return ""
    found = _AUTHORITY.fullmatch(value.strip())
    if found is None:
        return ""
    scheme, host, rest = found.groups()
    link = f"{scheme}://{host}{percent_encoded(rest, safe='#?[]')}"
    try:
        usable = bool(urlsplit(link).hostname) and text(host) == host and not _NOT_IN_HOST.search(host)
    except ValueError:
        return ""
    return link if usable else ""


def percent_encoded(part: str | bytes, *, safe: str = "") -> str:
    """Return a part of a URL with all that is not legal there encoded; ``safe`` are the delimiters that it may hold."""
    kept = quote(part, safe="!$%&'()*+,/:;=@~" + safe, **({"errors": "ignore"} if isinstance(part, str) else {}))
    return _STRAY_PERCENT.sub("%25", kept)


def wait_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds of a ``Retry-After`` header (a number or an HTTP date), within one hour; None if unusable."""
    if value is None:
        return None
    seconds = decimal(value)
    if seconds is not None:
        return float(min(max(seconds, Decimal(0)), Decimal(3600)))
    date = _moment_from_text(value.strip())
    if date is None:
        return None
    return min(max((date - (now or datetime.now(UTC))).total_seconds(), 0.0), 3600.0)
