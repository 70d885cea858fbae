"""`Idempotency-Key` on creation requests, as EvoLink's own client relies on it."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from .errors import create_error


@dataclass
class Claim:
    """One key's first request. `running` until its exchange is over."""

    digest: str
    task_id: str | None = None
    running: bool = True


class IdempotencyKeys:
    """Which key of which account stands for which task."""

    def __init__(self) -> None:
        self._claims: dict[tuple[str, str], Claim] = {}
        self._lock = threading.Lock()

    def claim(self, account: str, key: str, digest: str) -> Claim | str:
        """A claim for a new key, or the task id of an earlier request with the same key and body.

        ApiError 409: `idempotency_conflict` for another body, `paid_outcome_unknown` while the earlier request runs.
        """
        with self._lock:
            earlier = self._claims.get((account, key))
            if earlier is None:
                claim = self._claims[account, key] = Claim(digest)
                return claim
            if earlier.digest != digest:
                raise create_error(409)
            if earlier.running:
                raise create_error(
                    409,
                    "An earlier request with this Idempotency-Key has not finished; its outcome is unknown",
                    code="paid_outcome_unknown",
                )
            return str(earlier.task_id)

    def release(self, account: str, key: str) -> None:
        """The exchange is over: the key now stands for its task, or is free again when none was made."""
        with self._lock:
            claim = self._claims.get((account, key))
            if claim is None:
                return
            claim.running = False
            if claim.task_id is None:
                del self._claims[account, key]
