"""The pass over due rows that makes every stage converge, whatever was lost.

Safe in several places at once: rows are marked as handed out before work is made of them, and the work itself claims.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from django.utils import timezone

from django_wanvideo import queue
from django_wanvideo.choices import AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.models import Attempt, CallbackReceipt, SiteState, TaskEvent, VideoTask
from django_wanvideo.services import confirming, lifecycle, limits, outcomes, provider, schedule

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator, Sequence

logger = logging.getLogger(__name__)

SWEEP = "sweep"
CHUNK = 500
SYNC_BATCH = 50
#: The least time a row is left to the job that was made of it.
HAND_OUT = dt.timedelta(seconds=60)


class Dispatch(Protocol):
    """Hands one job to a worker; ``False`` when there is nobody to take it now."""

    def __call__(self, job: str, *ids: str) -> bool: ...


@dataclass
class Swept:
    """What one pass found and handed out, by stage."""

    counts: dict[str, int] = field(default_factory=dict)
    queue_reachable: bool = True

    def add(self, stage: str, number: int) -> None:
        """Count rows of a stage."""
        if number:
            self.counts[stage] = self.counts.get(stage, 0) + number

    def __str__(self) -> str:
        return ", ".join(f"{number} {stage}" for stage, number in self.counts.items()) or "nothing due"


def sweep(dispatch: Dispatch = queue.enqueue) -> Swept:
    """Make one pass.

    Args:
        dispatch: takes a job's name and ids; ``jobs.run_here`` does the work in this process instead of through RQ.
    """
    swept = Swept()
    SiteState.objects.update_or_create(name=SWEEP, defaults={"value": {}})
    patience = _patience()
    _settle_claims(swept)
    _settle_unconfirmed(swept)
    _warn_of_expiring_links(swept)
    _hand_out(TaskStatus.STORING, "store", 1, dispatch, swept, patience, order="result_expires_at")
    _receipts(dispatch, swept)
    _events(dispatch, swept)
    for status in (TaskStatus.PENDING, TaskStatus.PROCESSING):
        _hand_out(status, "sync", SYNC_BATCH, dispatch, swept, patience)
    if provider.paused_until() is None:
        _hand_out(TaskStatus.QUEUED, "submit", 1, dispatch, swept, patience, most=limits.free_places())
    return swept


def _hand_out(
    status: TaskStatus,
    job: str,
    per_job: int,
    dispatch: Dispatch,
    swept: Swept,
    patience: dt.timedelta,
    *,
    order: str = "next_action_at",
    most: int | None = None,
) -> None:
    for ids in _claimed_chunks(status, patience, order, most):
        for batch in _batches(ids, per_job):
            if swept.queue_reachable and dispatch(job, *(str(pk) for pk in batch)):
                swept.add(status, len(batch))
            else:
                # Nobody took it: due again at once, so that the next pass finds it.
                swept.queue_reachable = False
                VideoTask.objects.filter(pk__in=batch, status=status).update(next_action_at=timezone.now())
        if not swept.queue_reachable:
            return


def _claimed_chunks(
    status: TaskStatus, patience: dt.timedelta, order: str, most: int | None
) -> Iterator[list[uuid.UUID]]:
    """Yield ids of due rows that this pass, and no other, has marked as handed out."""
    left = most
    while left is None or left > 0:
        now = timezone.now()
        size = CHUNK if left is None else min(CHUNK, left)
        due = list(VideoTask.objects.due(now).filter(status=status).order_by(order).values_list("pk", flat=True)[:size])
        if not due:
            return
        mark = now + patience
        VideoTask.objects.due(now).filter(pk__in=due, status=status).update(next_action_at=mark)
        ours = list(
            VideoTask.objects.filter(pk__in=due, status=status, next_action_at=mark)
            .order_by(order)
            .values_list("pk", flat=True)
        )
        if ours:
            yield ours
        if left is not None:
            left -= len(due)
        if len(due) < size:
            return


def _settle_claims(swept: Swept) -> None:
    due = VideoTask.objects.due().filter(status=TaskStatus.SUBMITTING)
    for task_id in due.order_by("next_action_at").values_list("pk", flat=True)[:CHUNK]:
        outcomes.settle_lost(task_id)
        swept.add(TaskStatus.SUBMITTING, 1)


def _settle_unconfirmed(swept: Swept) -> None:
    due = VideoTask.objects.due().filter(status=TaskStatus.UNCONFIRMED).order_by("next_action_at")
    for task in due[:CHUNK]:
        attempt = Attempt.objects.filter(task=task, state=AttemptState.UNCONFIRMED).first()
        if attempt is not None and conf.TRUST_IDEMPOTENCY_KEY and confirming.may_repeat(attempt):
            confirming.repeat(attempt)
        else:
            # Told once; a callback or a person moves it, nothing else does.
            rows = VideoTask.objects.filter(pk=task.pk, status=TaskStatus.UNCONFIRMED).update(next_action_at=None)
            if rows:
                lifecycle.record(task, EventKind.NEEDS_DECISION, EventSource.SWEEP, detail={"reason": "unconfirmed"})
        swept.add(TaskStatus.UNCONFIRMED, 1)


def _warn_of_expiring_links(swept: Swept) -> None:
    soon = timezone.now() + schedule.EXPIRY_WARNING
    expiring = VideoTask.objects.filter(
        status=TaskStatus.STORING, result_expires_at__lte=soon, told_expiring_at__isnull=True
    )
    for task in expiring[:CHUNK]:
        until = task.result_expires_at.isoformat() if task.result_expires_at else ""
        lifecycle.tell_once(
            task,
            "told_expiring_at",
            EventKind.LINK_EXPIRING,
            statuses=frozenset({TaskStatus.STORING}),
            detail={"until": until},
        )
        logger.warning("The video of task %s is not stored yet and its link ends at %s.", task.pk, until)
        swept.add("expiring", 1)


def _receipts(dispatch: Dispatch, swept: Swept) -> None:
    if CallbackReceipt.objects.filter(due_at__lte=timezone.now()).exists():
        swept.queue_reachable = dispatch("sync") and swept.queue_reachable
        swept.add("callbacks", 1)


def _events(dispatch: Dispatch, swept: Swept) -> None:
    due = TaskEvent.objects.filter(notify_at__lte=timezone.now() - dt.timedelta(seconds=2))
    task_ids = list(dict.fromkeys(due.order_by("id").values_list("task_id", flat=True)[:CHUNK]))
    for batch in _batches(task_ids, SYNC_BATCH):
        if swept.queue_reachable:
            swept.queue_reachable = dispatch("notify", *(str(pk) for pk in batch))
            swept.add("signals", len(batch))


def _patience() -> dt.timedelta:
    """How long handed-out rows are left alone: longer where many jobs wait, so that none is handed out twice."""
    return HAND_OUT + dt.timedelta(seconds=queue.length())


def _batches(ids: Sequence[uuid.UUID], size: int) -> Iterator[Sequence[uuid.UUID]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
