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
from django_wanvideo.evolink.values import one_line
from django_wanvideo.models import Attempt, VideoTask
from django_wanvideo.services import lifecycle, outages, provider, schedule

if TYPE_CHECKING:
    from django_wanvideo.evolink.answers import TaskSnapshot
    from django_wanvideo.evolink.errors import EvoLinkError

FOLLOWED = frozenset({TaskStatus.PENDING, TaskStatus.PROCESSING})


def apply(attempt: Attempt, snapshot: TaskSnapshot, *, source: EventSource) -> None:
    """Bring an accepted task to where EvoLink says it is; a late or repeated message changes nothing."""
    if attempt.task.failed_looks:
        _row(attempt).update(failed_looks=0, trouble_since=None)
        outages.note_end()
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
    message = one_line(error.message) if error else ""
    lifecycle.advance(
        attempt.task_id,
        to,
        allowed=FOLLOWED,
        kind=kind,
        source=source,
        attempt=attempt,
        guard=_current(attempt),
        detail={"code": error.code, "message": message} if error else {},
        error_code=code[:100],
        error_message=message,
        credits_used=provider.storable(snapshot.credits_used),
        # Even if EvoLink had called it done before, there is no result that could end.
        result_expires_at=None,
    )


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
    ends_at = min(attempt.task.result_expires_at or now + schedule.RESULT_LIFETIME, now + schedule.RESULT_LIFETIME)
    said_for = now - (ends_at - schedule.RESULT_LIFETIME)
    used = provider.storable(snapshot.credits_used)
    known: dict[str, Any] = {} if used is None else {"credits_used": used}
    if is_past(attempt, schedule.GIVE_UP) and said_for >= schedule.TROUBLE_DEADLINE:
        message = _("EvoLink says the video is done, but gave no file for a whole day.")
        _give_up(attempt, source, "result_missing", message, known)
        return
    lasting = said_for >= schedule.TROUBLE_DEADLINE
    if lasting and not outages.many_lack_a_file():
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
    if is_past(attempt, schedule.GIVE_UP) and source != EventSource.CALLBACK:
        _give_up(attempt, source, "never_finished", _("EvoLink did not finish the video in a whole day."))
        return
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
        _row(attempt).filter(progress__lt=percent).update(progress=percent)


def look_again(
    attempt: Attempt,
    *,
    percent: int = 0,
    slowly: bool = False,
    trouble: bool = False,
    wait: dt.timedelta | None = None,
    **columns: Any,
) -> None:
    """Set when an unfinished task is looked at next; an overdue one is told once.

    Args:
        percent: never lowers progress.
        slowly: whether to wait as long as with an overdue task.
        trouble: whether this look said nothing of the task; what all tasks meet is then not told of each.
        wait: how long at least.
        columns: others to write beside; ``tries`` counts one up unless it is among them.
    """
    task, now = attempt.task, timezone.now()
    if task.accepted_at is not None and task.accepted_at > now:
        # Written by a clock that was ahead; left so, the task would be overdue that much later.
        columns["accepted_at"] = task.accepted_at = now
    overdue = is_past(attempt, dt.timedelta(seconds=conf.POLL_DEADLINE))
    wait = max(schedule.next_look(task.tries, overdue=overdue or slowly), wait or dt.timedelta(0))
    if percent:
        columns["progress"] = _at_least(percent)
    rows = _row(attempt).update(**{"tries": F("tries") + 1, "next_action_at": now + wait} | columns)
    if not rows or not overdue or task.told_overdue_at is not None:
        return
    # Of the first look that fails it is not known yet whether the others fail as well.
    if not trouble or (task.failed_looks > 1 and not outages.is_everybodys()):
        lifecycle.tell_once(task, "told_overdue_at", EventKind.OVERDUE, statuses=FOLLOWED)


