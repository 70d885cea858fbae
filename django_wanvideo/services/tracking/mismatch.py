"""Whether one of EvoLink's tasks can be what an attempt paid for."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils import timezone

from django_wanvideo.choices import EventKind, EventSource
from django_wanvideo.db import database, timestamps
from django_wanvideo.models import Attempt, lifecycle

if TYPE_CHECKING:
    from django_wanvideo.evolink.types import TaskSnapshot

#: Seconds that EvoLink's clock may be behind ours.
CLOCK_SKEW = dt.timedelta(seconds=120)
#: Of EvoLink's tasks that seem older than an attempt, so many are written into its history.
MOST_OLDER = 5


class Mismatch(StrEnum):
    """Why one of EvoLink's tasks is not taken for what an attempt paid for."""

    #: Only this one may be a mistake: of a clock.
    CREATED_EARLIER = "older_than_attempt"
    OTHER_MODEL = "other_model"
    #: Another attempt of this site has it.
    TAKEN = "taken"


def mismatch_of(attempt: Attempt, snapshot: TaskSnapshot) -> Mismatch | None:
    """Return why EvoLink's task cannot have come from this attempt, its age last; ``None`` if it can."""
    if snapshot.model and snapshot.model != attempt.request.get("model"):
        return Mismatch.OTHER_MODEL
    other = Attempt.objects.filter(provider_task_id=snapshot.id).exclude(pk=attempt.pk).select_related("task").first()
    if other is not None and not is_duplicate(attempt, other):
        return Mismatch.TAKEN
    # An id that the attempt has from EvoLink's own answer is its own, whatever the clocks say; and a claim that lies
    # ahead of now was written by a clock that says nothing.
    known = snapshot.id == attempt.provider_task_id or attempt.claimed_at > timezone.now() + timestamps.SKEW
    if not known and snapshot.created is not None and snapshot.created < attempt.claimed_at - CLOCK_SKEW:
        return Mismatch.CREATED_EARLIER
    return None


@database.in_transaction
def record_earlier(attempt: Attempt, snapshot: TaskSnapshot) -> None:
    """Write into the history, once, what a person may bind although a callback may not: it may be a clock's mistake."""
    # One reader at a time, or two copies of one callback would be written down twice.
    Attempt.objects.select_for_update().filter(pk=attempt.pk).first()
    noted = attempt.events.filter(kind=EventKind.CALLBACK, detail__reason=Mismatch.CREATED_EARLIER)
    ids = list(noted.values_list("detail__provider_task_id", flat=True))
    if snapshot.id in ids or len(ids) >= MOST_OLDER or snapshot.created is None:
        return
    detail = {"reason": Mismatch.CREATED_EARLIER, "provider_task_id": snapshot.id}
    detail |= {"created": snapshot.created.isoformat(), "claimed_at": attempt.claimed_at.isoformat()}
    lifecycle.record(attempt.task_id, EventKind.CALLBACK, EventSource.CALLBACK, attempt=attempt, detail=detail)


def is_duplicate(attempt: Attempt, other: Attempt) -> bool:
    return other.task.parent_id == attempt.task_id and other.idempotency_key == attempt.idempotency_key
