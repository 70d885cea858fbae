"""What becomes of an attempt: settled by whether EvoLink can have accepted it."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.choices import OPEN_ATTEMPT_STATES, AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.db import database
from django_wanvideo.evolink.exceptions import EvoLinkError, RetryLater
from django_wanvideo.failures import ADVICE
from django_wanvideo.models import Attempt, VideoTask, lifecycle
from django_wanvideo.services import schedule
from django_wanvideo.services.attempts import binding
from django_wanvideo.services.attempts.binding import OPEN_STATES, SENT_STATUSES
from django_wanvideo.services.holds import account, circuit_breaker, holds, lock
from django_wanvideo.services.provider import provider

if TYPE_CHECKING:
    import uuid

    from django_stubs_ext import StrOrPromise

logger = logging.getLogger(__name__)

#: POSTs with one key: the first, and as many repetitions as make sense before a person is asked.
MOST_POSTS = 4
#: What becomes of the attempt, and what is told, where its task comes to a status.
_SETTLED = {
    TaskStatus.FAILED: (AttemptState.NOT_ACCEPTED, EventKind.FAILED),
    TaskStatus.QUEUED: (AttemptState.NOT_ACCEPTED, EventKind.WAITING),
    TaskStatus.UNCONFIRMED: (AttemptState.UNCONFIRMED, EventKind.UNCONFIRMED),
}


def record_rejection(attempt: Attempt, error: EvoLinkError) -> None:
    """EvoLink certainly did not accept it: the task fails, unless it is the account that is refused, not the task."""
    reason = account.reason_of(error)
    # One transaction: a task that is back in the queue with nothing to hold it would be sent again.
    with database.atomic():
        state = lock.lock()
        if reason is None:
            _settle(attempt, TaskStatus.FAILED, error, error_code=failure_code(error), error_message=error.message)
        else:
            _requeue(attempt, error, account.REASONS[reason], timezone.now() + schedule.next_send(0, None))
        is_answered = circuit_breaker.note_answer(state)
        account.note(error, attempt)
    if is_answered:
        lock.release(circuit_breaker.LOST_ANSWERS, circuit_breaker.BUSY)


def failure_code(error: EvoLinkError) -> str:
    """Return EvoLink's code, or its status where only that one has words for people; the attempt keeps both."""
    by_status = f"http_{error.http_status}"
    known = error.code in ADVICE or by_status not in ADVICE
    return (error.code if error.code and known else by_status)[:100]


def requeue(attempt: Attempt, error: RetryLater) -> None:
    """EvoLink certainly did not accept it now: back to the queue, later, as a new attempt; not for ever."""
    task = attempt.task
    now = timezone.now()
    if holds.waited_too_long(task):
        message = _("EvoLink put this task off for a whole day. Try again later.")
        _settle(attempt, TaskStatus.FAILED, error, error_code="put_off_too_long", error_message=message)
        return
    waits = task.attempts.filter(state=AttemptState.NOT_ACCEPTED, claimed_at__gte=task.queued_at or now).count()
    until = now + schedule.next_send(waits, error.retry_after)
    until = max(until, provider.handle_error(error) or until)
    _requeue(attempt, error, "evolink_busy" if error.http_status else "evolink_unreachable", until)


def mark_unconfirmed(attempt: Attempt, error: Exception) -> None:
    """EvoLink may or may not have accepted it: never sent again by itself."""
    due = timezone.now() + unconfirmed_wait(attempt.request_count)
    with database.atomic():
        state = lock.lock()
        if _settle(attempt, TaskStatus.UNCONFIRMED, error, next_action_at=due):
            circuit_breaker.note_lost(state)


def unconfirmed_wait(posts: int) -> dt.timedelta:
    """How long an unconfirmed attempt is left alone: until a person is asked, or the same key may be repeated."""
    if conf.TRUST_IDEMPOTENCY_KEY and posts < MOST_POSTS:
        return schedule.next_send(max(posts - 1, 0), None)
    return dt.timedelta(seconds=conf.UNCONFIRMED_DEADLINE)


def handle_interruption(attempt: Attempt, error: BaseException) -> None:
    """The worker was stopped in the middle of sending: settled by whether the request may have left."""
    attempt.refresh_from_db()
    if attempt.sent_at is None:
        release(attempt, source=EventSource.WORKER, reason=type(error).__name__)
    else:
        mark_unconfirmed(attempt, RuntimeError(type(error).__name__))


def recover_stale_claim(task_id: uuid.UUID) -> None:
    """A claimed task whose worker is gone: back to the queue if nothing was sent, unconfirmed otherwise."""
    attempt = Attempt.objects.filter(task_id=task_id, state=AttemptState.CLAIMED).select_related("task").first()
    if attempt is None:
        _recover_half_claimed(task_id)
        return
    if attempt.sent_at is None and release(attempt, source=EventSource.SWEEP, reason="worker_lost"):
        return
    if binding.bind_kept(attempt):
        return
    mark_unconfirmed(attempt, RuntimeError("worker_lost"))


