"""What becomes of an attempt: settled by whether EvoLink can have accepted it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.choices import OPEN_ATTEMPT_STATES, AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.db import database
from django_wanvideo.failures import ADVICE
from django_wanvideo.models import Attempt, VideoTask, ledger, lifecycle
from django_wanvideo.services import schedule
from django_wanvideo.services.attempts import recovery
from django_wanvideo.services.attempts.binding import OPEN, SENT, Undo, accepted, bind
from django_wanvideo.services.holds import account, circuit_breaker, holds, lock
from django_wanvideo.services.provider import provider
from django_wanvideo.services.schedule import claim_lifetime

if TYPE_CHECKING:
    import uuid

    from django_stubs_ext import StrOrPromise

    from django_wanvideo.evolink.exceptions import EvoLinkError, WaitError

__all__ = [
    "Undo",
    "accepted",
    "bind",
    "claim_lifetime",
    "code_with_advice",
    "fail_unsent",
    "interrupted",
    "put_off",
    "rejected",
    "release",
    "settle_lost",
    "unconfirmed_wait",
    "unknown",
]


def rejected(attempt: Attempt, error: EvoLinkError) -> None:
    """EvoLink certainly did not accept it: the task fails, unless it is the account that is refused, not the task."""
    reason = account.reason_of(error)
    columns: dict[str, Any]
    if reason is None:
        to, kind = TaskStatus.FAILED, EventKind.FAILED
        columns = {"error_code": code_with_advice(error), "error_message": error.message}
    else:
        to, kind = TaskStatus.QUEUED, EventKind.WAITING
        until = timezone.now() + schedule.next_send_try(0, None)
        columns = {"delayed_until": until, "delay_reason": account.REASONS[reason], "next_action_at": until}
    # One transaction: a task that is back in the queue with nothing to hold it would be sent again.
    with database.atomic():
        state = lock.lock()
        _settle(attempt, to, AttemptState.NOT_ACCEPTED, kind, error, **columns)
        is_answered = circuit_breaker.note_answer(state)
        account.note(error, attempt)
    if is_answered:
        lock.release(circuit_breaker.LOST_ANSWERS, circuit_breaker.BUSY)


def code_with_advice(error: EvoLinkError) -> str:
    """Return EvoLink's code, or its status where only that one has words for people; the attempt keeps both."""
    by_status = f"http_{error.http_status}"
    known = error.code in ADVICE or by_status not in ADVICE
    return (error.code if error.code and known else by_status)[:100]


def put_off(attempt: Attempt, error: WaitError) -> None:
    """EvoLink certainly did not accept it now: back to the queue, later, as a new attempt; not for ever."""
    task = attempt.task
    now = timezone.now()
    if holds.waited_too_long(task):
        message = _("EvoLink put this task off for a whole day. Try again later.")
        _settle(
            attempt,
            TaskStatus.FAILED,
            AttemptState.NOT_ACCEPTED,
            EventKind.FAILED,
            error,
            error_code="put_off_too_long",
            error_message=message,
        )
        return
    waits = task.attempts.filter(state=AttemptState.NOT_ACCEPTED, claimed_at__gte=task.queued_at or now).count()
    until = now + schedule.next_send_try(waits, error.retry_after)
    until = max(until, provider.heed(error) or until)
    _settle(
        attempt,
        TaskStatus.QUEUED,
        AttemptState.NOT_ACCEPTED,
        EventKind.WAITING,
        error,
        delayed_until=until,
        delay_reason="evolink_busy" if error.http_status else "evolink_unreachable",
        next_action_at=until,
    )


def unknown(attempt: Attempt, error: Exception) -> None:
    """EvoLink may or may not have accepted it: never sent again by itself."""
    due = timezone.now() + unconfirmed_wait(attempt.request_count)
    with database.atomic():
        state = lock.lock()
        lost = _settle(
            attempt,
            TaskStatus.UNCONFIRMED,
            AttemptState.UNCONFIRMED,
            EventKind.UNCONFIRMED,
            error,
            next_action_at=due,
        )
        if lost:
            circuit_breaker.note_lost(state)


def unconfirmed_wait(posts: int) -> dt.timedelta:
    """How long an unconfirmed attempt is left alone: until a person is asked, or the same key may be repeated."""
    if conf.TRUST_IDEMPOTENCY_KEY and posts < 4:
        return schedule.next_send_try(max(posts - 1, 0), None)
    return dt.timedelta(seconds=conf.UNCONFIRMED_DEADLINE)


def interrupted(attempt: Attempt, error: BaseException) -> None:
    """The worker was stopped in the middle of sending: settled by whether the request may have left."""
    attempt.refresh_from_db()
    if attempt.sent_at is None:
        release(attempt, source=EventSource.WORKER, reason=type(error).__name__)
    else:
        unknown(attempt, RuntimeError(type(error).__name__))


