"""What is shown instead of keys and tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"})
HIDDEN = "[redacted]"

_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
#: As long as a token is; words of a path are shorter.
_TOKEN_LENGTH = 16


def headers(values: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers with the values of the secret ones hidden."""
    return {name: HIDDEN if name.lower() in SECRET_HEADERS else value for name, value in values}


def callback_url(url: str) -> str:
    """A callback URL whose long path segments (but UUIDs), query values and user info are hidden."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    segments = [
        HIDDEN if len(segment) >= _TOKEN_LENGTH and not _UUID.fullmatch(segment) else segment
        for segment in parts.path.split("/")
    ]
    query = "&".join(f"{pair.partition('=')[0]}={HIDDEN}" for pair in parts.query.split("&") if pair)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "/".join(segments), query, ""))


def body(value: Any) -> Any:
    """A creation request's JSON body, with its callback URL redacted."""
    if isinstance(value, Mapping) and isinstance(value.get("callback_url"), str):
        return {**value, "callback_url": callback_url(value["callback_url"])}
    return value


class KeyScrubber:
    """Takes the simulator's API keys out of any text, wherever a client has put them."""

    def __init__(self) -> None:
        self._keys: tuple[str, ...] = ()

    def add(self, key: str) -> None:
        """Hide `key` from now on."""
        self._keys = tuple(sorted({*self._keys, key}, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        for key in self._keys:
            text = text.replace(key, HIDDEN)
        return text
