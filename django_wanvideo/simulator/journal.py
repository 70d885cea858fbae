"""Every request that came in and every callback that went out; bounded, without keys and tokens."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

logger = logging.getLogger("django_wanvideo.simulator")

HIDDEN = "[redacted]"
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"})
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
#: As long as a token is; words of a path are shorter.
_TOKEN_LENGTH = 16


@dataclass(frozen=True)
class JournalEntry:
    """One exchange. `status` is 0 where no answer was given; `ms` is how long it took, in milliseconds.

    kind: `request` (to the simulator) or `callback` (from it). endpoint: `create`, `get`, `upload`, `result`, ...
    at: seconds since 1970 on the simulator's clock. fault: the fault made on purpose. note: in words, what happened.
    """

    sequence: int
    kind: Literal["request", "callback"]
    at: float
    method: str
    path: str
    endpoint: str
    status: int
    ms: float
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    answer: Any = None
    fault: str | None = None
    note: str | None = None

    def __str__(self) -> str:
        arrow = "<-" if self.kind == "request" else "->"
        line = f"{arrow} {self.method} {self.path} {self.status or '---'} {self.ms:.0f} ms"
        if self.fault:
            line += f"  [{self.fault}]"
        return f"{line}  {self.note}" if self.note else line


class Journal:
    """The last `size` exchanges, oldest first, and counts of all of them. Iterates over a snapshot.

    Of a body `body_limit` characters are kept. `on_entry` is called with each new entry.
    """

    def __init__(self, size: int, body_limit: int, on_entry: Callable[[JournalEntry], None] | None = None) -> None:
        self._entries: deque[JournalEntry] = deque(maxlen=size)
        self._counts: Counter[str] = Counter()
        self._sequence = 0
        self._body_limit = body_limit
        self._on_entry = on_entry
        self._secrets: tuple[str, ...] = ()
        self._changed = threading.Condition()

    def hide(self, secret: str) -> None:
        """Keep an API key out of whatever is written from now on, wherever a client has put it."""
        self._secrets = tuple(sorted({*self._secrets, secret}, key=len, reverse=True))

    def add(
        self, *, path: str, headers: dict[str, str] | None = None, body: Any = None, answer: Any = None, **values: Any
    ) -> JournalEntry:
        """Write one entry and tell the listener and the logger `django_wanvideo.simulator` about it."""
        values["path"] = self._scrub(path)
        values["headers"] = {
            name: HIDDEN if name.lower() in _SECRET_HEADERS else self._scrub(value)
            for name, value in (headers or {}).items()
        }
        values["body"], values["answer"] = self._presentable(body), self._presentable(answer)
        with self._changed:
            self._sequence += 1
            entry = JournalEntry(sequence=self._sequence, **values)
            self._entries.append(entry)
        logger.info("%s", entry)
        if self._on_entry is not None:
            self._on_entry(entry)
        with self._changed:
            # Last, so that whoever waited for the count finds the listener told.
            self._counts[entry.endpoint] += 1
            self._changed.notify_all()
        return entry

    def __iter__(self) -> Iterator[JournalEntry]:
        with self._changed:
            return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, endpoint: str | None = None, *, after: int = 0) -> list[JournalEntry]:
        """Entries, of one endpoint (`create`, `get`, `callback`, ...) or of all, later than a sequence."""
        return [entry for entry in self if endpoint in (None, entry.endpoint) and entry.sequence > after]

    def count(self, endpoint: str) -> int:
        """How many exchanges of an endpoint there have been, including those that were dropped from the journal."""
        return self._counts[endpoint]

    def counts(self) -> dict[str, int]:
        """`count` of every endpoint."""
        return dict(self._counts)

    def wait_for(self, endpoint: str, count: int = 1, timeout: float = 10.0) -> list[JournalEntry]:
        """Wait until `count` exchanges of an endpoint are in the journal; AssertionError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._counts[endpoint] >= count, timeout):
                raise AssertionError(
                    f"{self._counts[endpoint]} of {count} {endpoint!r} exchanges after {timeout} s. "
                    f"Seen so far: {self.counts()}"
                )
        return self.find(endpoint)

    def clear(self) -> None:
        with self._changed:
            self._entries.clear()
            self._counts.clear()

    def _scrub(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def _presentable(self, value: Any) -> Any:
        """A body without keys, as text when it is text or too long."""
        if value is None:
            return None
        is_text = isinstance(value, str)
        text = self._scrub(value if is_text else json.dumps(value, default=str))
        return text[: self._body_limit] if is_text or len(text) > self._body_limit else json.loads(text)


def redact_url(url: str) -> str:
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


def redact_body(value: Any) -> Any:
    """A creation request's JSON body, with its callback URL redacted."""
    if isinstance(value, dict) and isinstance(value.get("callback_url"), str):
        return {**value, "callback_url": redact_url(value["callback_url"])}
    return value
