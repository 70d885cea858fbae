"""The one writer of ``VideoTask.status``, and of the history beside it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils import timezone

from django_wanvideo import queue
from django_wanvideo.choices import FINISHED_STATUSES, AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.models import Attempt, TaskEvent, VideoTask, ledger

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping
    from decimal import Decimal

    from django.contrib.auth.models import AbstractBaseUser
    from django_stubs_ext import StrOrPromise

    from django_wanvideo.evolink.types import TaskSnapshot

_S, _K = TaskStatus, EventKind

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
NOTIFIED_KINDS = frozenset({_K.ACCEPTED, _K.STORED, _K.FAILED, _K.CANCELLED, _K.OVERDUE, _K.NEEDS_DECISION, _K.PICKED})

#: Which job goes on with a task that has come to a status.
_NEXT_JOB = {_S.QUEUED: "submit", _S.STORING: "store"}

#: How long a wake-up through Redis may take before the sweep looks at the row.
WAKE_GRACE = dt.timedelta(seconds=10)


def advance(
    task: VideoTask | uuid.UUID,
    to: TaskStatus,
    *,
    kind: EventKind,
    source: EventSource | None = None,
    actor: AbstractBaseUser | None = None,
    attempt: Attempt | None = None,
    detail: Mapping[str, Any] | None = None,
    allowed: frozenset[TaskStatus] | None = None,
    condition: Q | None = None,
    **fields: Any,
) -> TaskEvent | None:
    """Move a task to ``to`` if its status allows it, with its event, in one transaction.

    The UPDATE is conditional on the status that was read: of several callers one wins.

    Args:
        task: the task or its id. A given instance is brought up to date when the move succeeds.
        source: whoever ``actor`` is, if it is not given.
        allowed: narrows the statuses the task may come from.
        condition: a further condition on the row, such as a lease that must still be held.
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
            rows = VideoTask.objects.filter(condition or Q(), pk=pk, status=current).update(status=to, **values)
            if rows:
                if to in FINISHED_STATUSES:
                    ledger.end(pk, to, attempt)
                    accepted = Attempt.objects.filter(task_id=pk, state=AttemptState.ACCEPTED)
                    accepted.update(state=AttemptState.FINISHED, settled_at=timezone.now())
                event = record(
                    pk, kind, source, actor=actor, attempt=attempt, detail=detail, from_status=current, to_status=to
                )
                delayed_until = values.get("delayed_until")
                if to in _NEXT_JOB and (delayed_until is None or delayed_until <= timezone.now()):
                    queue.enqueue_on_commit(_NEXT_JOB[to], pk)
        if rows:
            if isinstance(task, VideoTask):
                for name, value in {"status": to, **values}.items():
                    setattr(task, name, value)
            return event
    return None


def move_with_attempt(
    attempt: Attempt,
    to: TaskStatus,
    *,
    state: AttemptState,
    only: Q,
    task: VideoTask | None = None,
    attempt_fields: Mapping[str, Any] | None = None,
    reserved: Decimal | None = None,
    **options: Any,
) -> TaskEvent | None:
    """Move an attempt's task and write the attempt's new state, in one transaction: both, or neither.

    Args:
        only: what must still be true of the attempt's row.
        task: an instance that is to be brought up to date.
        attempt_fields: other columns of the attempt.
        reserved: credits that EvoLink has set aside for it.
        options: those of ``advance``.
    """
    settled_at = None if state == AttemptState.UNCONFIRMED else timezone.now()
    values: dict[str, Any] = {"state": state, "settled_at": settled_at}
    with database.atomic():
        moved = advance(task or attempt.task_id, to, attempt=attempt, **options)
        rows = Attempt.objects.filter(only, pk=attempt.pk).update(**values | dict(attempt_fields or {})) if moved else 0
        if rows:
            ledger.follow(attempt.pk, state, reserved=reserved)
        else:
            database.roll_back()
    if moved and not rows and task is not None:
        task.refresh_from_db()
    return moved if rows else None


def fail(
    task: VideoTask | uuid.UUID,
    code: str,
    message: StrOrPromise,
    *,
    source: EventSource,
    detail: Mapping[str, Any] | None = None,
    **options: Any,
) -> TaskEvent | None:
    """Let a task fail for a reason; ``options`` are those of ``advance``."""
    facts = {"code": code} | dict(detail or {})
    columns = {"error_code": code[:100], "error_message": str(message)}
    return advance(task, TaskStatus.FAILED, kind=EventKind.FAILED, source=source, detail=facts, **columns | options)


def record(
    task: VideoTask | uuid.UUID,
    kind: EventKind,
    source: EventSource | None = None,
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
    told = kind in NOTIFIED_KINDS
    pk = task.pk if isinstance(task, VideoTask) else task
    event = TaskEvent.objects.create(
        task_id=pk,
        attempt=attempt,
        kind=kind,
        source=source or EventSource.of(actor),
        actor_id=actor.pk if actor is not None else None,
        detail=dict(detail or {}),
        from_status=from_status,
        to_status=to_status,
        notify_at=timezone.now() if told else None,
    )
    if told:
        queue.enqueue_on_commit("notify", pk)
    return event


def _columns_of(to: TaskStatus) -> dict[str, Any]:
    now = timezone.now()
    fresh: dict[str, Any] = dict.fromkeys(("not_found_since", "lease_expires_at", "approval_id"))
    fresh |= {"retry_count": 0, "failed_looks": 0}
    if to in FINISHED_STATUSES:
        fresh |= {"next_action_at": None, "finished_at": now, "delayed_until": None, "delay_reason": ""}
        return fresh | ({"progress": 100} if to == TaskStatus.COMPLETED else {})
    fresh["next_action_at"] = now + WAKE_GRACE if to in _NEXT_JOB else now
    if to in {TaskStatus.QUEUED, TaskStatus.SUBMITTING}:
        fresh |= {"finished_at": None, "error_code": "", "error_message": "", "delayed_until": None, "delay_reason": ""}
    return fresh


def create_accepted(
    task: VideoTask,
    attempt: Attempt,
    snapshot: TaskSnapshot,
    *,
    source: EventSource,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write a new task and its one attempt, which EvoLink has accepted already; see ``duplicates`` and ``unmatched``.

    Raises IntegrityError where the attempt, or EvoLink's task, is known already.
    """
    now = timezone.now()
    reserved = ledger.clamp_credits(snapshot.credits_reserved)
    task.status, task.credits_reserved = TaskStatus.PENDING, reserved
    task.accepted_at = task.next_action_at = now
    task.save(force_insert=True)
    attempt.task, attempt.number, attempt.state = task, 1, AttemptState.ACCEPTED
    attempt.provider_task_id, attempt.settled_at = snapshot.id, now
    attempt.save(force_insert=True)
    ledger.open_entry(task, attempt, reserved=reserved)
    record(task, EventKind.ACCEPTED, source, attempt=attempt, detail=detail, to_status=TaskStatus.PENDING)


def record_once(
    task: VideoTask,
    flag: str,
    kind: EventKind,
    *,
    statuses: frozenset[TaskStatus],
    detail: Mapping[str, Any] | None = None,
) -> TaskEvent | None:
    """Write an event that stands for something told once; the column ``flag`` remembers it."""
    with database.atomic():
        rows = VideoTask.objects.filter(pk=task.pk, status__in=statuses, **{flag: None})
        return record(task, kind, EventSource.SWEEP, detail=detail) if rows.update(**{flag: timezone.now()}) else None
