"""What EvoLink says about an accepted task, and what that changes here."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db.models import Case, DateTimeField, Exists, F, PositiveSmallIntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import database
from django_wanvideo.choices import AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.evolink.answers import RemoteStatus
from django_wanvideo.models import Attempt, VideoTask
from django_wanvideo.services import lifecycle, provider, schedule

if TYPE_CHECKING:
    from django_wanvideo.evolink.answers import TaskSnapshot

FOLLOWED = frozenset({TaskStatus.PENDING, TaskStatus.PROCESSING})


def apply(attempt: Attempt, snapshot: TaskSnapshot, *, source: EventSource) -> None:
    """Bring an accepted task to where EvoLink says it is; a late or repeated message changes nothing."""
    match snapshot.status:
        case RemoteStatus.COMPLETED if snapshot.result_urls:
            _completed(attempt, snapshot, source)
        case RemoteStatus.COMPLETED:
            _without_a_file(attempt, snapshot, source)
        case RemoteStatus.FAILED:
            code = (snapshot.error.code if snapshot.error else "") or "unknown_error"
            _ended(attempt, snapshot, source, TaskStatus.FAILED, EventKind.FAILED, code)
        case RemoteStatus.CANCELLED:
            _ended(attempt, snapshot, source, TaskStatus.CANCELLED, EventKind.CANCELLED, "request_cancelled")
        case _:
            _still_going(attempt, snapshot, source)


def _ended(
    attempt: Attempt, snapshot: TaskSnapshot, source: EventSource, to: TaskStatus, kind: EventKind, code: str
) -> None:
    error = snapshot.error
    moved = lifecycle.advance(
        attempt.task_id,
        to,
        allowed=FOLLOWED,
        kind=kind,
        source=source,
        attempt=attempt,
        guard=_current(attempt),
        detail={"code": error.code, "message": error.message} if error else {},
        error_code=code[:100],
        error_message=error.message if error else "",
        credits_used=provider.storable(snapshot.credits_used),
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
    used = provider.storable(snapshot.credits_used)
    result: dict[str, Any] = {
        "result_url": snapshot.result_urls[0],
        "result_expires_at": made_at + schedule.RESULT_LIFETIME,
    }
    if used is not None:
        result["credits_used"] = used
    moved = lifecycle.advance(
        attempt.task_id,
        TaskStatus.STORING,
        allowed=FOLLOWED,
        kind=EventKind.RESULT_READY,
        source=source,
        attempt=attempt,
        guard=_current(attempt),
        detail={} if used is None else {"credits_used": str(used)},
        **result,
    )
    if moved is None:
        _came_after_all(attempt, result, source)


@database.in_transaction
def _came_after_all(attempt: Attempt, result: dict[str, Any], source: EventSource) -> None:
    """A paid video of a task that has failed meanwhile: the end stands, but a person is told that it can be fetched."""
    rows = VideoTask.objects.filter(
        pk=attempt.task_id, status__in=[TaskStatus.FAILED, TaskStatus.CANCELLED], result_url=""
    ).update(**result)
    if rows:
        lifecycle.record(
            attempt.task_id,
            EventKind.NEEDS_DECISION,
            source,
            attempt=attempt,
            detail={"reason": "result_came_after_all"},
        )


def _without_a_file(attempt: Attempt, snapshot: TaskSnapshot, source: EventSource) -> None:
    """EvoLink calls it done, and charges for it, but gives no file: asked for as long as a file could have lived.

    ``result_expires_at`` without a link says since when; people are told once it is more than EvoLink's lag.
    """
    now = timezone.now()
    ends_at = attempt.task.result_expires_at or now + schedule.RESULT_LIFETIME
    used = provider.storable(snapshot.credits_used)
    known: dict[str, Any] = {} if used is None else {"credits_used": used}
    if now >= ends_at:
        lifecycle.advance(
            attempt.task_id,
            TaskStatus.FAILED,
            allowed=FOLLOWED,
            kind=EventKind.FAILED,
            source=source,
            attempt=attempt,
            guard=_current(attempt),
            detail={"code": "result_missing"} | {name: str(value) for name, value in known.items()},
            error_code="result_missing",
            error_message=_("EvoLink says the video is done, but gave no file for a whole day."),
            **known,
        )
        return
    lasting = now >= ends_at - schedule.RESULT_LIFETIME + schedule.TROUBLE_DEADLINE
    if lasting:
        _tell_of_the_missing_file(attempt, source)
    look_again(attempt, slowly=lasting, trouble_since=None, result_expires_at=ends_at, **known)


@database.in_transaction
def _tell_of_the_missing_file(attempt: Attempt, source: EventSource) -> None:
    now = Value(timezone.now(), output_field=DateTimeField())
    detail = {"reason": "result_missing"}
    # The row is locked by its update, so of two workers the second one sees the first one's event.
    rows = _row(attempt).update(told_overdue_at=Coalesce(F("told_overdue_at"), now))
    if rows and not attempt.events.filter(kind=EventKind.NEEDS_DECISION, detail__reason=detail["reason"]).exists():
        lifecycle.record(attempt.task_id, EventKind.NEEDS_DECISION, source, attempt=attempt, detail=detail)


def _still_going(attempt: Attempt, snapshot: TaskSnapshot, source: EventSource) -> None:
    if snapshot.status == RemoteStatus.PROCESSING and attempt.task.status != TaskStatus.PROCESSING:
        lifecycle.advance(
            attempt.task_id,
            TaskStatus.PROCESSING,
            allowed=frozenset({TaskStatus.PENDING}),
            kind=EventKind.PROGRESS,
            source=source,
            attempt=attempt,
            guard=_current(attempt),
            tries=F("tries"),
            next_action_at=F("next_action_at"),
        )
    # 100 is for a file that is in our storage.
    percent = min(snapshot.progress or 0, 99)
    if source != EventSource.CALLBACK:
        look_again(attempt, percent=percent, trouble_since=None)
    else:
        better = Q(progress__lt=percent) | Q(trouble_since__isnull=False)
        _row(attempt).filter(better).update(trouble_since=None, progress=_at_least(percent))


def look_again(attempt: Attempt, *, percent: int = 0, slowly: bool = False, **columns: Any) -> None:
    """Set when an unfinished task is looked at next; an overdue one is told once.

    Args:
        percent: never lowers progress.
        slowly: whether to wait as long as with an overdue task.
        columns: others to write beside; ``tries`` counts one up unless it is among them.
    """
    task, now = attempt.task, timezone.now()
    overdue = now > (task.accepted_at or now) + dt.timedelta(seconds=conf.POLL_DEADLINE)
    wait = schedule.next_look(task.tries, overdue=overdue or slowly)
    if percent:
        columns["progress"] = _at_least(percent)
    rows = _row(attempt).update(**{"tries": F("tries") + 1, "next_action_at": now + wait} | columns)
    if rows and overdue and task.told_overdue_at is None:
        lifecycle.tell_once(task, "told_overdue_at", EventKind.OVERDUE, statuses=FOLLOWED)


def unanswered(attempt: Attempt) -> None:
    """Look again after trouble that says nothing about the task; it neither fails it nor speaks for it."""
    # While EvoLink does not know the task, ``tries`` counts its saying so.
    look_again(attempt, tries=F("tries") + Case(When(trouble_since=None, then=1), default=0))


def unknown(attempt: Attempt) -> None:
    """EvoLink says that it does not know the id: the task fails once that has been said long and often enough.

    A first time may be EvoLink's lag. ``trouble_since`` and ``tries`` hold since when and how often it was said; any
    answer about the task itself ends that.
    """
    now, task = timezone.now(), attempt.task
    _row(attempt).filter(trouble_since=None).update(trouble_since=now, tries=0)
    since, task.tries = _row(attempt).values_list("trouble_since", "tries").first() or (None, 0)
    if since is None:
        return
    if now - since < schedule.TROUBLE_DEADLINE or task.tries + 1 < schedule.UNKNOWN_ANSWERS:
        look_again(attempt)
        return
    lifecycle.advance(
        attempt.task_id,
        TaskStatus.FAILED,
        allowed=FOLLOWED,
        kind=EventKind.FAILED,
        source=EventSource.POLL,
        attempt=attempt,
        guard=_current(attempt),
        detail={"code": "resource_not_found", "since": since.isoformat(), "times": task.tries + 1},
        error_code="resource_not_found",
        error_message=_("EvoLink no longer knows this task."),
    )


def _current(attempt: Attempt) -> Q:
    """A condition: the task still hangs on this attempt. What EvoLink says of an earlier one must not touch it."""
    return Q(Exists(Attempt.objects.filter(pk=attempt.pk, state=AttemptState.ACCEPTED)))


def _row(attempt: Attempt) -> QuerySet[VideoTask]:
    rows: QuerySet[VideoTask] = VideoTask.objects.filter(_current(attempt), pk=attempt.task_id, status__in=FOLLOWED)
    return rows


def _at_least(percent: int) -> Greatest:
    return Greatest(F("progress"), Value(percent, output_field=PositiveSmallIntegerField()))
