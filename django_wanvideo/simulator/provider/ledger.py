"""What was accepted and what it cost: the truth that an application's own books are compared with."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django_wanvideo.simulator.journal import redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

ZERO = Decimal(0)


@dataclass
class LedgerEntry:
    """One accepted generation.

    reserved, charged: credits; charged is None until the task has ended. content: a digest of the request without its
    callback, in which an uploaded picture counts by its bytes, not by its URL. Times are seconds since 1970.
    """

    sequence: int
    task_id: str
    account: str
    model: str
    accepted_at: float
    reserved: Decimal
    content: str
    body: dict[str, Any] = field(repr=False)
    idempotency_key: str | None = None
    callback_url: str | None = field(default=None, repr=False)
    charged: Decimal | None = None
    refunded_at: float | None = None
    #: The ledger's sequence at the time of the refund: what was accepted later is another try.
    refunded_before: int | None = None

    @property
    def refunded(self) -> bool:
        return self.refunded_at is not None

    @property
    def credits(self) -> Decimal:
        """What it costs as far as known: charged, else reserved, and nothing when refunded."""
        if self.refunded:
            return ZERO
        return self.reserved if self.charged is None else self.charged

    def as_dict(self) -> dict[str, Any]:
        """For JSON: credits as text, the callback's token hidden."""
        names = ("sequence", "task_id", "account", "model", "accepted_at", "refunded", "idempotency_key", "content")
        return {name: getattr(self, name) for name in names} | {
            "reserved": str(self.reserved),
            "charged": None if self.charged is None else str(self.charged),
            "credits": str(self.credits),
            "callback_url": redact_url(self.callback_url) if self.callback_url else None,
            "prompt": self.body.get("prompt"),
        }


class Ledger:
    """All accepted generations, in order. Iterates over a snapshot."""

    def __init__(self) -> None:
        self._entries: list[LedgerEntry] = []
        self._by_task: dict[str, LedgerEntry] = {}
        #: Requests that came although their account had been told to wait: which, and when (seconds since 1970).
        self.violations: list[tuple[str, float]] = []
        self._lock = threading.Lock()

    def accept(self, **values: Any) -> LedgerEntry:
        with self._lock:
            entry = LedgerEntry(sequence=len(self._entries) + 1, **values)
            self._entries.append(entry)
            self._by_task[entry.task_id] = entry
        return entry

    def charge(self, task_id: str, credits_used: Decimal) -> None:
        self._by_task[task_id].charged = credits_used

    def refund(self, task_id: str, at: float) -> None:
        with self._lock:
            entry = self._by_task[task_id]
            entry.charged, entry.refunded_at, entry.refunded_before = ZERO, at, len(self._entries)

    def __iter__(self) -> Iterator[LedgerEntry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, task_id: str) -> LedgerEntry:
        return self._by_task[task_id]

    @property
    def accepted(self) -> list[LedgerEntry]:
        """All accepted requests, also those that failed and were refunded."""
        return list(self)

    @property
    def billed(self) -> list[LedgerEntry]:
        """Accepted requests that cost something: charged, or reserved and not yet settled."""
        return [entry for entry in self if entry.credits > ZERO]

    @property
    def total(self) -> Decimal:
        """The credits of all billed requests."""
        return sum((entry.credits for entry in self), ZERO)

    def duplicates(
        self, intent: Callable[[LedgerEntry], Hashable | None] | None = None
    ) -> list[tuple[str, list[LedgerEntry]]]:
        """Groups of accepted requests that stand for one intent, each with the reason why they belong together.

        By default requests belong together that share a callback URL, an `Idempotency-Key`, or their whole content;
        `intent` replaces all three by a key of your own (None: of no group). A request that was refunded before the
        next one was accepted is a failed try, not a duplicate.
        """
        if intent is not None:
            return _groups("intent", self, intent)
        found: list[tuple[str, list[LedgerEntry]]] = []
        for reason, key in _REASONS.items():
            for group in _groups(reason, self, key):
                if group[1] not in [known for _, known in found]:
                    found.append(group)
        return found

    def assert_never_charged_twice(self, intent: Callable[[LedgerEntry], Hashable | None] | None = None) -> None:
        """AssertionError naming the requests when an intent was accepted more than once; see `duplicates`."""
        groups = self.duplicates(intent)
        if groups:
            raise AssertionError(_complaint(groups))

    def assert_charged_once(self, intent: Callable[[LedgerEntry], Hashable | None] | None = None) -> None:
        """As `assert_never_charged_twice`, and something must have been accepted at all."""
        if not len(self):
            raise AssertionError("Nothing was accepted: the ledger is empty. Did the request reach the simulator?")
        self.assert_never_charged_twice(intent)

    def assert_nothing_charged(self) -> None:
        """AssertionError naming the requests when any was accepted and not refunded."""
        if self.billed:
            raise AssertionError("Charged, though nothing should be:\n" + _lines(self.billed))

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the entries, their totals, and the task ids of duplicates."""
        return {
            "accepted": len(self),
            "billed": len(self.billed),
            "total": str(self.total),
            "violations": len(self.violations),
            "duplicates": [
                {"reason": reason, "task_ids": [entry.task_id for entry in group]}
                for reason, group in self.duplicates()
            ],
            "entries": [entry.as_dict() for entry in self],
        }


_REASONS: dict[str, Callable[[LedgerEntry], Hashable | None]] = {
    "callback URL": lambda entry: entry.callback_url,
    "Idempotency-Key": lambda entry: entry.idempotency_key and (entry.account, entry.idempotency_key),
    "content (same model, prompt, picture and parameters)": lambda entry: entry.content,
}


def _groups(
    reason: str, entries: Iterable[LedgerEntry], key: Callable[[LedgerEntry], Hashable | None]
) -> list[tuple[str, list[LedgerEntry]]]:
    grouped: dict[Hashable, list[LedgerEntry]] = {}
    for entry in entries:
        value = key(entry)
        if value is not None:
            grouped.setdefault(value, []).append(entry)
    found = []
    for group in grouped.values():
        live = [
            entry
            for entry, later in zip(group, [*group[1:], None], strict=True)
            if later is None or entry.refunded_before is None or entry.refunded_before >= later.sequence
        ]
        if len(live) > 1:
            found.append((reason, live))
    return found


def _lines(entries: Iterable[LedgerEntry]) -> str:
    return "\n".join(
        f"    #{entry.sequence} {entry.task_id}  {entry.credits} credits  "
        f"Idempotency-Key {entry.idempotency_key or '(none)'}  "
        f"callback {redact_url(entry.callback_url) if entry.callback_url else '(none)'}  "
        f"prompt {str(entry.body.get('prompt', ''))[:40]!r}"
        for entry in entries
    )


def _complaint(groups: list[tuple[str, list[LedgerEntry]]]) -> str:
    parts = [f"{len(groups)} intent(s) were accepted, and charged, more than once:"]
    for reason, group in groups:
        parts.append(f"  {len(group)} accepted requests with the same {reason}:\n{_lines(group)}")
    parts.append(
        "If these are different wishes on purpose, pass intent=lambda entry: ... to say what tells them apart."
    )
    return "\n".join(parts)