def settle_lost(task_id: uuid.UUID) -> None:
    """A claimed task whose worker is gone: back to the queue if nothing was sent, unconfirmed otherwise."""
    attempt = Attempt.objects.filter(task_id=task_id, state=AttemptState.CLAIMED).select_related("task").first()
    if attempt is None:
        _settle_half_claimed(task_id)
        return
    if attempt.sent_at is None and release(attempt, source=EventSource.SWEEP, reason="worker_lost"):
        return
    if recovery.bind_kept(attempt):
        return
    unknown(attempt, RuntimeError("worker_lost"))


def _settle_half_claimed(task_id: uuid.UUID) -> None:
    """Move a task on that says *submitting* without a claimed attempt: a worker died where a claim was not one commit.

    Nothing is sent before its attempt is committed, so without an open one the task waits in the queue again.
    """
    attempt = Attempt.objects.filter(task_id=task_id, state__in=OPEN_ATTEMPT_STATES).first()
    to, due = TaskStatus.QUEUED, timezone.now() + schedule.next_send_try(0, None)
    if attempt is not None and attempt.state == AttemptState.ACCEPTED:
        to, due = TaskStatus.PENDING, timezone.now()
    elif attempt is not None:
        to = TaskStatus.UNCONFIRMED
    lifecycle.advance(
        task_id,
        to,
        allowed=frozenset({TaskStatus.SUBMITTING}),
        kind=EventKind.RELEASED if to == TaskStatus.QUEUED else EventKind.UNCONFIRMED,
        source=EventSource.SWEEP,
        attempt=attempt,
        detail={"reason": "worker_lost"},
        next_action_at=due,
    )


def release(attempt: Attempt, *, source: EventSource, reason: str) -> bool:
    """Give an attempt that was never sent back; ``False`` if it was sent meanwhile."""
    until = timezone.now() + schedule.next_send_try(attempt.number, None)
    try:
        with database.atomic():
            moved = lifecycle.advance(
                attempt.task_id,
                TaskStatus.QUEUED,
                allowed=frozenset({TaskStatus.SUBMITTING}),
                kind=EventKind.RELEASED,
                source=source,
                attempt=attempt,
                detail={"reason": reason},
                delayed_until=until,
                delay_reason="worker_lost",
                next_action_at=until,
            )
            rows = Attempt.objects.filter(pk=attempt.pk, state=AttemptState.CLAIMED, sent_at=None).update(
                state=AttemptState.NOT_ACCEPTED, settled_at=timezone.now()
            )
            if moved is None or not rows:
                raise Undo
            ledger.follow(attempt.pk, AttemptState.NOT_ACCEPTED)
    except Undo:
        return False
    return True


def fail_unsent(task: VideoTask, code: str, message: StrOrPromise) -> None:
    """A queued task that cannot be sent at all, such as one whose picture is refused."""
    lifecycle.advance(
        task,
        TaskStatus.FAILED,
        allowed=frozenset({TaskStatus.QUEUED}),
        kind=EventKind.FAILED,
        source=EventSource.WORKER,
        detail={"code": code, "message": str(message)},
        error_code=code[:100],
        error_message=str(message),
    )


def _settle(
    attempt: Attempt,
    to: TaskStatus,
    state: AttemptState,
    kind: EventKind,
    error: Exception,
    **columns: Any,
) -> bool:
    """Close the attempt and move its task, if neither has gone on meanwhile (a callback may come first)."""
    status: int | None = getattr(error, "http_status", None)
    code = str(getattr(error, "code", None) or (error if isinstance(error, RuntimeError) else type(error).__name__))
    message = str(getattr(error, "message", "") or "")
    request_id = str(getattr(error, "request_id", None) or "")
    detail = {"code": code, "message": message, "http_status": status, "request_id": request_id}
    allowed = frozenset({TaskStatus.SUBMITTING}) if to == TaskStatus.UNCONFIRMED else SENT
    try:
        with database.atomic():
            moved = lifecycle.advance(
                attempt.task_id,
                to,
                allowed=allowed,
                kind=kind,
                source=EventSource.RESPONSE if status else EventSource.WORKER,
                attempt=attempt,
                detail={name: value for name, value in detail.items() if value},
                **columns,
            )
            if moved is None:
                return False
            rows = Attempt.objects.filter(pk=attempt.pk, state__in=OPEN).update(
                state=state,
                settled_at=None if state == AttemptState.UNCONFIRMED else timezone.now(),
                http_status=status,
                request_id=request_id[:200],
                error_code=code[:100],
                error_message=message,
            )
            if not rows:
                raise Undo
            ledger.follow(attempt.pk, state)
    except Undo:
        return False
    attempt.state = state
    return True