def _recover_half_claimed(task_id: uuid.UUID) -> None:
    """Move a task on that says *submitting* without a claimed attempt: a worker died where a claim was not one commit.

    Nothing is sent before its attempt is committed, so without an open one the task waits in the queue again.
    """
    attempt = Attempt.objects.filter(task_id=task_id, state__in=OPEN_ATTEMPT_STATES).first()
    to, due = TaskStatus.QUEUED, timezone.now() + schedule.next_send(0, None)
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
    until = timezone.now() + schedule.next_send(attempt.number, None)
    moved = lifecycle.move_with_attempt(
        attempt,
        TaskStatus.QUEUED,
        state=AttemptState.NOT_ACCEPTED,
        only=Q(state=AttemptState.CLAIMED, sent_at=None),
        allowed=frozenset({TaskStatus.SUBMITTING}),
        kind=EventKind.RELEASED,
        source=source,
        detail={"reason": reason},
        delayed_until=until,
        delay_reason="worker_lost",
        next_action_at=until,
    )
    return moved is not None


def fail_before_sending(task: VideoTask, code: str, message: StrOrPromise) -> None:
    """A queued task that cannot be sent at all, such as one whose picture is refused."""
    queued, detail = frozenset({TaskStatus.QUEUED}), {"message": str(message)}
    lifecycle.fail(task, code, message, source=EventSource.WORKER, allowed=queued, detail=detail)


def _requeue(attempt: Attempt, error: EvoLinkError, reason: str, until: dt.datetime) -> None:
    _settle(attempt, TaskStatus.QUEUED, error, delayed_until=until, delay_reason=reason, next_action_at=until)


def _settle(attempt: Attempt, to: TaskStatus, error: Exception, **columns: Any) -> bool:
    """Close the attempt and move its task, if neither has gone on meanwhile (a callback may come first)."""
    state, kind = _SETTLED[to]
    status: int | None = getattr(error, "http_status", None)
    code = str(getattr(error, "code", None) or (error if isinstance(error, RuntimeError) else type(error).__name__))
    message = str(getattr(error, "message", "") or "")
    request_id = str(getattr(error, "request_id", None) or "")
    detail = {"code": code, "message": message, "http_status": status, "request_id": request_id}
    moved = lifecycle.move_with_attempt(
        attempt,
        to,
        state=state,
        only=Q(state__in=OPEN_STATES),
        attempt_fields={
            "http_status": status,
            "request_id": request_id[:200],
            "error_code": code[:100],
            "error_message": message,
        },
        allowed=SENT_STATUSES,
        kind=kind,
        source=EventSource.RESPONSE if status else EventSource.WORKER,
        detail={name: value for name, value in detail.items() if value},
        **columns,
    )
    if moved is not None:
        attempt.state = state
    return moved is not None


def may_repeat(attempt: Attempt) -> bool:
    """Tell whether the same key and body may be sent once more; after that, or after a while, a person is asked."""
    if not conf.TRUST_IDEMPOTENCY_KEY or attempt.request_count >= MOST_POSTS:
        return False
    asked_at = attempt.sent_at or attempt.claimed_at
    return timezone.now() - asked_at < dt.timedelta(seconds=conf.UNCONFIRMED_DEADLINE)


def repeat(attempt: Attempt) -> None:
    """Send the same key and body again; EvoLink answers with the task it made then, if it made one.

    Only an acceptance settles anything: a refusal now says nothing about then.
    """
    try:
        client = provider.client()
    except provider.ProviderUnavailable as unavailable:
        logger.warning("Attempt %s stays unconfirmed: %s", attempt.pk, unavailable)
        _look_again(attempt, unavailable.until)
        return
    if holds.forbid_repeats():
        _look_again(attempt, timezone.now() + provider.NO_KEY)
        return
    rows = Attempt.objects.filter(pk=attempt.pk, state=AttemptState.UNCONFIRMED)
    if not rows.filter(request_count=attempt.request_count).update(request_count=F("request_count") + 1):
        return
    wait = unconfirmed_wait(attempt.request_count + 1)
    _look_again(attempt, timezone.now() + schedule.claim_lifetime() + wait)
    try:
        created = provider.create(client, attempt)
    except RetryLater as error:
        # Certainly not looked at by EvoLink, so it does not count.
        rows.update(request_count=F("request_count") - 1)
        wait = schedule.next_send(attempt.request_count, error.retry_after)
        provider.handle_error(error)
        _stays(attempt, error, wait)
    except EvoLinkError as error:
        account.note(error)
        _stays(attempt, error, wait)
    else:
        binding.record_acceptance(attempt, created)


def _stays(attempt: Attempt, error: EvoLinkError, wait: dt.timedelta) -> None:
    logger.warning("Attempt %s stays unconfirmed: %s", attempt.pk, error)
    _look_again(attempt, timezone.now() + wait)


def _look_again(attempt: Attempt, at: dt.datetime) -> None:
    VideoTask.objects.filter(pk=attempt.task_id, status=TaskStatus.UNCONFIRMED).update(next_action_at=at)
