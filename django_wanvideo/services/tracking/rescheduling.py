"""Looks at unfinished tasks: when the next one is due, whom an overdue task is told, and when a task is given up.

Trouble that many tasks meet at once is the account's or EvoLink's and not theirs: it is told once, for the site.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Exists, F, PositiveSmallIntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.choices import AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.models import Attempt, SiteState, VideoTask, lifecycle
from django_wanvideo.services import schedule

if TYPE_CHECKING:
    from django_wanvideo.evolink.exceptions import EvoLinkError

logger = logging.getLogger(__name__)

POLLED_STATUSES = frozenset({TaskStatus.PENDING, TaskStatus.PROCESSING})
#: So many tasks with the same trouble at once are no coincidence.
MANY = 3
#: The name under which it is remembered that this was said.
TOGETHER = "polling_trouble"


def schedule_next_poll(
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
        columns: others to write beside; ``retry_count`` counts one up unless it is among them.
    """
    task, now = attempt.task, timezone.now()
    if task.accepted_at is not None and task.accepted_at > now:
        # Written by a clock that was ahead; left so, the task would be overdue that much later.
        columns["accepted_at"] = task.accepted_at = now
    overdue = is_past(attempt, dt.timedelta(seconds=conf.POLL_DEADLINE))
    wait = max(schedule.next_poll(task.retry_count, overdue=overdue or slowly), wait or dt.timedelta(0))
    if percent:
        columns["progress"] = Greatest(F("progress"), Value(percent, output_field=PositiveSmallIntegerField()))
    rows = rows_of(attempt).update(**{"retry_count": F("retry_count") + 1, "next_action_at": now + wait} | columns)
    if not rows or not overdue or task.overdue_notified_at is not None:
        return
    # Of the first look that fails it is not known yet whether the others fail as well.
    if not trouble or (task.failed_looks > 1 and not is_everybodys_trouble()):
        lifecycle.record_once(task, "overdue_notified_at", EventKind.OVERDUE, statuses=POLLED_STATUSES)


def postpone_poll(attempt: Attempt, error: EvoLinkError) -> None:
    """Look again after trouble that says nothing about the task; it neither fails it nor speaks for it.

    Only when it lasts beyond the time that a file lives is the task given up.
    """
    _count_failure(attempt, error)
    if is_past(attempt, schedule.GIVE_UP):
        message = _("EvoLink could not be asked about the video for a whole day.")
        no_word(attempt, "never_answered", message, lasting=schedule.SILENCE)
        return
    # While EvoLink does not know the task, ``retry_count`` counts its saying so.
    tries = F("retry_count") + Case(When(not_found_since=None, then=1), default=0)
    schedule_next_poll(attempt, trouble=True, retry_count=tries)


def handle_not_found(attempt: Attempt, error: EvoLinkError) -> None:
    """EvoLink says that it does not know the id, which may pass: a lag, a failover, another account's key.

    ``not_found_since`` and ``retry_count`` hold since when and how often it was said; any answer about the task ends that.
    """
    _count_failure(attempt, error)
    no_word(attempt, "resource_not_found", _("EvoLink no longer knows this task."))


def no_word(attempt: Attempt, code: str, message: str, *, lasting: dt.timedelta = dt.timedelta(0)) -> None:
    """Look again, ever more rarely, while EvoLink has no last word about a task, and give up when no file can live any more.

    One look is not enough for that: a clock may be wrong for its length.
    """
    now, task = timezone.now(), attempt.task
    unsaid = Q(not_found_since=None) | Q(not_found_since__gt=now)
    rows_of(attempt).filter(unsaid).update(not_found_since=now, retry_count=0)
    row = rows_of(attempt).values_list("not_found_since", "retry_count").first()
    task.not_found_since, task.retry_count = row or (None, 0)
    if task.not_found_since is None:
        return
    said_enough = task.retry_count + 1 >= schedule.UNKNOWN_ANSWERS and now - task.not_found_since >= lasting
    together = not is_past(attempt, schedule.GIVE_UP_TOGETHER) and is_everybodys_trouble()
    if is_past(attempt, schedule.GIVE_UP) and said_enough and not together:
        said = {"since": task.not_found_since.isoformat(), "times": task.retry_count + 1}
        give_up(attempt, EventSource.POLL, code, message, said=said)
    else:
        schedule_next_poll(attempt, trouble=True, wait=schedule.next_not_found_poll(task.retry_count))


def _count_failure(attempt: Attempt, error: EvoLinkError) -> None:
    rows_of(attempt).update(failed_looks=F("failed_looks") + 1)
    attempt.task.failed_looks += 1
    code = error.code or str(error.http_status)
    if (
        is_everybodys_trouble()
        and SiteState.objects.get_or_create(name=TOGETHER, defaults={"value": {"code": code}})[1]
    ):
        logger.error(
            "EvoLink has no word about many of this site's tasks (%s). If it says that it does not know them, the key may "
            "be another account's. They are looked at again, and none fails for it.",
            code,
        )


def note_answer() -> None:
    """A task that EvoLink had no word about has been answered, or has ended; what was many may be few now."""
    if not is_everybodys_trouble():
        SiteState.objects.filter(name=TOGETHER).delete()


def is_everybodys_trouble() -> bool:
    """Tell whether the latest looks at many tasks brought no word about them."""
    return _are_many(failed_looks__gt=0)


def many_lack_a_file() -> bool:
    """Tell whether EvoLink calls many tasks done without giving a file of them."""
    return _are_many(result_expires_at__isnull=False)


def _are_many(**condition: Any) -> bool:
    rows = VideoTask.objects.filter(status__in=POLLED_STATUSES, **condition)
    return len(rows.order_by().values_list("pk")[:MANY]) >= MANY


def is_past(attempt: Attempt, span: dt.timedelta) -> bool:
    """Tell whether a task was accepted longer ago than ``span``."""
    accepted_at = attempt.task.accepted_at
    return accepted_at is not None and timezone.now() > accepted_at + span


def give_up(
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
    lifecycle.fail(
        attempt.task_id,
        code,
        message,
        source=source,
        allowed=POLLED_STATUSES,
        attempt=attempt,
        condition=current(attempt),
        detail=(said or {}) | {name: str(value) for name, value in known.items()},
        **known,
    )
    note_answer()


def current(attempt: Attempt) -> Q:
    """A condition: the task still hangs on this attempt. What EvoLink says of an earlier one must not touch it."""
    return Q(Exists(Attempt.objects.filter(pk=attempt.pk, state=AttemptState.ACCEPTED)))


def rows_of(attempt: Attempt) -> QuerySet[VideoTask]:
    """Return the attempt's task, as long as it is followed and hangs on this attempt."""
    return VideoTask.objects.filter(current(attempt), pk=attempt.task_id, status__in=POLLED_STATUSES)
