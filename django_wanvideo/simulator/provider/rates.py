"""How many reads a second an account may make, and who goes on asking although told to wait."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .core import Simulator
    from .errors import ApiError
    from .wire import Request

#: What counts as a read.
_READS = frozenset({"get", "batch", "list", "credits", "models"})


@dataclass
class _Reads:
    """One account's last second, and when it was last told to wait: from when on, until when."""

    recent: deque[float] = field(default_factory=deque)
    told_at: float = 0.0
    until: float = 0.0


class ReadLimit:
    """Counts each account's reads. What comes after a 429 was heard, and before its time is over, is a violation."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._lock = threading.Lock()
        self._by_account: dict[str, _Reads] = {}

    def check(self, request: Request) -> ApiError | None:
        """Count a request; return the 429 that it gets, if it is a read too many."""
        options, limit = self._sim.options, self._sim.options.read_limit_per_second
        if limit is None or request.account is None:
            return None
        now = self._sim.clock.now()
        with self._lock:
            reads = self._by_account.setdefault(request.account.id, _Reads())
            while reads.recent and reads.recent[0] <= now - 1:
                reads.recent.popleft()
            is_waiting = now < reads.until
            if is_waiting and now > reads.told_at + options.read_limit_grace:
                self._sim.ledger.note_violation(request.endpoint, now)
            if request.endpoint not in _READS:
                return None
            if not is_waiting and len(reads.recent) < limit:
                reads.recent.append(now)
                return None
            if not is_waiting:
                # Heard when the answer is there, which takes as long as any other.
                reads.told_at = now + options.answer_seconds
                reads.until = reads.told_at + options.read_limit_wait
            return self._sim.rate_limited(max(1, int(reads.until - now + 0.999)))
