"""Tying EvoLink's task to the attempt that paid for it."""

from __future__ import annotations

import datetime as dt
import logging
import os
import time
from functools import partial
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
    from collections.abc import Mapping

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.evolink.types import CreateResult, TaskSnapshot

logger = logging.getLogger(__name__)

#: Where a task stands that may still learn that it was accepted.
SENT_STATUSES = frozenset({TaskStatus.SUBMITTING, TaskStatus.UNCONFIRMED})
#: Attempts whose outcome is open.
OPEN_STATES = (AttemptState.CLAIMED, AttemptState.UNCONFIRMED)
#: Seconds between tries to write down an id that was paid for, while the database does not answer.
DATABASE_RETRY_DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0)
#: Seconds between two listings of the storage by one process: Redis has the same, and is asked in each pass.
LISTING = 600.0
_listed: dict[int, float] = {}


def record_acceptance(attempt: Attempt, created: CreateResult) -> None:
    """EvoLink's answer names its task: commit that before anything else."""
    if not _attach_at_once(attempt, created):
        attempt.refresh_from_db()
        if attempt.provider_task_id == created.snapshot.id:
            Attempt.objects.filter(pk=attempt.pk).update(**_answer_of(created))
        else:
            duplicates.create_from_duplicate(attempt, created.snapshot, source=EventSource.RESPONSE)
    holds.request_accepted()


def _answer_of(created: CreateResult) -> dict[str, Any]:
    answer: dict[str, Any] = {"http_status": created.http_status}
    return answer | ({"request_id": created.request_id[:200]} if created.request_id else {})


def _attach_at_once(attempt: Attempt, created: CreateResult) -> bool:
    """Bind what was paid for; a database that restarts just now is waited for, and the id is never lost silently."""
    kept: list[bool] = []

    def keep() -> None:
        if not kept:
            # At once: this process may not live until the database is back.
            spool.keep(attempt, created)
            kept.append(True)

    attach = partial(
        attach_provider_task, attempt, created.snapshot, source=EventSource.RESPONSE, answer=_answer_of(created)
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
    answer: Mapping[str, Any] | None = None,
) -> bool:
    """Tie EvoLink's task to an attempt and move the task on, in one transaction.

    An attempt that was given up is taken up again while its task still waits in the queue: that saves a second charge.

    Args:
        answer: columns of the attempt that EvoLink's answer gives beside the task.

    Returns:
        Whether this call bound it; ``False`` when the attempt is bound already or its task has gone on without it.
    """
    for _try in range(3):
        if _attach(attempt, snapshot, answer or {}, source, actor):
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
    answer: Mapping[str, Any],
    source: EventSource,
    actor: AbstractBaseUser | None,
) -> bool:
    now, reserved = timezone.now(), ledger.clamp_credits(snapshot.credits_reserved)
    reopened = attempt.state in {AttemptState.NOT_ACCEPTED, AttemptState.SUPERSEDED} or (
        attempt.state == AttemptState.FINISHED and attempt.provider_task_id == snapshot.id
    )
    expected_id = attempt.provider_task_id if attempt.state == AttemptState.FINISHED else None
    detail: dict[str, Any] = {}
    if snapshot.credits_reserved is not None:
        detail["credits_reserved"] = str(snapshot.credits_reserved)
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
            attempt_fields={"provider_task_id": snapshot.id, "error_code": "", "error_message": "", **answer},
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


def bind_kept(attempt: Attempt) -> bool:
    """Bind what was kept of an attempt while the database was away; return whether something was."""
    created = spool.find(attempt.pk)
    if created is None:
        return False
    logger.warning("EvoLink's task %s is bound to attempt %s after all.", created.snapshot.id, attempt.pk)
    record_acceptance(attempt, created)
    if Attempt.objects.filter(provider_task_id=created.snapshot.id).exists():
        spool.forget(attempt.pk)
    return True


def bind_all() -> int:
    """Bind whatever is kept; return how many attempts were found. What belongs to no attempt stays for a person to see."""
    wanted = spool.in_redis() | (spool.in_storage() if _may_list() else set())
    bound = 0
    for attempt in Attempt.objects.filter(pk__in=wanted).select_related("task") if wanted else ():
        try:
            bound += bind_kept(attempt)
        except DatabaseError:
            # It stays where it is kept, and the rest of the pass is not held up by it.
            logger.exception("The id that is kept for attempt %s could not be bound.", attempt.pk)
    return bound


def _may_list() -> bool:
    process, now = os.getpid(), time.monotonic()
    if now < _listed.get(process, 0.0):
        return False
    _listed[process] = now + LISTING
    return True
