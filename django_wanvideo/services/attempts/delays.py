"""Keeping a queued task back, with a reason that staff can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_wanvideo.choices import EventKind, EventSource, TaskStatus
from django_wanvideo.db import timestamps
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.models import VideoTask, lifecycle
from django_wanvideo.services import schedule
from django_wanvideo.services.attempts import settlement
from django_wanvideo.services.holds import account, holds
from django_wanvideo.services.limits import credit_limits
from django_wanvideo.services.provider import provider

if TYPE_CHECKING:
    import datetime as dt

    from django_stubs_ext import StrOrPromise

#: The end, as code and words, of a task that was put off for too long, by the reason of the last time.
EXPIRED_REASONS: dict[str, tuple[str, StrOrPromise]] = {
    "upload_failed": ("put_off_too_long", _("EvoLink did not take the picture for a whole day. Try again later.")),
    "files_full": (
        "put_off_too_long",
        _("For a whole day EvoLink kept as many files of the account as it takes. Try again later, or give links."),
    ),
    "input_unreadable": (
        "input_unreadable",
        _("A file of it could not be read from this site’s storage for a whole day."),
    ),
}
#: What is looked up anew at each try, however far ahead the row says that it may end.
LOOKED_UP = credit_limits.REASONS | holds.REASONS


def not_delayed(now: dt.datetime) -> Q:
    """A condition on a row: it need not wait for a time."""
    return Q(delayed_until=None) | Q(delayed_until__lte=now) | Q(delay_reason__in=LOOKED_UP)


def delay(task: VideoTask, reason: str, *, until: dt.datetime) -> None:
    """Put a queued task off; the history gets a line when the reason is a new one."""
    queued = VideoTask.objects.filter(pk=task.pk, status=TaskStatus.QUEUED)
    rows = queued.update(delayed_until=until, delay_reason=reason, next_action_at=until)
    if rows and task.delay_reason != reason:
        detail = {"reason": reason, "until": until.isoformat()}
        lifecycle.record(task, EventKind.WAITING, EventSource.WORKER, detail=detail)
    task.delayed_until, task.delay_reason, task.next_action_at = until, reason, until


def is_delayed(task: VideoTask) -> bool:
    """Tell whether a queued task must still wait; it is then put off once more.

    A wait that lies further ahead than its reason can mean is taken back.
    """
    if task.delayed_until is None or task.delayed_until <= timezone.now() or task.delay_reason in LOOKED_UP:
        return False
    row = VideoTask.objects.filter(pk=task.pk, status=TaskStatus.QUEUED, delayed_until=task.delayed_until)
    if timestamps.stands(task.delayed_until, timestamps.longest_hold(task.delay_reason)):
        row.update(next_action_at=task.delayed_until)
        return True
    row.update(delayed_until=None, next_action_at=timezone.now())
    task.delayed_until = None
    return False


def delay_after_error(task: VideoTask, reason: str, error: Exception) -> None:
    """Delay a queued task after something free of charge did not work: longer each time, for a day at most."""
    of_evolink = error if isinstance(error, EvoLinkError) else None
    now = timezone.now()
    if of_evolink is not None and (trouble := account.note(of_evolink)) is not None:
        delay(task, trouble, until=now + schedule.next_send(0, None))
        return
    if holds.waited_too_long(task):
        settlement.fail_before_sending(task, *EXPIRED_REASONS[reason])
        return
    VideoTask.objects.filter(pk=task.pk, status=TaskStatus.QUEUED).update(retry_count=task.retry_count + 1)
    task.retry_count += 1
    until = now + schedule.next_send(task.retry_count - 1, of_evolink.retry_after if of_evolink else None)
    if of_evolink is not None:
        until = max(until, provider.handle_error(of_evolink) or until)
    delay(task, reason, until=until)
