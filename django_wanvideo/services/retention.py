"""Deleting what is old and done with, in batches; nothing that may still cost, bring or tell something."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, ProtectedError, Q, RestrictedError
from django.utils import timezone

from django_wanvideo.choices import ACTIVE_STATUSES, FINISHED_STATUSES, EventKind, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Approval, Batch, CallbackReceipt, DeletedTask, TaskEvent, VideoTask
from django_wanvideo.models.creation.idempotency import REMEMBERED

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Collection

    from django.db.models import Model, QuerySet

logger = logging.getLogger(__name__)

#: Events that tell how a task went on its way, not what became of it.
PASSING_KINDS = frozenset({EventKind.PROGRESS, EventKind.WAITING, EventKind.RELEASED, EventKind.STORE_FAILED})
#: Statuses whose tasks may be deleted; all others are on their way.
PRUNABLE_STATUSES = frozenset(TaskStatus) - ACTIVE_STATUSES
DEFAULT_BATCH = 500


@dataclass
class Pruned:
    """How many rows were deleted, or would be; ``kept`` are tasks that something else still needs."""

    receipts: int = 0
    events: int = 0
    tasks: dict[str, int] = field(default_factory=dict)
    kept: int = 0


def prune_receipts(before: dt.datetime, *, batch: int = DEFAULT_BATCH, dry_run: bool = False) -> int:
    """Delete callbacks that came in before ``before`` and have been read; return how many."""
    return _delete_rows(CallbackReceipt, Q(process_at=None, received_at__lt=before), batch, dry_run)


def prune_events(before: dt.datetime, *, batch: int = DEFAULT_BATCH, dry_run: bool = False) -> int:
    """Delete lines of progress and waiting written before ``before``; return how many.

    Histories of tasks that are on their way stay whole, and so does what a signal has still to be delivered from.
    """
    done_with = Q(kind__in=PASSING_KINDS, created_at__lt=before, notify_at=None, task__status__in=FINISHED_STATUSES)
    return _delete_rows(TaskEvent, done_with, batch, dry_run)


def prune_deleted(*, batch: int = DEFAULT_BATCH, dry_run: bool = False) -> int:
    """Forget the keys of tasks that were deleted more than 30 days ago; return how many."""
    return _delete_rows(DeletedTask, Q(deleted_at__lte=timezone.now() - REMEMBERED), batch, dry_run)


def prune_approvals(before: dt.datetime, *, batch: int = DEFAULT_BATCH, dry_run: bool = False) -> int:
    """Delete decisions of before ``before`` that no task or batch refers to, and requests of which nothing is left.

    Who has approved, refused or asked for a task is in its history, which stays.
    """
    used = Q(Exists(VideoTask.objects.filter(approval=OuterRef("pk"))))
    used |= Q(Exists(Batch.objects.filter(approval=OuterRef("pk"))))
    old = Q(decided_at__lt=before) | Q(decided_at=None, requested_at__lt=before)
    return _delete_rows(Approval, old & ~used, batch, dry_run)


def prune_tasks(
    before: dt.datetime, statuses: Collection[str], *, batch: int = DEFAULT_BATCH, dry_run: bool = False
) -> Pruned:
    """Delete tasks that ended (drafts: were made) before ``before``, with their files and history.

    A task with a signal still to be delivered is left, and so is one whose paid video can still be fetched. Raises
    ValueError where one of ``statuses`` is no end, nor a draft.
    """
    wrong = set(statuses) - PRUNABLE_STATUSES
    if wrong:
        raise ValueError(f"Tasks that are {', '.join(sorted(wrong))} are on their way and are never deleted.")
    pruned = Pruned()
    for status in sorted(statuses):
        rows = _old_tasks(before, status)
        if dry_run:
            count = rows.count()
        else:
            count, kept = _delete_tasks(rows, batch)
            pruned.kept += kept
        if count:
            pruned.tasks[status] = count
    return pruned


def _old_tasks(before: dt.datetime, status: str) -> QuerySet[VideoTask]:
    age = Q(created_at__lt=before) if status == TaskStatus.DRAFT else Q(finished_at__lt=before)
    fetchable = Q(result_expires_at__gt=timezone.now()) & ~Q(result_url="") & ~Q(status=TaskStatus.COMPLETED)
    untold = TaskEvent.objects.filter(notify_at__isnull=False).values("task_id")
    return VideoTask.objects.filter(age, ~fetchable, status=status).exclude(pk__in=untold)


def _delete_tasks(rows: QuerySet[VideoTask], batch: int) -> tuple[int, int]:
    """Delete one by one, each in a transaction of its own: what is refused keeps no other from going."""
    deleted = kept = 0
    last = None
    while True:
        after = rows if last is None else rows.filter(pk__gt=last)
        ids = list(after.order_by("pk").values_list("pk", flat=True)[:batch])
        for pk in ids:
            gone = _delete_task(rows, pk)
            deleted, kept = deleted + (gone is True), kept + (gone is False)
        if len(ids) < batch:
            return deleted, kept
        last = ids[-1]


def _delete_task(rows: QuerySet[VideoTask], pk: uuid.UUID) -> bool | None:
    """Return whether it was deleted; ``None`` when it has changed meanwhile and is no longer old."""
    try:
        with database.atomic():
            # Locked and looked at again: a person may have tried it again since it was found.
            task = rows.select_for_update().filter(pk=pk).first()
            if task is None:
                return None
            task.delete()
    except (ProtectedError, RestrictedError, TransitionNotAllowed) as error:
        logger.info("Task %s stays: %s.", pk, type(error).__name__)
        return False
    return True


def _delete_rows(model: type[Model], condition: Q, batch: int, dry_run: bool) -> int:
    rows = model._default_manager.filter(condition)  # noqa: SLF001 - Django's documented model API
    if dry_run:
        return rows.count()
    deleted = 0
    while True:
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:batch])
        if not ids:
            return deleted
        # The condition once more: a receipt may have become due again.
        number, _ = model._default_manager.filter(condition, pk__in=ids).delete()  # noqa: SLF001
        deleted += number
        if number < len(ids):
            return deleted
