"""Callbacks of attempts that the rows do not know: deleted, pruned, or forgotten with a database that was restored.

A good token proves that this site once made the attempt, so none of them is passed over.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.choices import AttemptState, CreditOutcome, EventKind, EventSource, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.db import database
from django_wanvideo.evolink.types import ProviderStatus
from django_wanvideo.models import Attempt, CreditEntry, DeletedTask, VideoTask, ledger, lifecycle
from django_wanvideo.models.attempt import attempt_id_of, idempotency_key_of

if TYPE_CHECKING:
    import uuid

    from django_wanvideo.evolink.types import TaskSnapshot
    from django_wanvideo.models import CallbackReceipt

logger = logging.getLogger(__name__)

#: So many numbers after the last one that the rows know may have been used by what was forgotten.
AHEAD = 3
#: So many tasks, those that wait first and then the newest, are looked through for one that made an attempt.
MOST_TASKS = 5000


def recover(attempt_id: uuid.UUID) -> Attempt | None:
    """Find the task whose forgotten attempt this is and give it that attempt back; ``None`` when no task made it.

    A task that waits to be sent becomes unconfirmed: it was sent.
    """
    waiting = VideoTask.objects.filter(status=TaskStatus.QUEUED)
    others = VideoTask.objects.exclude(status__in=[TaskStatus.QUEUED, TaskStatus.COMPLETED])
    for rows in (waiting, others):
        numbered = rows.order_by("-created_at").annotate(last=Max("attempts__number")).values_list("pk", "last")
        for task_id, last in numbered[:MOST_TASKS]:
            number = forgotten_ids(task_id, last or 0).get(attempt_id)
            if number is not None:
                return give_back(task_id, number)
    return None


def forgotten_ids(task_id: uuid.UUID, last: int) -> dict[uuid.UUID, int]:
    """Return the ids, and their numbers, of attempts that a task may have made after the last one that is known."""
    return {attempt_id_of(task_id, number): number for number in range(last + 1, last + 1 + AHEAD)}


def give_back(task_id: uuid.UUID, number: int, *, source: EventSource = EventSource.CALLBACK) -> Attempt | None:
    """Write an attempt that was forgotten down again; its task, if it waits to be sent, becomes unconfirmed."""
    task = VideoTask.objects.get(pk=task_id)
    attempt_id = attempt_id_of(task_id, number)
    since = task.queued_at or task.created_at
    try:
        with database.atomic():
            waits = task.status == TaskStatus.QUEUED
            attempt = Attempt.objects.create(
                id=attempt_id,
                task=task,
                number=number,
                state=AttemptState.UNCONFIRMED if waits else AttemptState.SUPERSEDED,
                idempotency_key=idempotency_key_of(attempt_id),
                request={"model": task.model},
                claimed_at=since,
                sent_at=since,
            )
            if not CreditEntry.objects.filter(pk=attempt_id).exists():
                ledger.open_entry(task, attempt)
            ledger.follow(attempt_id, AttemptState(attempt.state))
            is_moved = not waits or _unconfirm(task, attempt, source)
            if not is_moved:
                database.roll_back()
    except IntegrityError:
        is_moved = False
    if not is_moved:
        # It is being sent, or was found, at this very moment.
        return Attempt.objects.filter(pk=attempt_id).select_related("task").first()
    logger.error("Task %s had been sent as attempt %s, which this database has forgotten.", task_id, attempt_id)
    return attempt


def _unconfirm(task: VideoTask, attempt: Attempt, source: EventSource) -> bool:
    """Say of a task that waits that nobody knows whether it was accepted; ``False`` when it has gone on meanwhile."""
    told: dict[str, Any] = {"source": source, "attempt": attempt}
    lifecycle.advance(task, TaskStatus.SUBMITTING, kind=EventKind.CLAIMED, **told)
    told["detail"] = {"code": "forgotten"}
    return lifecycle.advance(task, TaskStatus.UNCONFIRMED, kind=EventKind.UNCONFIRMED, **told) is not None


def is_settled(attempt_id: uuid.UUID) -> bool:
    """Tell whether what the attempt cost is known for good."""
    return CreditEntry.objects.filter(pk=attempt_id, settled_at__isnull=False).exists()


def settle(receipt: CallbackReceipt, snapshot: TaskSnapshot) -> None:
    """Take in what EvoLink says about an attempt without a row: into the ledger, or as a task for a person."""
    if Attempt.objects.filter(provider_task_id=snapshot.id).exists():
        logger.warning("A callback of attempt %s, which is gone, names the video of another task.", receipt.attempt_id)
    elif _is_remembered(receipt.attempt_id):
        _into_the_ledger(receipt.attempt_id, snapshot)
    else:
        _keep(receipt, snapshot)


def _is_remembered(attempt_id: uuid.UUID) -> bool:
    """Tell whether the ledger or the trace of a deleted task knows the attempt: nothing is revived then."""
    deleted = DeletedTask.objects.order_by("-deleted_at").values_list("task_id", flat=True)
    return CreditEntry.objects.filter(pk=attempt_id).exists() or any(
        attempt_id in forgotten_ids(task_id, 0) for task_id in deleted[:MOST_TASKS]
    )


def _into_the_ledger(attempt_id: uuid.UUID, snapshot: TaskSnapshot) -> None:
    now = timezone.now()
    used = ledger.clamp_credits(snapshot.credits_used)
    columns: dict[str, object] = {"accepted_at": now, "outcome": CreditOutcome.ACCEPTED}
    if snapshot.status == ProviderStatus.COMPLETED:
        columns = {"outcome": CreditOutcome.CHARGED, "settled_at": now}
    elif snapshot.status.is_final:
        columns = {"outcome": CreditOutcome.CHARGED if used else CreditOutcome.RELEASED, "settled_at": now}
    if used is not None:
        columns["used"] = used
    if (reserved := ledger.clamp_credits(snapshot.credits_reserved)) is not None:
        columns["reserved"] = reserved
    open_ = CreditEntry.objects.filter(pk=attempt_id, settled_at=None)
    if snapshot.model:
        open_ = open_.filter(model=snapshot.model)
    rows = open_.update(**columns)
    what = "its credits are settled" if rows else "nothing was left to settle"
    logger.warning("EvoLink called back about attempt %s, whose task was deleted: %s.", attempt_id, what)


def _keep(receipt: CallbackReceipt, snapshot: TaskSnapshot) -> None:
    begun = snapshot.created or timezone.now()
    task = VideoTask(
        model=snapshot.model or conf.DEFAULT_MODEL,
        prompt=_("Found at EvoLink; what was asked for is not in this database."),
        unmatched=True,
        queued_at=begun,
    )
    attempt = Attempt(
        id=receipt.attempt_id,
        idempotency_key=idempotency_key_of(receipt.attempt_id),
        request={"model": task.model},
        claimed_at=begun,
        sent_at=begun,
    )
    try:
        with database.atomic():
            lifecycle.create_accepted(task, attempt, snapshot, source=EventSource.CALLBACK)
            detail = {"reason": "unmatched"}
            lifecycle.record(task, EventKind.NEEDS_DECISION, EventSource.CALLBACK, attempt=attempt, detail=detail)
    except IntegrityError:
        return
    logger.error(
        "EvoLink made %s for attempt %s, which this database does not know; it is kept as task %s.",
        snapshot.id,
        receipt.attempt_id,
        task.pk,
    )
