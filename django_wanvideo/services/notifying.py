"""Telling every outcome once: signals, delivered from committed events."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

from django.utils import timezone
from rq.timeouts import BaseTimeoutException

from django_wanvideo import signals
from django_wanvideo.choices import EventKind, EventSource
from django_wanvideo.models import TaskEvent, VideoTask
from django_wanvideo.services import installation, lifecycle

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping

    from django.dispatch import Signal

logger = logging.getLogger(__name__)

#: How long the receivers of one signal may take before they are taken for dead and told again: longer than RQ lets a
#: job run (900 seconds, and 60 more before it kills the process).
LEASE = dt.timedelta(seconds=1000)

SIGNALS: Mapping[str, tuple[Signal, ...]] = {
    EventKind.ACCEPTED: (signals.video_submitted,),
    EventKind.STORED: (signals.video_completed, signals.video_finished),
    EventKind.FAILED: (signals.video_failed, signals.video_finished),
    EventKind.CANCELLED: (signals.video_cancelled, signals.video_finished),
    EventKind.OVERDUE: (signals.video_needs_decision,),
    EventKind.NEEDS_DECISION: (signals.video_needs_decision,),
}


def deliver(task_id: uuid.UUID) -> int:
    """Deliver the signals of a task's untold events, oldest first; return how many events were told.

    An event is claimed before its receivers run and marked told after: if the worker dies in between, it is told
    again when the claim has run out, with the same ``event.pk``. While an earlier event is claimed by another worker
    the later ones wait.
    """
    told = 0
    while True:
        event = TaskEvent.objects.filter(task_id=task_id, notify_at__isnull=False).order_by("id").first()
        if event is None or event.notify_at is None or event.notify_at > timezone.now():
            return told
        if installation.is_foreign() or not _claim(event):
            return told
        late = _send(event)
        # Not if another worker has taken it over: what that one tells must be told again if it dies.
        ours = TaskEvent.objects.filter(pk=event.pk, notify_at=event.notify_at)
        told += ours.update(notify_at=None, notified_at=timezone.now())
        if late is not None:
            raise late


def _claim(event: TaskEvent) -> bool:
    """Take an event, or take it for longer; ``False`` when another worker has it meanwhile."""
    until = timezone.now() + LEASE
    if not TaskEvent.objects.filter(pk=event.pk, notify_at=event.notify_at).update(notify_at=until):
        return False
    event.notify_at = until
    return True


def _send(event: TaskEvent) -> BaseTimeoutException | None:
    """Call the receivers; return the end of the job's time, if it came meanwhile, to be raised once all are told."""
    late = None
    task = VideoTask.objects.get(pk=event.task_id)
    for signal in SIGNALS.get(event.kind, ()):
        if not _claim(event):
            break
        for receiver, answer in signal.send_robust(sender=VideoTask, task=task, event=event):
            if isinstance(answer, Exception):
                _receiver_failed(event, receiver, answer)
            if isinstance(answer, BaseTimeoutException):
                # Caught like any error of a receiver's; swallowed, the job would go on without any limit.
                late = answer
    return late


def _receiver_failed(event: TaskEvent, receiver: object, error: Exception) -> None:
    name = f"{getattr(receiver, '__module__', '?')}.{getattr(receiver, '__qualname__', type(receiver).__name__)}"
    logger.error("Receiver %s failed for task %s.", name, event.task_id, exc_info=error)
    # The class only: the text of a foreign error may hold anything.
    lifecycle.record(
        event.task_id,
        EventKind.RECEIVER_FAILED,
        EventSource.CODE,
        attempt=event.attempt,
        detail={"receiver": name, "error": type(error).__name__, "event": event.pk},
    )
