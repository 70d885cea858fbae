"""Asking EvoLink, free of charge, what became of earlier attempts, before another is paid for.

An attempt that EvoLink accepted, and whose end EvoLink has not told by itself, may still have its video.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.choices import RETRYABLE_STATUSES, AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.evolink.exceptions import EvoLinkError, NotFoundError
from django_wanvideo.evolink.types import ProviderStatus
from django_wanvideo.models import Attempt, VideoTask, ledger, lifecycle
from django_wanvideo.services import schedule
from django_wanvideo.services.attempts import delays, duplicates, settlement
from django_wanvideo.services.provider import provider
from django_wanvideo.services.tracking.snapshots import CLEAN_SLATE, bring_home

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet

    from django_wanvideo.evolink.client import EvoLinkClient
    from django_wanvideo.evolink.types import TaskSnapshot

logger = logging.getLogger(__name__)

#: How long after it was sent EvoLink may not know an attempt and know it again.
LAG = dt.timedelta(hours=26)
#: When a younger one is asked about again, after EvoLink has said that it does not know it: then it is taken for lasting.
ASK_AGAIN = (dt.timedelta(minutes=5), dt.timedelta(minutes=25))
#: How long it takes from one look that was not answered to the next.
SOONEST, LATEST = dt.timedelta(seconds=15), dt.timedelta(minutes=15)
#: Written to an attempt whose end was found out: EvoLink's own code, or that it knows it no longer or has no file of it.
NOT_FOUND, NO_FILE = "not_found", "no_file"


def is_open(task: VideoTask) -> bool:
    """Tell whether EvoLink may still have a video for an earlier attempt of ``task``."""
    if "attempts" in getattr(task, "_prefetched_objects_cache", {}):
        ended = [attempt for attempt in task.attempts.all() if attempt.state == AttemptState.FINISHED]
        return any(attempt.provider_task_id and not attempt.error_code for attempt in ended)
    return _open_attempts(task).exists()


def can_look(task: VideoTask) -> bool:
    """Tell whether *look again* may find something: the task has ended, and not by EvoLink's own word."""
    return task.status in RETRYABLE_STATUSES and is_open(task)


def may_send(task: VideoTask, client: EvoLinkClient) -> bool:
    """Ask about the earlier attempts of a queued task; return whether nothing is left but to send it.

    What EvoLink has comes home and nothing is sent. Without an answer the task waits, and nothing is sent.
    """
    over: list[tuple[Attempt, str]] = []
    unanswered: EvoLinkError | None = None
    missing = alive = False
    for attempt in _open_attempts(task):
        try:
            snapshot = provider.read(client, attempt.provider_task_id or "")
        except EvoLinkError as error:
            unknown = isinstance(error, NotFoundError)
            # Whose task it was is another account's business: after a day there is nothing left to fetch.
            if (unknown or (error.http_status == 403 and error.code == "permission_denied")) and _is_old(attempt):
                over.append((attempt, NOT_FOUND))
                continue
            if not unknown:
                unanswered = error
                break
            missing = True
        else:
            ledger.report(attempt.pk, snapshot)
            code = _end_of(attempt, task, snapshot)
            if code:
                over.append((attempt, code))
            elif alive:
                duplicates.create_from_duplicate(attempt, snapshot, source=EventSource.WORKER)
            else:
                bring_home(task, attempt, snapshot, source=EventSource.WORKER)
                alive = True
    if alive:
        return False
    if unanswered is not None:
        _wait(task, unanswered)
        return False
    if missing and task.retry_count < len(ASK_AGAIN):
        until = timezone.now() + ASK_AGAIN[task.retry_count]
        VideoTask.objects.filter(pk=task.pk, status=TaskStatus.QUEUED).update(retry_count=F("retry_count") + 1)
        task.retry_count += 1
        delays.delay(task, "lookup_not_found", until=until)
        return False
    if missing:
        over = [(attempt, dict(over).get(attempt, NOT_FOUND)) for attempt in _open_attempts(task)]
    is_clean = all(getattr(task, name) == value for name, value in CLEAN_SLATE.items())
    return (is_clean and not over) or _forget(task, over)


