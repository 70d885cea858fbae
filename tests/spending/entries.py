"""Entries of the ledger as services leave them, made at random."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from django_wanvideo.choices import CreditOutcome, CreditResult
from django_wanvideo.models import CreditEntry

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

MODELS = ("wan2.6-image-to-video-flash", "wan2.6-image-to-video", "a-model-that-is-gone")
OUTCOMES = (
    (CreditOutcome.CHARGED, CreditResult.VIDEO, Decimal("11.9")),
    (CreditOutcome.CHARGED, CreditResult.VIDEO, Decimal("4.0004")),
    (CreditOutcome.CHARGED, CreditResult.FAILED, Decimal(3)),
    (CreditOutcome.RELEASED, CreditResult.FAILED, Decimal(0)),
    (CreditOutcome.RELEASED, "", None),
    (CreditOutcome.ACCEPTED, "", None),
    (CreditOutcome.UNKNOWN, CreditResult.CANCELLED, None),
)


def entry(claimed_at: dt.datetime | None = None, **columns: Any) -> CreditEntry:
    """Make an entry: a video of five seconds for 11.90 that took two minutes, unless it is said otherwise."""
    usual: dict[str, Any] = {
        "attempt_id": uuid.uuid4(),
        "task_id": uuid.uuid4(),
        "model": MODELS[0],
        "seconds": 5,
        "estimated": Decimal("11.9"),
        "used": Decimal("11.9"),
        "outcome": CreditOutcome.CHARGED,
        "result": CreditResult.VIDEO,
        "seconds_to_video": 120,
        "claimed_at": claimed_at or timezone.now(),
        "settled_at": claimed_at or timezone.now(),
    }
    return CreditEntry.objects.create(**usual | columns)


def at_random(
    dice: random.Random, count: int, first: dt.datetime, days: int, owners: Sequence[Any]
) -> list[CreditEntry]:
    """Make entries of every kind, spread over some days."""
    batches = [None, *(uuid.UUID(int=dice.getrandbits(128), version=4) for _number in range(3))]
    made = []
    for _number in range(count):
        outcome, result, used = dice.choice(OUTCOMES)
        owner, batch = dice.choice(owners), dice.choice(batches)
        made.append(
            CreditEntry(
                attempt_id=uuid.UUID(int=dice.getrandbits(128), version=4),
                task_id=uuid.UUID(int=dice.getrandbits(128), version=4),
                model=dice.choice(MODELS),
                owner=owner,
                owner_label=owner.username if owner else dice.choice(["", "gone"]),
                batch_id=batch,
                batch_label=f"Batch {str(batch)[:4]}" if batch else "",
                seconds=dice.choice([None, 2, 5, 15]),
                estimated=dice.choice([None, Decimal(6), Decimal("11.9")]),
                reserved=dice.choice([None, Decimal("11.9")]),
                used=used,
                outcome=outcome,
                result=result,
                seconds_to_video=dice.randrange(60, 400) if result == CreditResult.VIDEO else None,
                claimed_at=first + dt.timedelta(seconds=dice.randrange(days * 86400)),
            )
        )
    return CreditEntry.objects.bulk_create(made)
