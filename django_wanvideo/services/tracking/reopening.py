"""Going on with an attempt that had ended here, because EvoLink has its video after all."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils import timezone

from django_wanvideo.choices import RETRYABLE_STATUSES, AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.evolink.types import ProviderStatus
from django_wanvideo.models import ledger, lifecycle
from django_wanvideo.services.tracking import snapshots

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.evolink.types import TaskSnapshot
    from django_wanvideo.models import Attempt, VideoTask

#: What a task forgets about its earlier attempts once EvoLink has nothing for it any more.
CLEAN_SLATE: dict[str, Any] = {
    "accepted_at": None,
    "credits_reserved": None,
    "credits_used": None,
    "result_url": "",
    "result_expires_at": None,
    "estimated_seconds": None,
    "expiry_notified_at": None,
}


def bring_home(
    task: VideoTask,
    attempt: Attempt,
    snapshot: TaskSnapshot,
    *,
    source: EventSource,
    actor: AbstractBaseUser | None = None,
) -> bool:
    """Go on with an earlier attempt: nothing is sent, nothing is charged anew."""
    now, reserved = timezone.now(), ledger.clamp_credits(snapshot.credits_reserved)
    columns = CLEAN_SLATE | {
        "accepted_at": now,
        "credits_reserved": reserved,
        "overdue_notified_at": None,
        "result_refreshed_at": None,
        "delayed_until": None,
        "delay_reason": "",
        "progress": min(snapshot.progress or 0, 99),
        "next_action_at": now,
    }
    with database.atomic():
        # An end is left through the queue, as by any retry; nobody sees the task there.
        lifecycle.advance(
            task,
            TaskStatus.QUEUED,
            allowed=RETRYABLE_STATUSES,
            kind=EventKind.RETRIED,
            source=source,
            actor=actor,
            detail={"reason": "look_again"},
            queued_at=now,
            delayed_until=now + dt.timedelta(minutes=1),
            progress=0,
        )
        moved = lifecycle.move_with_attempt(
            attempt,
            TaskStatus.PROCESSING if snapshot.status == ProviderStatus.PROCESSING else TaskStatus.PENDING,
            state=AttemptState.ACCEPTED,
            only=Q(state=AttemptState.FINISHED, provider_task_id=snapshot.id),
            task=task,
            reserved=reserved,
            allowed=frozenset({TaskStatus.QUEUED}),
            kind=EventKind.NOTE,
            source=source,
            actor=actor,
            detail={"reason": "found_at_evolink", "provider_task_id": snapshot.id},
            **columns,
        )
        if moved is None:
            database.roll_back()
    if moved is None:
        task.refresh_from_db()
        return False
    attempt.refresh_from_db()
    attempt.task = task
    snapshots.apply_snapshot(attempt, snapshot, source=EventSource.POLL)
    return True
