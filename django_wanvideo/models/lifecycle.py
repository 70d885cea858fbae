"""The one writer of ``VideoTask.status``, and of the history beside it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import queue
from django_wanvideo.choices import FINISHED_STATUSES, AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.db import database
from django_wanvideo.models import Attempt, TaskEvent, VideoTask, ledger
from django_wanvideo.models.attempt import idempotency_key_of

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.evolink.types import TaskSnapshot

_S = TaskStatus

#: To which status a task may come from where.
ALLOWED_FROM: Mapping[TaskStatus, frozenset[TaskStatus]] = {
    _S.DRAFT: frozenset({_S.QUEUED}),
    _S.QUEUED: frozenset({_S.DRAFT, _S.SUBMITTING, _S.UNCONFIRMED, _S.FAILED, _S.CANCELLED}),
    _S.SUBMITTING: frozenset({_S.QUEUED}),
    _S.UNCONFIRMED: frozenset({_S.SUBMITTING}),
    _S.PENDING: frozenset({_S.QUEUED, _S.SUBMITTING, _S.UNCONFIRMED}),
    _S.PROCESSING: frozenset({_S.QUEUED, _S.SUBMITTING, _S.UNCONFIRMED, _S.PENDING}),
    _S.STORING: frozenset({_S.PENDING, _S.PROCESSING, _S.FAILED, _S.CANCELLED}),
    _S.COMPLETED: frozenset({_S.STORING}),
    _S.FAILED: frozenset({_S.QUEUED, _S.SUBMITTING, _S.UNCONFIRMED, _S.PENDING, _S.PROCESSING, _S.STORING}),
    _S.CANCELLED: frozenset({_S.QUEUED, _S.PENDING, _S.PROCESSING}),
}

#: Events that signals are delivered from.
TOLD_KINDS = frozenset(
    {
        EventKind.ACCEPTED,
        EventKind.STORED,
        EventKind.FAILED,
        EventKind.CANCELLED,
        EventKind.OVERDUE,
        EventKind.NEEDS_DECISION,
    }
)

#: Which job goes on with a task that has come to a status.
_NEXT_JOB = {_S.QUEUED: "submit", _S.STORING: "store"}

#: How long a wake-up through Redis may take before the sweep looks at the row.
WAKE_GRACE = dt.timedelta(seconds=10)


def advance(
    task: VideoTask | uuid.UUID,
    to: TaskStatus,
    *,
    kind: EventKind,
    source: EventSource,
    actor: AbstractBaseUser | None = None,
    attempt: Attempt | None = None,
    detail: Mapping[str, Any] | None = None,
    allowed: frozenset[TaskStatus] | None = None,
    guard: Q | None = None,
    **fields: Any,
) -> TaskEvent | None:
    """Move a task to ``to`` if its status allows it, with its event, in one transaction.

    The UPDATE is conditional on the status that was read: of several callers one wins.

    Args:
        task: the task or its id. A given instance is brought up to date when the move succeeds.
        allowed: narrows the statuses the task may come from.
        guard: a further condition on the row, such as a lease that must still be held.
        fields: other columns to write with the status.

    Returns:
        The event, or ``None`` when the task could not be moved; nothing is written then.
    """
    pk = task.pk if isinstance(task, VideoTask) else task
    sources = ALLOWED_FROM[to] if allowed is None else ALLOWED_FROM[to] & allowed
    values = _columns_of(to) | fields
    for _try in range(4):
        current = VideoTask.objects.filter(pk=pk).values_list("status", flat=True).first()
        if current not in sources:
            return None
        if current in FINISHED_STATUSES:
            # Whatever it comes to next needs attention anew.
            values = {"dismissed_at": None} | values
        with database.atomic():
            rows = VideoTask.objects.filter(guard or Q(), pk=pk, status=current).update(status=to, **values)
            if rows:
                if to in FINISHED_STATUSES:
                    close_attempt(pk, from_states={AttemptState.ACCEPTED}, to=AttemptState.FINISHED)
                event = record(
                    pk, kind, source, actor=actor, attempt=attempt, detail=detail, from_status=current, to_status=to
                )
                if to in _NEXT_JOB and (
                    values.get("delayed_until") is None or values["delayed_until"] <= timezone.now()
                ):
                    queue.enqueue_on_commit(_NEXT_JOB[to], pk)
        if rows:
            if isinstance(task, VideoTask):
                task.status = to
                for name, value in values.items():
                    setattr(task, name, value)
            return event
    return None


def record(
    task: VideoTask | uuid.UUID,
    kind: EventKind,
    source: EventSource,
    *,
    actor: AbstractBaseUser | None = None,
    attempt: Attempt | None = None,
    detail: Mapping[str, Any] | None = None,
    from_status: str = "",
    to_status: str = "",
) -> TaskEvent:
    """Write one line of history; if signals hang on its kind, they are delivered after commit.

    ``detail`` must hold no secret: it is shown to staff.
    """
    told = kind in TOLD_KINDS
    pk = task.pk if isinstance(task, VideoTask) else task
    event = TaskEvent.objects.create(
        task_id=pk,
        attempt=attempt,
        kind=kind,
        source=source,
        actor_id=actor.pk if actor is not None else None,
        detail=dict(detail or {}),
        from_status=from_status,
        to_status=to_status,
        notify_at=timezone.now() if told else None,
    )
    if told:
        queue.enqueue_on_commit("notify", pk)
    return event


def close_attempt(task_id: uuid.UUID, *, from_states: set[AttemptState], to: AttemptState, **fields: Any) -> int:
    """Settle the open attempt of a task; return how many rows changed (0 or 1)."""
    return Attempt.objects.filter(task_id=task_id, state__in=from_states).update(
        state=to, settled_at=timezone.now(), **fields
    )


def _columns_of(to: TaskStatus) -> dict[str, Any]:
    now = timezone.now()
    fresh: dict[str, Any] = {"retry_count": 0, "failed_looks": 0, "not_found_since": None, "lease_expires_at": None}
    if to in FINISHED_STATUSES:
        fresh |= {"next_action_at": None, "finished_at": now, "delayed_until": None, "delay_reason": ""}
        return fresh | ({"progress": 100} if to == TaskStatus.COMPLETED else {})
    fresh["next_action_at"] = now + WAKE_GRACE if to in _NEXT_JOB else now
    if to in {TaskStatus.QUEUED, TaskStatus.SUBMITTING}:
        fresh |= {"finished_at": None, "error_code": "", "error_message": "", "delayed_until": None, "delay_reason": ""}
    return fresh


def create_accepted(first: VideoTask, attempt: Attempt, snapshot: TaskSnapshot, *, source: EventSource) -> VideoTask:
    """Make the task of a second paid result, already accepted; see ``services.second_results``.

    Raises:
        IntegrityError: EvoLink's task is bound to an attempt already.
    """
    now = timezone.now()
    task: VideoTask = VideoTask.objects.create(
        status=TaskStatus.PENDING,
        model=first.model,
        prompt=first.prompt,
        parameters=first.parameters,
        credits_estimated=first.credits_estimated,
        credits_reserved=snapshot.credits_reserved,
        owner_id=first.owner_id,
        parent=first,
        queued_at=attempt.claimed_at,
        accepted_at=now,
        next_action_at=now,
    )
    bound = Attempt.objects.create(
        task=task,
        number=1,
        state=AttemptState.ACCEPTED,
        provider_task_id=snapshot.id,
        idempotency_key=attempt.idempotency_key,
        request=attempt.request,
        claimed_at=attempt.claimed_at,
        sent_at=attempt.sent_at,
        settled_at=now,
    )
    ledger.open_entry(task, bound, reserved=snapshot.credits_reserved)
    record(
        task,
        EventKind.ACCEPTED,
        source,
        attempt=bound,
        detail={"second_result_of": str(first.pk)},
        to_status=TaskStatus.PENDING,
    )
    return task


def create_unmatched(attempt_id: uuid.UUID, snapshot: TaskSnapshot, *, source: EventSource) -> VideoTask:
    """Make the task of an accepted attempt that these rows have never known; people are told.

    Raises:
        IntegrityError: the attempt, or EvoLink's task, is known after all.
    """
    now = timezone.now()
    task: VideoTask = VideoTask.objects.create(
        status=TaskStatus.PENDING,
        model=snapshot.model or conf.DEFAULT_MODEL,
        prompt=_("Found at EvoLink; what was asked for is not in this database."),
        unmatched=True,
        queued_at=snapshot.created or now,
        accepted_at=now,
        next_action_at=now,
    )
    attempt = Attempt.objects.create(
        id=attempt_id,
        task=task,
        number=1,
        state=AttemptState.ACCEPTED,
        provider_task_id=snapshot.id,
        idempotency_key=idempotency_key_of(attempt_id),
        request={"model": task.model},
        claimed_at=snapshot.created or now,
        sent_at=snapshot.created or now,
        settled_at=now,
    )
    ledger.open_entry(task, attempt, reserved=snapshot.credits_reserved)
    record(task, EventKind.ACCEPTED, source, attempt=attempt, to_status=TaskStatus.PENDING)
    record(task, EventKind.NEEDS_DECISION, source, attempt=attempt, detail={"reason": "unmatched"})
    return task


def tell_once(
    task: VideoTask,
    mark: str,
    kind: EventKind,
    *,
    statuses: frozenset[TaskStatus],
    detail: Mapping[str, Any] | None = None,
) -> TaskEvent | None:
    """Write an event that stands for something told once; the column ``mark`` remembers it."""
    with database.atomic():
        rows = VideoTask.objects.filter(Q(**{mark: None}), pk=task.pk, status__in=statuses).update(
            **{mark: timezone.now()}
        )
        return record(task, kind, EventSource.SWEEP, detail=detail) if rows else None
