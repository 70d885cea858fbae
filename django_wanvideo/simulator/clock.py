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
        return time.time()


class VirtualClock:
    """Time that stands still until `advance` moves it; safe to use from several threads.

    `start` is in seconds since 1970, by default the moment of creation. After each `advance` the `listeners` are called,
    so that what is due is done before it returns.
    """

    def __init__(self, start: float | None = None) -> None:
        self._now = time.time() if start is None else float(start)
        self._lock = threading.Lock()
        self.listeners: set[Callable[[], object]] = set()

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> float:
        """Move on by `seconds` (not negative), run what became due, and return the new time."""
        if seconds < 0:
            raise ValueError(f"Time only moves forward; {seconds} seconds is negative.")
        with self._lock:
            self._now += seconds
            now = self._now
        for listener in tuple(self.listeners):
            listener()
        return now
