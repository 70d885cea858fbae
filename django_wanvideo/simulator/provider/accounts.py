"""Who asks, what is left on the account, how often it may ask, and which `Idempotency-Key` stands for which task."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .errors import create_error, rate_limited

if TYPE_CHECKING:
    from django_wanvideo.simulator.options import Options

ZERO = Decimal(0)


@dataclass
class ApiKey:
    """One key: its own limit in credits (None: none) and use."""

    limit: Decimal | None
    used: Decimal = ZERO

    @property
    def remaining(self) -> Decimal:
        """Credits this key may still spend; nothing is said (0) for a key without a limit."""
        return ZERO if self.limit is None else self.limit - self.used


@dataclass
class Claim:
    """The first request with an `Idempotency-Key`. `running` until its exchange is over."""

    digest: str
    task_id: str | None = None
    running: bool = True


@dataclass
class Account:
    """One customer: several keys, one balance, files and tasks of its own."""

    id: str
    total: Decimal
    group: str
    used: Decimal = ZERO
    keys: dict[str, ApiKey] = field(default_factory=dict, repr=False)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _claims: dict[str, Claim] = field(default_factory=dict, repr=False)
    #: When the creations of the last minute and the reads of the last second were admitted.
    creations: deque[float] = field(default_factory=deque, repr=False)
    _reads: deque[float] = field(default_factory=deque, repr=False)
    #: Readers were last told to wait: when they heard it, and until when.
    _told_at: float = 0.0
    _wait_until: float = 0.0

    @property
    def remaining(self) -> Decimal:
        return self.total - self.used

    def check_funds(self, key: str, amount: Decimal) -> None:
        """ApiError 402 when the account, or the key by its own limit, has less than `amount` credits."""
        if self.remaining < amount:
            raise create_error(402)
        if self.keys[key].limit is not None and self.keys[key].remaining < amount:
            raise create_error(402, "Insufficient quota of this API key.", code="insufficient_token_quota")

    def charge(self, key: str, amount: Decimal) -> None:
        """Take credits; a negative amount gives them back."""
        with self.lock:
            self.used += amount
            self.keys[key].used += amount

    def body(self, key: str) -> dict[str, Any]:
        """The answer of `GET /v1/credits` for one of the account's keys."""
        token = self.keys[key]
        return {
            "data": {
                "token": {
                    "remaining_credits": float(token.remaining),
                    "unlimited_credits": token.limit is None,
                    "used_credits": float(token.used),
                },
                "user": {"remaining_credits": float(self.remaining), "used_credits": float(self.used)},
            },
            "message": "",
            "success": True,
        }

    def check_creations(self, options: Options, now: float) -> None:
        """ApiError 429 when there was no room for another task within a minute."""
        with self.lock:
            _drop_until(self.creations, now - 60)
            limit = options.rate_limit_per_minute
            if limit is not None and len(self.creations) >= limit:
                raise rate_limited(self.creations[0] + 60 - now, options.rate_limit_retry_after)

    def is_ignoring_limit(self, options: Options, now: float) -> bool:
        """Whether who asks now has heard that it should wait, and its time is not over."""
        is_waiting = options.read_limit_per_second is not None and now < self._wait_until
        return is_waiting and now > self._told_at + options.read_limit_grace

    def check_reads(self, options: Options, now: float) -> None:
        """Count a read; ApiError 429 for a read too many, and for all until the time to wait is over."""
        limit = options.read_limit_per_second
        if limit is None:
            return
        with self.lock:
            _drop_until(self._reads, now - 1)
            if now >= self._wait_until:
                if len(self._reads) < limit:
                    self._reads.append(now)
                    return
                # Heard when the answer is there, which takes as long as any other.
                self._told_at = now + options.answer_seconds
                self._wait_until = self._told_at + options.read_limit_wait
            raise rate_limited(self._wait_until - now, options.rate_limit_retry_after)

    def claim(self, idempotency_key: str, digest: str) -> Claim | str:
        """A claim for a new key, or the task id of an earlier request with the same key and body.

        ApiError 409: `idempotency_conflict` for another body, `paid_outcome_unknown` while the earlier request runs.
        """
        with self.lock:
            earlier = self._claims.get(idempotency_key)
            if earlier is None:
                claim = self._claims[idempotency_key] = Claim(digest)
                return claim
            if earlier.digest != digest:
                raise create_error(409)
            if earlier.running:
                message = "An earlier request with this Idempotency-Key has not finished; its outcome is unknown"
                raise create_error(409, message, code="paid_outcome_unknown")
            return str(earlier.task_id)

    def release(self, idempotency_key: str) -> None:
        """The exchange is over: the key now stands for its task, or is free again when none was made."""
        with self.lock:
            claim = self._claims[idempotency_key]
            claim.running = False
            if claim.task_id is None:
                del self._claims[idempotency_key]


class Accounts:
    """All accounts, found by key."""

    def __init__(self) -> None:
        self._by_key: dict[str, Account] = {}

    def add(self, keys: tuple[str, ...], credits_owned: Decimal, limit: Decimal | None, group: str) -> Account:
        """Open an account; ValueError for a key that is already known or empty."""
        account = Account(id=f"acc{len(self._by_key) + 1:06d}", total=credits_owned, group=group)
        if not keys:
            raise ValueError("An account needs at least one API key.")
        for key in keys:
            if not key or key in self._by_key:
                raise ValueError("An API key is empty or already belongs to an account.")
            account.keys[key] = ApiKey(limit)
            self._by_key[key] = account
        return account

    @property
    def first(self) -> Account:
        return next(iter(self._by_key.values()))

    def find(self, authorization: str) -> tuple[Account, str] | None:
        """The account and key of an `Authorization` header; None when it is not `Bearer` with a known key."""
        scheme, _, key = authorization.partition(" ")
        account = self._by_key.get(key.strip()) if scheme.lower() == "bearer" else None
        return (account, key.strip()) if account else None


def _drop_until(times: deque[float], moment: float) -> None:
    while times and times[0] <= moment:
        times.popleft()
