"""Every request that came in and every callback that went out; bounded, without secrets."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("django_wanvideo.simulator")


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

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def __str__(self) -> str:
        arrow = "<-" if self.kind == "request" else "->"
        line = f"{arrow} {self.method} {self.path} {self.status or '---'} {self.ms:.0f} ms"
        if self.fault:
            line += f"  [{self.fault}]"
        return f"{line}  {self.note}" if self.note else line


class Journal:
    """The last `size` exchanges, oldest first, and counts of all of them. Iterates over a snapshot."""

    def __init__(self, size: int, on_entry: Callable[[JournalEntry], None] | None = None) -> None:
        self._entries: deque[JournalEntry] = deque(maxlen=size)
        self._counts: Counter[str] = Counter()
        self._sequence = 0
        self._on_entry = on_entry
        self._changed = threading.Condition()

    def add(self, **values: Any) -> JournalEntry:
        """Write one entry and tell the listener and the logger `django_wanvideo.simulator` about it."""
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

    def __iter__(self) -> Any:
        with self._changed:
            return iter(tuple(self._entries))

    def __len__(self) -> int:
        with self._changed:
            return len(self._entries)

    def find(
        self, endpoint: str | None = None, *, method: str | None = None, path: str | None = None, after: int = 0
    ) -> list[JournalEntry]:
        """Entries of an endpoint (`create`, `get`, `callback`, ...), method or path prefix, later than a sequence."""
        return [
            entry
            for entry in self
            if (endpoint is None or entry.endpoint == endpoint)
            and (method is None or entry.method == method)
            and (path is None or entry.path.startswith(path))
            and entry.sequence > after
        ]

    @property
    def callbacks(self) -> list[JournalEntry]:
        """The callbacks that were sent, or should have been."""
        return self.find("callback")

    def count(self, endpoint: str) -> int:
        """How many exchanges of an endpoint there have been, including those that were dropped from the journal."""
        with self._changed:
            return self._counts[endpoint]

    def counts(self) -> dict[str, int]:
        """`count` of every endpoint."""
        with self._changed:
            return dict(self._counts)

    def wait_for(self, endpoint: str, count: int = 1, timeout: float = 10.0) -> list[JournalEntry]:
        """Wait until `count` exchanges of an endpoint are in the journal; AssertionError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._counts[endpoint] < count:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(
                        f"{self._counts[endpoint]} of {count} {endpoint!r} exchanges after {timeout} s. "
                        f"Seen so far: {dict(self._counts)}"
                    )
                self._changed.wait(left)
        return self.find(endpoint)

    def clear(self) -> None:
        """Forget entries and counts."""
        with self._changed:
            self._entries.clear()
            self._counts.clear()
