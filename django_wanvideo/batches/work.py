"""What a worker does for a batch: make its rows, send, cancel or try them again, and say when it has ended.

Every step may be repeated, by two workers at once too: tasks move by their own rules, once each.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Count, Q, Sum
from django.utils import timezone

from django_wanvideo import queue
from django_wanvideo.batches import asking, making, operations
from django_wanvideo.batches.asking import Terms
from django_wanvideo.choices import ACTIVE_STATUSES, BatchEventKind, BatchOperation, BatchState, TaskStatus
from django_wanvideo.db import database, timestamps
from django_wanvideo.exceptions import BudgetExceeded, TransitionNotAllowed
from django_wanvideo.mail import collecting
from django_wanvideo.models import Batch, BatchEvent, VideoTask
from django_wanvideo.models.base import people
from django_wanvideo.services import due, notifications
from django_wanvideo.services.sending import actions as sending
from django_wanvideo.services.sending import quotes
from django_wanvideo.services.sending.quotes import QuoteChanged

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.db.models import QuerySet

#: Seconds that one job goes on with a batch before others have their turn.
TURN = 20.0
#: Rows that are read at a time.
CHUNK = 100
#: How long a batch is left to the job that was made for it.
VISIBILITY = dt.timedelta(seconds=60)
#: How often a batch whose tasks are on their way is looked at.
LOOK = dt.timedelta(seconds=10)
#: Nothing happens to these by itself.
AT_REST = (BatchState.READY, BatchState.ENDED)
#: These may move without anybody's help.
MOVING = ACTIVE_STATUSES - {TaskStatus.UNCONFIRMED}
IS_MOVING = Q(status__in=MOVING) | Q(status=TaskStatus.UNCONFIRMED, next_action_at__isnull=False)


def work(batch_id: uuid.UUID) -> None:
    """Go on with a batch for a while; what is left is another job's, or the sweep's."""
    notifications.deliver_batch(batch_id, collecting.collect)
    now = timezone.now()
    ours = now + VISIBILITY
    if not Batch.objects.filter(timestamps.is_over("next_action_at", due.LONGEST_BATCH, now), pk=batch_id).update(
        next_action_at=ours
    ):
        return
    ends = time.monotonic() + TURN
    while (more := _step(batch_id)) and time.monotonic() < ends:
        pass
    if more:
        Batch.objects.filter(pk=batch_id).update(next_action_at=timezone.now())
        queue.enqueue("batch", str(batch_id))
    notifications.deliver_batch(batch_id, collecting.collect)
    if not more:
        _rest(batch_id, ours)


def _rest(batch_id: uuid.UUID, ours: dt.datetime) -> None:
    """Let a batch be that nothing is left to be done for, until an event of it would have to be told once more."""
    untold = BatchEvent.objects.filter(batch_id=batch_id, notify_at__isnull=False).order_by("notify_at")
    # Not where somebody has asked for something since.
    rows = Batch.objects.filter(pk=batch_id, state__in=AT_REST, operation="", next_action_at=ours)
    rows.update(next_action_at=untold.values_list("notify_at", flat=True).first())


def _step(batch_id: uuid.UUID) -> bool:
    """Do the next piece of work; return whether there is more to do at once."""
    batch = Batch.objects.filter(pk=batch_id).first()
    if batch is None:
        return False
    if batch.state in {BatchState.UPLOADING, BatchState.CHECKED}:
        return _expire(batch)
    if batch.operation == BatchOperation.CANCEL:
        return _each(batch, TaskStatus.QUEUED, _cancel, _cancelled)
    if batch.state == BatchState.CREATING:
        making.make_chunk(batch.pk)
        return True
    if batch.operation == BatchOperation.SUBMIT:
        if batch.state == BatchState.READY:
            batch.submitted_at = batch.submitted_at or timezone.now()
            values: dict[str, Any] = {"state": BatchState.SUBMITTED, "submitted_at": batch.submitted_at, "cursor": 0}
            if _waits(batch):
                # As before it was pressed: nothing is sent.
                values = {"operation": "", "submitted_at": None, "submitted_by": None, "next_action_at": None}
            Batch.objects.filter(pk=batch.pk, state=BatchState.READY, operation=batch.operation).update(**values)
            return True
        return _each(batch, TaskStatus.DRAFT, _submit, _handed_over)
    if batch.operation == BatchOperation.RETRY:
        return _each(batch, TaskStatus.FAILED, _retry, _handed_over)
    if batch.state == BatchState.SUBMITTED:
        _finish(batch)
    return False


def _expire(batch: Batch) -> bool:
    """Delete a check that nobody has confirmed in time, with its files."""
    if batch.expires_at is not None and batch.expires_at <= timezone.now():
        batch.delete()
    else:
        Batch.objects.filter(pk=batch.pk, state=batch.state).update(next_action_at=batch.expires_at)
    return False


def _waits(batch: Batch) -> bool:
    """Tell whether a batch that was confirmed and made has to wait for approval before the first row is sent."""
    drafts = VideoTask.objects.filter(batch=batch, status=TaskStatus.DRAFT)
    return asking.terms(batch, drafts.none(), drafts, by=people.find(batch.submitted_by_id)).wait


def _each(
    batch: Batch, status: TaskStatus, do: Callable[[Batch, VideoTask, Any, Terms], None], done: Callable[[Batch], None]
) -> bool:
    """Do something to the next tasks that stand at ``status``, and ``done`` behind the last."""
    rows = VideoTask.objects.filter(batch=batch, row_number__gt=batch.cursor)
    numbers = list(rows.order_by("row_number").values_list("row_number", flat=True)[:CHUNK])
    if not numbers:
        done(batch)
        return True
    by = people.find(batch.cancelled_by_id if batch.operation == BatchOperation.CANCEL else batch.submitted_by_id)
    chosen: QuerySet[VideoTask] = VideoTask.objects.filter(batch=batch)
    if batch.operation == BatchOperation.RETRY:
        # Once each for a press: not those that were queued since, and have failed again.
        chosen = operations.retryable(batch).exclude(queued_at__gt=batch.submitted_at)
    chosen = chosen.filter(status=status)
    chunk = chosen.filter(row_number__in=numbers).order_by("row_number")
    terms = Terms() if batch.operation == BatchOperation.CANCEL else asking.terms(batch, chunk, chosen, by=by)
    for task in chunk:
        # Somebody else was quicker; that is all the same here.
        with contextlib.suppress(TransitionNotAllowed, VideoTask.DoesNotExist):
            do(batch, task, by, terms)
    Batch.objects.filter(pk=batch.pk, operation=batch.operation).update(cursor=numbers[-1])
    return True


def _submit(batch: Batch, task: VideoTask, by: Any, terms: Terms) -> None:
    if terms.wait:
        return
    try:
        sending.enqueue(task, by=by, **terms.of(task))
    except (BudgetExceeded, ValidationError, QuoteChanged) as error:
        words = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        problem = {"column": "", "cell": "", "problem": words, "repair": ""}
        batch.items.filter(number=task.row_number or 0).update(problems=[problem])


def _retry(batch: Batch, task: VideoTask, by: Any, terms: Terms) -> None:
    ends_at, pressed_at = task.result_expires_at, batch.submitted_at
    # What was to be fetched for nothing when it was asked for is never paid for instead.
    was_free = bool(task.result_url and ends_at and pressed_at and ends_at > pressed_at)
    with contextlib.suppress(BudgetExceeded, ValidationError):
        if was_free:
            sending.retry(task, by=by, agreed=quotes.fetching(task))
        elif not terms.wait:
            sending.retry(task, by=by, **terms.of(task))


def _cancel(batch: Batch, task: VideoTask, by: Any, terms: Terms) -> None:
    task.cancel(by=by)


def _handed_over(batch: Batch) -> None:
    """All rows were taken up: from now on the tasks go their own ways."""
    rows = Batch.objects.filter(pk=batch.pk, operation=batch.operation)
    rows.update(operation="", cursor=0, next_action_at=timezone.now())


def _cancelled(batch: Batch) -> None:
    values: dict[str, Any] = {"operation": "", "cursor": 0, "next_action_at": timezone.now()}
    if batch.submitted_at is None:
        # Nothing was ever sent, so there is nothing to wait for, and no end to be told.
        values |= {"state": BatchState.ENDED, "ended_at": timezone.now(), "next_action_at": None}
    else:
        values["state"] = BatchState.SUBMITTED
    Batch.objects.filter(pk=batch.pk, operation=BatchOperation.CANCEL).update(**values)


@database.in_transaction
def _finish(batch: Batch) -> None:
    """Let a batch end whose tasks cannot move any more by themselves, and say so once."""
    if VideoTask.objects.filter(IS_MOVING, batch=batch).exists():
        Batch.objects.filter(pk=batch.pk, operation="").update(next_action_at=timezone.now() + LOOK)
        return
    now = timezone.now()
    rows = Batch.objects.filter(pk=batch.pk, state=BatchState.SUBMITTED, operation="")
    if rows.update(state=BatchState.ENDED, ended_at=now, next_action_at=now):
        making.record(batch, BatchEventKind.FINISHED, None, detail=counts(batch), is_told=True)


def counts(batch: Batch) -> dict[str, Any]:
    """Return how many tasks of a batch stand where, and what they cost; credits as text."""
    rows = VideoTask.objects.filter(batch=batch).order_by()
    by_status = dict(rows.values_list("status").annotate(number=Count("pk")))
    sums = rows.aggregate(used=Sum("credits_used"), estimated=Sum("credits_estimated"))
    return {
        "total": sum(by_status.values()),
        **{status.value: by_status.get(status, 0) for status in TaskStatus},
        "credits_used": str(sums["used"] or 0),
        "credits_estimated": str(sums["estimated"] or 0),
    }
