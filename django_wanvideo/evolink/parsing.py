"""Tolerant readers for what arrives from outside: nothing here raises for an odd value."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from django_wanvideo.http.text import NO_SECRET, Secret, clean_text, percent_encoded

MAX_URL = 4_096
MAX_ID = 128
MAX_RESULTS = 20

#: 1 credit is 10,000 of EvoLink's accounting units, so four decimals are exact.
CREDIT_STEP = Decimal("0.0001")
MAX_CREDITS = Decimal(10) ** 9
_MOST = MAX_CREDITS * 10_000
#: Not the thread's own, which the site may have made coarser.
_CONTEXT = Context(prec=40, rounding=ROUND_HALF_EVEN)

#: The part of a link that says who is asked: up to the path, the query or the fragment.
_AUTHORITY = re.compile(r"(https?)://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_NOT_IN_HOST = re.compile(r"[\x00-\x20\x7f@\\\"<>^`{|}]")


def scrub(value: object, secret: Secret = NO_SECRET, *, depth: int = 12, items: int = 500) -> Any:
    """Return a copy of decoded JSON that can be stored anywhere: bounded, finite numbers, clean texts, no ``secret``."""
    if isinstance(value, str):
        # Twice a link's limit, so that a longer link is seen to be too long and not taken for a shorter one.
        return clean_text(value, 2 * MAX_URL, secret=secret)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else clean_text(value)
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


def mapping(value: object) -> Mapping[str, Any]:
    """Return a JSON object as it is, and an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def integer(value: object, minimum: int, maximum: int) -> int | None:
    """Return a whole number between the two limits, or None. A boolean is no number."""
    number = decimal(value)
    return int(number) if number is not None and minimum <= number <= maximum else None


def decimal(value: object) -> Decimal | None:
    """Return a finite number of sane size rounded to four decimals, or None. Floats go through their shortest text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if (isinstance(value, int) and value.bit_length() > 128) or (isinstance(value, str) and len(value) > 40):
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


def parse_datetime(value: object) -> datetime | None:
    """Return an aware UTC time from Unix seconds, Unix milliseconds, ISO 8601 or an HTTP date, or None.

    A time without a zone is taken as UTC.
    """
    if isinstance(value, str) and not re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
        return _datetime_from_text(value.strip())
    number = decimal(value)
    if number is None or number <= 0:
        return None
    seconds = float(number / 1000 if number > 10**11 else number)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _datetime_from_text(value: str) -> datetime | None:
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


def parse_url(value: object) -> str:
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
        usable = bool(urlsplit(link).hostname) and clean_text(host) == host and not _NOT_IN_HOST.search(host)
    except ValueError:
        return ""
    return link if usable else ""


def result_urls(body: Mapping[str, Any], secret: Secret) -> tuple[str, ...]:
    """Return the links that a task's body has in any of the places where EvoLink puts them, each once."""
    places = (body.get("results"), body.get("result_data"), body.get("video_url"))
    links = [secret.redact(link) for place in places for link in _links(place)]
    return tuple(dict.fromkeys(links))[:MAX_RESULTS]


def _links(value: object, depth: int = 3) -> Iterator[str]:
    """Yield the links of a result: a link, an object with one, or a list of such."""
    if isinstance(value, Mapping):
        for name in ("video_url", "url", *(("videos", "video", "results", "result_data") if depth else ())):
            yield from _links(value.get(name), depth - 1)
    elif isinstance(value, list):
        for item in value[:MAX_RESULTS] if depth > 0 else ():
            yield from _links(item, depth - 1)
    elif found := parse_url(value):
        yield found


def wait_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds of a ``Retry-After`` header (a number or an HTTP date), within one hour; None if unusable."""
    if value is None:
        return None
    seconds = decimal(value)
    if seconds is not None:
        return float(min(max(seconds, Decimal(0)), Decimal(3600)))
    date = _datetime_from_text(value.strip())
    if date is None:
        return None
    return min(max((date - (now or datetime.now(UTC))).total_seconds(), 0.0), 3600.0)
