"""Who asks, and what is left on the account."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

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
class Account:
    """One customer: several keys, one balance, files and tasks of its own. `recent` holds times of accepted calls."""

    id: str
    total: Decimal
    group: str
    used: Decimal = ZERO
    keys: dict[str, ApiKey] = field(default_factory=dict, repr=False)
    recent: deque[float] = field(default_factory=deque, repr=False)

    @property
    def remaining(self) -> Decimal:
        """Credits left."""
        return self.total - self.used

    def spend(self, key: str, amount: Decimal) -> None:
        """Take credits; a negative amount gives them back."""
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


class Accounts:
    """All accounts, found by key."""

    def __init__(self) -> None:
        self._by_key: dict[str, Account] = {}
        self._all: list[Account] = []

    def add(self, keys: tuple[str, ...], credits_owned: Decimal, limit: Decimal | None, group: str) -> Account:
        """Open an account; ValueError for a key that is already known or empty."""
        account = Account(id=f"acc{len(self._all) + 1:06d}", total=credits_owned, group=group)
        if not keys:
            raise ValueError("An account needs at least one API key.")
        for key in keys:
            if not key or key in self._by_key:
                raise ValueError("An API key is empty or already belongs to an account.")
            account.keys[key] = ApiKey(limit)
            self._by_key[key] = account
        self._all.append(account)
        return account

    @property
    def first(self) -> Account:
        """The account that the simulator was started with."""
        return self._all[0]

    def find(self, authorization: str) -> tuple[Account, str] | None:
        """The account and key of an `Authorization` header; None when it is not `Bearer` with a known key."""
        scheme, _, key = authorization.partition(" ")
        account = self._by_key.get(key.strip()) if scheme.lower() == "bearer" else None
        return (account, key.strip()) if account else None