def look_again(task: VideoTask, ask: Callable[[str], TaskSnapshot], *, by: AbstractBaseUser | None = None) -> bool:
    """Ask about an ended task for a person; return whether there was anything to ask about.

    ``ask`` reads one of EvoLink's tasks, or raises; what it raises is raised where no attempt is found.
    """
    if not VideoTask.objects.filter(pk=task.pk, status__in=RETRYABLE_STATUSES).exists():
        return False
    trouble: EvoLinkError | None = None
    attempts = list(_open_attempts(task))
    for attempt in attempts:
        try:
            snapshot = ask(attempt.provider_task_id or "")
        except EvoLinkError as error:
            trouble = trouble or error
            continue
        trouble = None
        ledger.report(attempt.pk, snapshot)
        task.refresh_from_db()
        code = _end_of(attempt, task, snapshot)
        if not code and bring_home(task, attempt, snapshot, source=EventSource.of(by), actor=by):
            break
        if code:
            _note_end(task, attempt, snapshot, code)
    task.refresh_from_db()
    if trouble is not None:
        raise trouble
    return bool(attempts)


def _open_attempts(task: VideoTask) -> QuerySet[Attempt]:
    ended = Attempt.objects.filter(task_id=task.pk, state=AttemptState.FINISHED, error_code="")
    return ended.filter(provider_task_id__isnull=False).order_by("-number")


def _is_old(attempt: Attempt, age: dt.timedelta = LAG) -> bool:
    return timezone.now() - (attempt.sent_at or attempt.claimed_at) >= age


def _end_of(attempt: Attempt, task: VideoTask, snapshot: TaskSnapshot) -> str:
    """Return the code of an end without a video that can still be had; empty when EvoLink has it or works on it."""
    if snapshot.status in {ProviderStatus.FAILED, ProviderStatus.CANCELLED}:
        return (snapshot.error.code if snapshot.error else "") or f"evolink_{snapshot.status}"
    if snapshot.status != ProviderStatus.COMPLETED or not _is_old(attempt, schedule.RESULT_LIFETIME):
        return ""
    # No file of it within the day that files live, or only the link that was tried until it had ended.
    return "" if set(snapshot.result_urls) - {task.result_url} else NO_FILE


@database.in_transaction
def _forget(task: VideoTask, over: list[tuple[Attempt, str]]) -> bool:
    """Write down that nothing is left of the earlier attempts, and return whether the task still waits to be sent."""
    rows = VideoTask.objects.filter(pk=task.pk, status=TaskStatus.QUEUED).update(**CLEAN_SLATE)
    if not rows:
        return False
    for attempt, code in over:
        Attempt.objects.filter(pk=attempt.pk, state=AttemptState.FINISHED).update(error_code=code[:100])
        detail = {"reason": "looked_first", "code": code, "provider_task_id": attempt.provider_task_id}
        lifecycle.record(task, EventKind.NOTE, EventSource.WORKER, attempt=attempt, detail=detail)
    for name, value in CLEAN_SLATE.items():
        setattr(task, name, value)
    return True


@database.in_transaction
def _note_end(task: VideoTask, attempt: Attempt, snapshot: TaskSnapshot, code: str) -> None:
    """Keep what EvoLink says about the end of a task that had ended here without its word."""
    Attempt.objects.filter(pk=attempt.pk, state=AttemptState.FINISHED).update(error_code=code[:100])
    used = ledger.clamp_credits(snapshot.credits_used)
    columns: dict[str, Any] = {} if used is None else {"credits_used": used}
    if code != NO_FILE:
        columns |= {
            "error_code": code[:100],
            "error_message": snapshot.error.message if snapshot.error else "",
            "result_url": "",
            "result_expires_at": None,
        }
    if columns and attempt.number == (task.attempt.number if task.attempt else 0):
        VideoTask.objects.filter(pk=task.pk, status__in=RETRYABLE_STATUSES).update(**columns)
    detail = {"reason": "looked_again", "code": code, "provider_task_id": snapshot.id}
    lifecycle.record(task, EventKind.NOTE, EventSource.POLL, attempt=attempt, detail=detail)


def _wait(task: VideoTask, error: EvoLinkError) -> None:
    """Look again later: after half as long as it has been waited for already, for a day at most."""
    logger.warning("Task %s waits: EvoLink did not say what became of its earlier attempt: %s", task.pk, error)
    now = timezone.now()
    waited = now - (task.queued_at or now)
    if waited > schedule.QUEUE_DEADLINE:
        message = _("EvoLink did not say for a whole day what became of the earlier request, so no other was sent.")
        settlement.fail_before_sending(task, "lookup_failed", message)
        return
    wait = min(max(waited / 2, SOONEST), LATEST)
    until = now + max(wait, dt.timedelta(seconds=min(error.retry_after or 0.0, 3600.0)))
    delays.delay(task, "lookup_unanswered", until=max(until, provider.backoff_until() or until))
