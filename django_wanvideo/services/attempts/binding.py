"""Tying EvoLink's task to the attempt that paid for it."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, IntegrityError
from django.db.models import Q
from django.utils import timezone

from django_wanvideo.choices import AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.db.database import insist
from django_wanvideo.evolink.types import ProviderStatus
from django_wanvideo.models import Attempt, ledger, lifecycle
from django_wanvideo.services import schedule
from django_wanvideo.services.attempts import duplicates, spool
from django_wanvideo.services.holds import holds

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.evolink.types import CreateResult, TaskSnapshot

logger = logging.getLogger(__name__)

#: Where a task stands that may still learn that it was accepted.
SENT_STATUSES = frozenset({TaskStatus.SUBMITTING, TaskStatus.UNCONFIRMED})
#: Attempts whose outcome is open.
OPEN_STATES = (AttemptState.CLAIMED, AttemptState.UNCONFIRMED)
#: Seconds between tries to write down an id that was paid for, while the database does not answer.
DATABASE_RETRY_DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0)


def record_acceptance(attempt: Attempt, created: CreateResult) -> None:
    """EvoLink's answer names its task: commit that before anything else."""
    if not _attach_at_once(attempt, created):
        attempt.refresh_from_db()
        if attempt.provider_task_id == created.snapshot.id:
            Attempt.objects.filter(pk=attempt.pk).update(
                http_status=created.http_status, request_id=(created.request_id or "")[:200]
            )
        else:
            duplicates.create_from_duplicate(attempt, created.snapshot, source=EventSource.RESPONSE)
    holds.request_accepted()


def _attach_at_once(attempt: Attempt, created: CreateResult) -> bool:
    """Bind what was paid for; a database that restarts just now is waited for, and the id is never lost silently."""
    kept = False

    def keep() -> None:
        nonlocal kept
        if not kept:
            # At once: this process may not live until the database is back.
            spool.keep(attempt, created)
            kept = True

    def attach() -> bool:
        return attach_provider_task(
            attempt,
            created.snapshot,
            source=EventSource.RESPONSE,
            http_status=created.http_status,
            request_id=created.request_id or "",
        )

    try:
        attached = insist(attach, pauses=DATABASE_RETRY_DELAYS, on_error=keep)
    except DatabaseError:
        keep()
        logger.critical(
            "EvoLink accepted attempt %s as %s and the database did not take that in. If neither a callback nor a sweep "
            "binds it, attach that id to task %s by hand.",
            attempt.pk,
            created.snapshot.id,
            attempt.task_id,
        )
        raise
    if kept:
        spool.forget(attempt.pk)
    return attached


def attach_provider_task(
    attempt: Attempt,
    snapshot: TaskSnapshot,
    *,
    source: EventSource,
    actor: AbstractBaseUser | None = None,
    http_status: int | None = None,
    request_id: str = "",
) -> bool:
    """Tie EvoLink's task to an attempt and move the task on, in one transaction.

    An attempt that was given up is taken up again while its task still waits in the queue: that saves a second charge.

    Returns:
        Whether this call bound it; ``False`` when the attempt is bound already or its task has gone on without it.
    """
    fields: dict[str, Any] = {"http_status": http_status} if http_status is not None else {}
    if request_id:
        fields["request_id"] = request_id[:200]
    for _try in range(3):
        if _attach(attempt, snapshot, fields, source, actor):
            return True
        # The instance may be older than its row: what was claimed then may have been given up since.
        now = Attempt.objects.filter(pk=attempt.pk).values_list("state", "provider_task_id").first()
        if now is None or now == (attempt.state, attempt.provider_task_id):
            return False
        attempt.state, attempt.provider_task_id = AttemptState(now[0]), now[1]
    return False


def _attach(
    attempt: Attempt,
    snapshot: TaskSnapshot,
    fields: dict[str, Any],
    source: EventSource,
    actor: AbstractBaseUser | None,
) -> bool:
    now, reserved = timezone.now(), ledger.clamp_credits(snapshot.credits_reserved)
    reopened = attempt.state in {AttemptState.NOT_ACCEPTED, AttemptState.SUPERSEDED} or (
        attempt.state == AttemptState.FINISHED and attempt.provider_task_id == snapshot.id
    )
    expected_id = attempt.provider_task_id if attempt.state == AttemptState.FINISHED else None
    detail: dict[str, Any] = (
        {} if snapshot.credits_reserved is None else {"credits_reserved": str(snapshot.credits_reserved)}
    )
    if snapshot.estimated_seconds is not None:
        detail["estimated_seconds"] = snapshot.estimated_seconds
    wait = dt.timedelta(0) if snapshot.status.is_final else schedule.first_poll(snapshot.estimated_seconds)
    try:
        event = lifecycle.move_with_attempt(
            attempt,
            TaskStatus.PROCESSING if snapshot.status == ProviderStatus.PROCESSING else TaskStatus.PENDING,
            state=AttemptState.ACCEPTED,
            only=Q(state__in=(attempt.state,) if reopened else OPEN_STATES, provider_task_id=expected_id),
            # The error was of an answer that was lost; on an ended attempt it would be EvoLink's word about its end.
            attempt_fields={"provider_task_id": snapshot.id, "error_code": "", "error_message": ""} | fields,
            reserved=reserved,
            allowed=frozenset({TaskStatus.QUEUED}) if reopened else SENT_STATUSES,
            kind=EventKind.ACCEPTED,
            source=source,
            actor=actor,
            detail=detail,
            accepted_at=now,
            delayed_until=None,
            delay_reason="",
            credits_reserved=reserved,
            estimated_seconds=snapshot.estimated_seconds,
            progress=min(snapshot.progress or 0, 99),
            next_action_at=now + wait,
        )
    except IntegrityError:
        logger.warning("EvoLink's task %s belongs to another attempt already.", snapshot.id)
        return False
    if event is None:
        return False
    attempt.state, attempt.provider_task_id, attempt.settled_at = AttemptState.ACCEPTED, snapshot.id, now
    return True
