"""What EvoLink says about an accepted task, and what that changes here."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db.models import DateTimeField, F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.choices import RETRYABLE_STATUSES, AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.evolink.types import ProviderStatus
from django_wanvideo.http.text import one_line
from django_wanvideo.models import Attempt, VideoTask, ledger, lifecycle
from django_wanvideo.services import schedule
from django_wanvideo.services.tracking.rescheduling import (
    POLLED_STATUSES,
    current,
    give_up,
    is_past,
    many_lack_a_file,
    no_word,
    note_answer,
    rows_of,
    schedule_next_poll,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.evolink.types import TaskSnapshot

#: What a task forgets about its earlier attempts once EvoLink has nothing for it any more.
CLEAN_SLATE: dict[str, Any] = {
    "accepted_at": None,
    "credits_reserved": None,
    "credits_used": None,
    "result_url": "",
    "result_expires_at": None,
    "estimated_seconds": None,
    "expiry_notified_at": None,
}


def apply_snapshot(attempt: Attempt, snapshot: TaskSnapshot, *, source: EventSource) -> None:
    """Bring an accepted task to where EvoLink says it is; a late or repeated message changes nothing."""
    if attempt.provider_task_id == snapshot.id:
        # First, because a task that has ended is not looked at again; whatever became of it, this is what it cost.
        ledger.report(attempt.pk, snapshot)
    if attempt.task.failed_looks:
        rows_of(attempt).update(failed_looks=0, not_found_since=None)
        note_answer()
    match snapshot.status:
        case ProviderStatus.COMPLETED if snapshot.result_urls:
            _completed(attempt, snapshot, source)
        case ProviderStatus.COMPLETED:
            _handle_missing_result(attempt, snapshot, source)
        case ProviderStatus.FAILED:
            code = (snapshot.error.code if snapshot.error else "") or "unknown_error"
            _ended(attempt, snapshot, source, TaskStatus.FAILED, EventKind.FAILED, code)
        case ProviderStatus.CANCELLED:
            _ended(attempt, snapshot, source, TaskStatus.CANCELLED, EventKind.CANCELLED, "request_cancelled")
        case _:
            _update_progress(attempt, snapshot, source)


def _ended(
    attempt: Attempt, snapshot: TaskSnapshot, source: EventSource, to: TaskStatus, kind: EventKind, code: str
) -> None:
    error = snapshot.error
    message = one_line(error.message) if error else ""
    moved = lifecycle.advance(
        attempt.task_id,
        to,
        allowed=POLLED_STATUSES,
        kind=kind,
        source=source,
        attempt=attempt,
        condition=current(attempt),
        detail={"code": error.code, "message": message} if error else {},
        error_code=code[:100],
        error_message=message,
        credits_used=ledger.clamp_credits(snapshot.credits_used),
        # Even if EvoLink had called it done before, there is no result that could end.
        result_expires_at=None,
    )
    if moved is not None:
        # EvoLink's own word about this attempt: nobody needs to ask before it is tried again.
        Attempt.objects.filter(pk=attempt.pk).update(error_code=code[:100])


def _completed(attempt: Attempt, snapshot: TaskSnapshot, source: EventSource) -> None:
    now = timezone.now()
    made_at = now
    if snapshot.created is not None and snapshot.created < now and snapshot.elapsed_seconds is not None:
        ended_at = snapshot.created + dt.timedelta(seconds=snapshot.elapsed_seconds)
        # An odd clock of EvoLink's must not make a link look dead that lives.
        made_at = min(now, max(ended_at, attempt.claimed_at))
    used = ledger.clamp_credits(snapshot.credits_used)
    ends_at = made_at + schedule.RESULT_LIFETIME
    result: dict[str, Any] = {"result_url": snapshot.result_urls[0], "result_expires_at": ends_at}
    if used is not None:
        result["credits_used"] = used
    moved = lifecycle.advance(
        attempt.task_id,
        TaskStatus.STORING,
        allowed=POLLED_STATUSES,
        kind=EventKind.GENERATED,
        source=source,
        attempt=attempt,
        condition=current(attempt),
        detail={} if used is None else {"credits_used": str(used)},
        **result,
    )
    if moved is None:
        _record_late_result(attempt, result, source)


@database.in_transaction
def _record_late_result(attempt: Attempt, result: dict[str, Any], source: EventSource) -> None:
    """A paid video of a task that has failed meanwhile: the end stands, but a person is told that it can be fetched."""
    ended = VideoTask.objects.filter(pk=attempt.task_id, status__in=RETRYABLE_STATUSES, result_url="")
    if ended.update(dismissed_at=None, **result):
        detail = {"reason": "result_came_after_all"}
        lifecycle.record(attempt.task_id, EventKind.NEEDS_DECISION, source, attempt=attempt, detail=detail)


def _handle_missing_result(attempt: Attempt, snapshot: TaskSnapshot, source: EventSource) -> None:
    """EvoLink calls it done, and charges for it, but gives no file: asked for as long as a file could have lived.

    ``result_expires_at`` without a link says since when; people are told once it is more than EvoLink's lag.
    """
    now = timezone.now()
    ends_at = min(attempt.task.result_expires_at or now + schedule.RESULT_LIFETIME, now + schedule.RESULT_LIFETIME)
    said_for = now - (ends_at - schedule.RESULT_LIFETIME)
    used = ledger.clamp_credits(snapshot.credits_used)
    known: dict[str, Any] = {} if used is None else {"credits_used": used}
    if is_past(attempt, schedule.GIVE_UP) and said_for >= schedule.MISSING_RESULT_DEADLINE:
        message = _("EvoLink says the video is done, but gave no file for a whole day.")
        give_up(attempt, source, "result_missing", message, known)
        return
    lasting = said_for >= schedule.MISSING_RESULT_DEADLINE
    if lasting and not many_lack_a_file():
        _notify_missing_result(attempt, source)
    schedule_next_poll(attempt, slowly=lasting, not_found_since=None, result_expires_at=ends_at, **known)


@database.in_transaction
def _notify_missing_result(attempt: Attempt, source: EventSource) -> None:
    now = Value(timezone.now(), output_field=DateTimeField())
    detail = {"reason": "result_missing"}
    # The row is locked by its update, so of two workers the second one sees the first one's event.
    rows = rows_of(attempt).update(overdue_notified_at=Coalesce(F("overdue_notified_at"), now))
    if rows and not attempt.events.filter(kind=EventKind.NEEDS_DECISION, detail__reason=detail["reason"]).exists():
        lifecycle.record(attempt.task_id, EventKind.NEEDS_DECISION, source, attempt=attempt, detail=detail)


def _update_progress(attempt: Attempt, snapshot: TaskSnapshot, source: EventSource) -> None:
    if is_past(attempt, schedule.GIVE_UP) and source != EventSource.CALLBACK:
        no_word(attempt, "never_finished", _("EvoLink did not finish the video in a whole day."))
        return
    if snapshot.status == ProviderStatus.PROCESSING and attempt.task.status != TaskStatus.PROCESSING:
        lifecycle.advance(
            attempt.task_id,
            TaskStatus.PROCESSING,
            allowed=frozenset({TaskStatus.PENDING}),
            kind=EventKind.PROGRESS,
            source=source,
            attempt=attempt,
            condition=current(attempt),
            retry_count=F("retry_count"),
            next_action_at=F("next_action_at"),
        )
    # 100 is for a file that is in our storage.
    percent = min(snapshot.progress or 0, 99)
    if source != EventSource.CALLBACK:
        schedule_next_poll(attempt, percent=percent, not_found_since=None)
    else:
        rows_of(attempt).filter(progress__lt=percent).update(progress=percent)


def bring_home(
    task: VideoTask,
    attempt: Attempt,
    snapshot: TaskSnapshot,
    *,
    source: EventSource,
    actor: AbstractBaseUser | None = None,
) -> bool:
    """Go on with an attempt that had ended here, because EvoLink has its video: nothing is sent or charged anew."""
    now, reserved = timezone.now(), ledger.clamp_credits(snapshot.credits_reserved)
    columns = CLEAN_SLATE | {
        "accepted_at": now,
        "credits_reserved": reserved,
        "overdue_notified_at": None,
        "result_refreshed_at": None,
        "delayed_until": None,
        "delay_reason": "",
        "progress": min(snapshot.progress or 0, 99),
        "next_action_at": now,
    }
    with database.atomic():
        # An end is left through the queue, as by any retry; nobody sees the task there.
        lifecycle.advance(
            task,
            TaskStatus.QUEUED,
            allowed=RETRYABLE_STATUSES,
            kind=EventKind.RETRIED,
            source=source,
            actor=actor,
            detail={"reason": "look_again"},
            queued_at=now,
            delayed_until=now + dt.timedelta(minutes=1),
            progress=0,
        )
        moved = lifecycle.move_with_attempt(
            attempt,
            TaskStatus.PROCESSING if snapshot.status == ProviderStatus.PROCESSING else TaskStatus.PENDING,
            state=AttemptState.ACCEPTED,
            only=Q(state=AttemptState.FINISHED, provider_task_id=snapshot.id),
            task=task,
            reserved=reserved,
            allowed=frozenset({TaskStatus.QUEUED}),
            kind=EventKind.NOTE,
            source=source,
            actor=actor,
            detail={"reason": "found_at_evolink", "provider_task_id": snapshot.id},
            **columns,
        )
        if moved is None:
            database.roll_back()
    if moved is None:
        task.refresh_from_db()
        return False
    attempt.refresh_from_db()
    attempt.task = task
    apply_snapshot(attempt, snapshot, source=EventSource.POLL)
    return True
