"""Keeping a queued task back, with a reason that staff can read."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.utils import timezone

from django_wanvideo.choices import EventKind, EventSource, TaskStatus
from django_wanvideo.models import VideoTask
from django_wanvideo.services import lifecycle, schedule

if TYPE_CHECKING:
    from django_wanvideo.evolink.errors import EvoLinkError

#: How soon a worker that has no key looks again; another worker may have one.
NO_KEY = dt.timedelta(seconds=60)


def hold(task: VideoTask, reason: str, *, until: dt.datetime) -> None:
    """Put a queued task off; the history gets a line when the reason is a new one."""
    rows = VideoTask.objects.filter(pk=task.pk, status=TaskStatus.QUEUED).update(
        held_until=until, held_reason=reason, next_action_at=until
    )
    if rows and task.held_reason != reason:
        detail = {"reason": reason, "until": until.isoformat()}
        lifecycle.record(task, EventKind.WAITING, EventSource.WORKER, detail=detail)
    task.held_until, task.held_reason, task.next_action_at = until, reason, until


def hold_with_backoff(task: VideoTask, reason: str, error: EvoLinkError) -> None:
    """Put a queued task off after something free of charge did not work; longer each time."""
    VideoTask.objects.filter(pk=task.pk, status=TaskStatus.QUEUED).update(tries=task.tries + 1)
    task.tries += 1
    hold(task, reason, until=timezone.now() + schedule.next_send_try(task.tries - 1, error.retry_after))
