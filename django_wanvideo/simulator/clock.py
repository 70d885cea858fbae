"""What time it is for the simulator: the machine's time, or time that a test moves by hand."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock(Protocol):
    """Anything with `now()`, in seconds since 1970; `advance(seconds)` only where time can be moved."""

    def now(self) -> float: ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()


class VirtualClock:
    """Time that stands still until `advance` moves it; safe to use from several threads.

    `start` is in seconds since 1970, by default the moment of creation. What is due is done before `advance` returns.
    """

    def __init__(self, start: float | None = None) -> None:
        self._now = time.time() if start is None else float(start)
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> float:
        """Seconds since 1970, virtually."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> float:
        """Move on by `seconds` (not negative), run what became due, and return the new time."""
        if seconds < 0:
            raise ValueError(f"Time only moves forward; {seconds} seconds is negative.")
        with self._lock:
            self._now += seconds
            now = self._now
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()
        return now

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each `advance`."""
        with self._lock:
            self._listeners.append(listener)

    def unsubscribe(self, listener: Callable[[], None]) -> None:
        """Stop calling `listener`."""
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)