def unanswered(attempt: Attempt, error: EvoLinkError) -> None:
    """Look again after trouble that says nothing about the task; it neither fails it nor speaks for it.

    Only when it lasts beyond the time that a file lives is the task given up.
    """
    _count_failure(attempt, error)
    if is_past(attempt, schedule.GIVE_UP):
        _no_word(
            attempt,
            "never_answered",
            _("EvoLink could not be asked about the video for a whole day."),
            lasting=schedule.SILENCE,
        )
        return
    # While EvoLink does not know the task, ``tries`` counts its saying so.
    look_again(attempt, trouble=True, tries=F("tries") + Case(When(trouble_since=None, then=1), default=0))


def unknown(attempt: Attempt, error: EvoLinkError) -> None:
    """EvoLink says that it does not know the id, which may pass: a lag, a failover, another account's key.

    ``trouble_since`` and ``tries`` hold since when and how often it was said; any answer about the task itself ends that.
    """
    _count_failure(attempt, error)
    _no_word(attempt, "resource_not_found", _("EvoLink no longer knows this task."))


def _no_word(attempt: Attempt, code: str, message: str, *, lasting: dt.timedelta = dt.timedelta(0)) -> None:
    """Look again, ever more rarely, while EvoLink has no word about a task, and give up when no file can live any more."""
    now, task = timezone.now(), attempt.task
    _row(attempt).filter(Q(trouble_since=None) | Q(trouble_since__gt=now)).update(trouble_since=now, tries=0)
    task.trouble_since, task.tries = _row(attempt).values_list("trouble_since", "tries").first() or (None, 0)
    if task.trouble_since is None:
        return
    said_enough = task.tries + 1 >= schedule.UNKNOWN_ANSWERS and now - task.trouble_since >= lasting
    together = not is_past(attempt, schedule.GIVE_UP_TOGETHER) and outages.is_everybodys()
    if is_past(attempt, schedule.GIVE_UP) and said_enough and not together:
        said = {"since": task.trouble_since.isoformat(), "times": task.tries + 1}
        _give_up(attempt, EventSource.POLL, code, message, said=said)
    else:
        look_again(attempt, trouble=True, wait=schedule.next_unknown_look(task.tries))


def _count_failure(attempt: Attempt, error: EvoLinkError) -> None:
    _row(attempt).update(failed_looks=F("failed_looks") + 1)
    attempt.task.failed_looks += 1
    outages.note_trouble(error.code or str(error.http_status))


def is_past(attempt: Attempt, span: dt.timedelta) -> bool:
    """Tell whether a task was accepted longer ago than ``span``."""
    accepted_at = attempt.task.accepted_at
    return accepted_at is not None and timezone.now() > accepted_at + span


def _give_up(
    attempt: Attempt,
    source: EventSource,
    code: str,
    message: str,
    columns: dict[str, Any] | None = None,
    *,
    said: dict[str, Any] | None = None,
) -> None:
    """End a task that EvoLink has not ended: if a file of it had been made, it would be gone by now."""
    known = columns or {}
    lifecycle.advance(
        attempt.task_id,
        TaskStatus.FAILED,
        allowed=FOLLOWED,
        kind=EventKind.FAILED,
        source=source,
        attempt=attempt,
        guard=_current(attempt),
        detail={"code": code} | (said or {}) | {name: str(value) for name, value in known.items()},
        error_code=code,
        error_message=message,
        **known,
    )


def _current(attempt: Attempt) -> Q:
    """A condition: the task still hangs on this attempt. What EvoLink says of an earlier one must not touch it."""
    return Q(Exists(Attempt.objects.filter(pk=attempt.pk, state=AttemptState.ACCEPTED)))


def _row(attempt: Attempt) -> QuerySet[VideoTask]:
    rows: QuerySet[VideoTask] = VideoTask.objects.filter(_current(attempt), pk=attempt.task_id, status__in=FOLLOWED)
    return rows


def _at_least(percent: int) -> Greatest:
    return Greatest(F("progress"), Value(percent, output_field=PositiveSmallIntegerField()))
